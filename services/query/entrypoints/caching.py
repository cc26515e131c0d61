"""Validators and links of answers: an asker who has the same answer already gets 304, one who reads on finds the pages in `Link`."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response

from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.middleware.paths import path_as_sent

OURS: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept-Language"}
"""May be kept by the asker alone, and is asked for again each time: what the answer shows may change at any moment."""

NEVER_KEPT: Final = {"Cache-Control": "no-store"}
DIGEST_BYTES: Final = 16
LINKED: Final[dict[str, Any]] = {
    "Link": {"description": "the pages before and after this one (RFC 8288)", "schema": {"type": "string"}}
}
CHECKED: Final[dict[str, Any]] = {
    "ETag": {"description": "changes whenever the answer does", "schema": {"type": "string"}}
}
NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "What `If-None-Match` names is still what this shows", "headers": CHECKED}
}
LOOKED_AT: Final[dict[int | str, dict[str, Any]]] = {200: {"headers": CHECKED}, **NOT_MODIFIED}
"""What a route says whose answer is `checked`; in pages, LEAFED_THROUGH."""

LEAFED_THROUGH: Final[dict[int | str, dict[str, Any]]] = {200: {"headers": {**LINKED, **CHECKED}}, **NOT_MODIFIED}


def checked(request: Request, answer: Response) -> Response:
    """Return `answer` with its ETag, else one over its bytes, or 304 where the asker holds that. To be used on answers that are whole."""
    etag = answer.headers.get("etag") or etag_of(bytes(answer.body))
    answer.headers.update({"ETag": etag, **OURS})
    if not holds(request.headers.getlist("if-none-match"), etag):
        return answer
    kept = {name: answer.headers[name] for name in ("etag", "cache-control", "vary", "link") if name in answer.headers}
    kept["vary"] += ", Accept-Encoding"  # compression says so itself, of answers that it could have compressed
    return Response(status_code=304, headers=kept)


def leafed(request: Request, page: dict[str, Any]) -> Response:
    """Return a page as an answer that is checked, with links to the pages whose cursors it tells."""
    return checked(request, linked(request, page))


def linked(request: Request, page: dict[str, Any]) -> Response:
    """Return a page as an answer with links to the pages whose cursors it tells."""
    cursors = {"next": page["next_cursor"], "prev": page["previous_cursor"]}
    return json_answer(page, headers=links(request, cursors))


def unkept(answer: Response) -> Response:
    """Return `answer` as one that nobody may keep: it shows what is masked otherwise."""
    answer.headers.update(NEVER_KEPT)
    return answer


def etag_of(body: bytes) -> str:
    """Return the validator of an answer. Weak, because the same answer may travel compressed."""
    return f'W/"{hashlib.blake2b(body, digest_size=DIGEST_BYTES).hexdigest()}"'


def holds(if_none_match: list[str], etag: str) -> bool:
    """Say whether the header `If-None-Match` names `etag`, compared weakly (RFC 9110), or anything at all."""
    named = [one.strip() for line in if_none_match for one in line.split(",")]
    return "*" in named or etag.removeprefix("W/") in {one.removeprefix("W/") for one in named}


def links(request: Request, cursors: Mapping[str, str | None]) -> dict[str, str]:
    """Return the header `Link` (RFC 8288) to the pages whose cursors are given by relation; nothing when there are none."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    path = path_as_sent(request.scope)
    found = [
        f'<{path}?{urlencode([*asked, ("cursor", cursor)])}>; rel="{relation}"'
        for relation, cursor in cursors.items()
        if cursor is not None
    ]
    return {"Link": ", ".join(found)} if found else {}

"""Front ends on other origins (CORS): the API, and never the panel, whose cookies are good on its own pages alone."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import SAFELISTED_HEADERS, CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.query.core.origin import is_same_origin
from services.query.core.repeating import HEADER
from services.query.entrypoints.middleware.observing import REQUEST_ID
from services.query.entrypoints.once import REPLAYED
from services.query.entrypoints.problems import problem

SHARED: Final = ("/v1/", "/openapi.json")
METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
ASKED_WITH: Final = (
    "Authorization",
    "Content-Type",
    HEADER,
    "If-Match",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Range",
    REQUEST_ID,
)
ANSWERED_WITH: Final = (
    "Content-Disposition",
    "Content-Language",
    "Content-Range",
    "Deprecation",
    "ETag",
    REPLAYED,
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
    REQUEST_ID,
)
"""Headers that a script of another origin may read; browsers hide all others."""
REMEMBERED_SECONDS: Final = 600
OF_THE_BODY: Final = ("content-length", "content-type")
WORDS: Final = {
    "origin": "this origin is not named in PONTE_QUERY_CORS_ORIGINS",
    "method": f"the method may be one of {', '.join(METHODS)}",
    "headers": f"a header may be one of {', '.join(sorted(SAFELISTED_HEADERS.union(ASKED_WITH)))}",
}
"""Starlette's words for what it refuses of a preflight, and what would be right."""


class CrossOrigin:
    """Pure ASGI middleware: Starlette's CORS for the API's paths. Credentials are keys and tokens, set by the script, never cookies."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=ASKED_WITH,
            expose_headers=ANSWERED_WITH,
            max_age=REMEMBERED_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or pass the request on and let the page that asked read the answer."""
        if scope["type"] != "http" or not scope["path"].startswith(SHARED):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            await _explained(self._shared.preflight_response(headers), scope)(scope, receive, send)
            return
        if headers.get("origin") in self._origins and not is_same_origin(headers):
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
        await self._shared(scope, receive, send)


def _explained(answer: Response, scope: Scope) -> Response:
    """Return the answer to a preflight, a refusal as a problem: whoever writes the front end finds it by its correlation id."""
    if answer.status_code < 400:  # noqa: PLR2004  # HTTP's own
        return answer
    refused = bytes(answer.body).decode().removeprefix("Disallowed CORS ").split(", ")
    kept = {name: value for name, value in answer.headers.items() if name not in OF_THE_BODY}
    detail = "this request may not be made from there: " + "; ".join(WORDS.get(one, one) for one in refused)
    return problem(scope, answer.status_code, detail, headers=kept)

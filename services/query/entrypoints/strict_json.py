"""Bodies are JSON in UTF-8 and nothing else: no NaN, no lone surrogate, no number beyond 64 bits, no member twice, no tower of brackets."""

import json
from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from shared.contracts.read_json import read_json

MAX_DEPTH: Final = 50
"""No body of ours is deeper than six; deeper ones only exist to hurt whoever walks through them."""


NOT_JSON: Final = "the body must be JSON: send it with the header Content-Type: application/json"

ENCODED: Final = "the body is sent with a Content-Encoding, which is not read here: send it as it is"
AS_IT_IS: Final = "identity"


class StrictJsonRequest(Request):
    """A request whose body orjson reads: the standard library takes NaN and lone surrogates, which no store can keep."""

    async def json(self) -> Any:
        """Return the body. Raise JSONDecodeError, which FastAPI answers as a body that is no JSON."""
        if not hasattr(self, "_json"):
            text = await self.body()
            body = read_json(text)
            if is_deeper(body, MAX_DEPTH):
                raise JSONDecodeError(f"deeper than {MAX_DEPTH} levels", "", 0)
            json.loads(text, object_pairs_hook=refuse_doubled)
            self._json = whole_numbers(body)
        return self._json


class StrictJsonRoute(APIRoute):
    """A route that hands out strict requests."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler behind a strict request."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            if self.body_field is not None and not is_json(request.headers.get("content-type", "")):
                raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, NOT_JSON)
            if request.headers.get("content-encoding", AS_IT_IS).strip().lower() not in {AS_IT_IS, ""}:
                # Tells it apart from a type that is not taken (RFC 9110, 15.5.16).
                taken = {"Accept-Encoding": AS_IT_IS}
                raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, ENCODED, headers=taken)
            return await handle(StrictJsonRequest(request.scope, request.receive))

        return handle_strictly


def whole_numbers(value: Any) -> Any:
    """Return `value` with `366.0` as 366: JSON and JSON Schema know one number where Python knows two. No body of ours has fractions."""
    if isinstance(value, dict):
        return {name: whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def refuse_doubled(members: Sequence[tuple[str, Any]]) -> None:
    """Raise JSONDecodeError for an object that names a member twice: readers differ in which one counts, and a command must not."""
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise JSONDecodeError(f"the member {twice[:100]!r} stands twice in an object", "", 0)


def is_json(content_type: str) -> bool:
    """Say whether a Content-Type names JSON, `application/problem+json` and the like included."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))


def is_deeper(value: Any, levels: int) -> bool:
    """Say whether `value` nests arrays and objects deeper than `levels`."""
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return False
    return any(isinstance(inner, (dict, list)) for inner in level)


def _members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []

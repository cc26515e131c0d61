"""Paths as they were sent: a code is one percent-encoded segment, `%2F` included.

Servers decode a path before it is routed, and then an encoded slash looks like a border between segments. This middleware routes on
the raw path instead: every segment is decoded by itself, only `/` and `%` inside of it stay encoded, and a route's parameter is
decoded once more by `Segment`. So `a%2Fb` is the code `a/b`, `a%252Fb` is the code `a%2Fb`, and neither meets another route.
"""

from typing import Annotated, Final
from urllib.parse import unquote

from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

PATH_ESCAPES: Final = (("%", "%25"), ("/", "%2F"))


class RawPath:
    """Pure ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route on the raw path where the server tells it."""
        raw: bytes | None = scope.get("raw_path")
        if scope["type"] == "http" and raw is not None and b"%" in raw:
            scope = {**scope, "path": routable(raw.partition(b"?")[0].decode("latin-1"))}
        await self._app(scope, receive, send)


def routable(raw: str) -> str:
    """Return a raw path with every segment decoded, `/` and `%` within a segment excepted."""
    return "/".join(escape_segment(unquote(segment)) for segment in raw.split("/"))


def escape_segment(text: str) -> str:
    """Return `text` as it stands in a routed path."""
    for letter, written in PATH_ESCAPES:
        text = text.replace(letter, written)
    return text


def unescape_segment(text: object) -> object:
    """Return what `escape_segment` was given."""
    return unquote(text) if isinstance(text, str) else text


DecodedSegment = BeforeValidator(unescape_segment)
Segment = Annotated[str, DecodedSegment]
"""The type of a path parameter that may hold any character."""

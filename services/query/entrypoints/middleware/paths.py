"""Paths as they were sent: a code is one percent-encoded segment, `%2F` included.

Servers decode a path before it is routed, and then an encoded slash looks like a border between segments. This middleware routes on
the raw path instead: every segment is decoded by itself, only `/` and `%` inside of it stay encoded, and a route's parameter is
decoded once more by `Segment`. So `a%2Fb` is the code `a/b`, `a%252Fb` is the code `a%2Fb`, and neither meets another route.
`.` and `..` stand behind a tab (`shared/contracts/segments.py`): browsers would remove them.

An address that is not UTF-8 is refused: servers put U+FFFD for what they cannot read, and an empty list would be the answer.
"""

from typing import Annotated, Final
from urllib.parse import quote, unquote, unquote_to_bytes

from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from services.query.entrypoints.problems import problem
from shared.contracts.segments import read_segment

NOT_UTF8: Final = "the address is not UTF-8 where it is percent-encoded"
AS_IT_IS: Final = "/%:@!$&'()*+,;="
"""What stands in a raw path as it is; it is percent-encoded already."""

PATH_ESCAPES: Final = (("%", "%25"), ("/", "%2F"))


class RawPath:
    """Pure ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route on the raw path where the server tells it, or answer 400."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or b""
        if not (is_utf8(raw) and is_utf8(scope["query_string"])):
            await problem(scope, 400, NOT_UTF8)(scope, receive, send)
            return
        if b"%" in raw:
            # In the scope itself: whoever told it to us reads there which route it came to.
            scope["path"] = routable(raw.partition(b"?")[0].decode("latin-1"))
        await self._app(scope, receive, send)


def path_as_sent(scope: Scope) -> str:
    """Return the path as whoever asks wrote it, to be written again: decoded, a code may look like steps or like another path."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return quote(raw.partition(b"?")[0], safe=AS_IT_IS)


def is_utf8(written: bytes) -> bool:
    """Say whether a part of an address is UTF-8 once it is decoded."""
    if b"%" not in written:
        return True
    try:
        unquote_to_bytes(written).decode()
    except UnicodeDecodeError:
        return False
    return True


def routable(raw: str) -> str:
    """Return a raw path with every segment decoded, `/` and `%` within a segment excepted."""
    return "/".join(escape_segment(read_segment(segment)) for segment in raw.split("/"))


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

"""Long answers travel compressed where the asker takes that: Starlette's gzip, which reads the asker's preferences too simply."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.entrypoints.downloads import REPORT_TYPES

LEVEL: Final = 1
"""Level 9 costs three times the time of level 1 and saves a tenth of the bytes of JSON."""


_AS_IT_IS: Final = (b"content-encoding", b"identity")
"""What has an encoding is left alone by Starlette; this one never goes out."""


class Compression(GZipMiddleware):
    """Pure ASGI middleware. Files keep their length and their ranges, live streams are never held back.

    An answer under a strong ETag goes as it is: such a tag is that of its very bytes (RFC 9110, 8.8.1), and `If-Match` takes no other.
    """

    def __init__(self, app: ASGIApp, *, from_bytes: int) -> None:
        excluded = (*DEFAULT_EXCLUDED_CONTENT_TYPES, *REPORT_TYPES)
        super().__init__(_sparing(app), minimum_size=from_bytes, compresslevel=LEVEL, exclude_content_types=excluded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a preference that Starlette reads rightly: it takes `gzip;q=0` for a yes, and `GZIP` for a no."""
        if scope["type"] == "http":
            wish = (
                [(b"accept-encoding", b"gzip")] if takes_gzip(Headers(scope=scope).getlist("accept-encoding")) else []
            )
            scope["headers"] = [*(one for one in scope["headers"] if one[0] != b"accept-encoding"), *wish]
        await super().__call__(scope, receive, _cleaned(send))


def _sparing(app: ASGIApp) -> ASGIApp:
    """Return the application, its answers under a strong ETag marked."""

    async def spare(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and _has_strong_tag(message):
                message["headers"] = [*message["headers"], _AS_IT_IS]
            await send(message)

        await app(scope, receive, send_marked)

    return spare


def _has_strong_tag(message: Message) -> bool:
    return any(name == b"etag" and not tag.startswith(b"W/") for name, tag in message["headers"])


def _cleaned(send: Send) -> Send:
    """Return a `send` that takes the mark off."""

    async def send_cleaned(message: Message) -> None:
        if message["type"] == "http.response.start" and _AS_IT_IS in message["headers"]:
            message["headers"] = [one for one in message["headers"] if one != _AS_IT_IS]
        await send(message)

    return send_cleaned


def takes_gzip(accepted: Sequence[str]) -> bool:
    """Say whether headers Accept-Encoding (RFC 9110) name gzip, and not with the weight 0."""
    for one in ",".join(accepted).lower().split(","):
        coding, _, weight = one.replace(" ", "").partition(";q=")
        if coding in {"gzip", "x-gzip"}:
            return not weight or weight.strip("0.") != ""
    return False

"""Long answers travel compressed where the asker takes that: Starlette's gzip, which reads the asker's preferences too simply."""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from services.query.entrypoints.downloads import REPORT_TYPES

LEVEL: Final = 1
"""Level 9 costs three times the time of level 1 and saves a tenth of the bytes of JSON."""


class Compression(GZipMiddleware):
    """Pure ASGI middleware. Files keep their length and their ranges, live streams are never held back."""

    def __init__(self, app: ASGIApp, *, from_bytes: int) -> None:
        excluded = (*DEFAULT_EXCLUDED_CONTENT_TYPES, *REPORT_TYPES)
        super().__init__(app, minimum_size=from_bytes, compresslevel=LEVEL, exclude_content_types=excluded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; `gzip;q=0` is a no, which Starlette takes for a yes."""
        if scope["type"] == "http" and not takes_gzip(Headers(scope=scope).get("accept-encoding", "")):
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await super().__call__(scope, receive, send)


def takes_gzip(accepted: str) -> bool:
    """Say whether a header Accept-Encoding (RFC 9110) names gzip, and not with the weight 0."""
    for one in accepted.lower().split(","):
        coding, _, weight = one.replace(" ", "").partition(";q=")
        if coding in {"gzip", "x-gzip"}:
            return not weight or weight.strip("0.") != ""
    return False

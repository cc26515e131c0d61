"""Front ends on other origins (CORS): the API, and never the panel, whose cookies are good on its own pages alone."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.core.origin import is_same_origin
from services.query.core.repeating import HEADER
from services.query.entrypoints.observing import REQUEST_ID
from services.query.entrypoints.once import REPLAYED

SHARED: Final = ("/v1/", "/openapi.json")
METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
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
        if headers.get("origin") in self._origins and not is_same_origin(headers):
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
        await self._shared(scope, receive, _varying(send))


def _varying(send: Send) -> Send:
    """Return a `send` that keeps caches from giving one origin's answer to another, also where no origin was named."""

    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Origin")
        await send(message)

    return send_varying

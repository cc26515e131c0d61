"""Around every request: its correlation id, one log line, one metric, the security headers; inside of them, the last resort."""

import re
import time
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.entrypoints.middleware.head import Enough
from services.query.entrypoints.problems import DEFECT, problem
from shared.runtime.logging import get_logger
from shared.runtime.metrics import HTTP_SECONDS

log = get_logger(__name__)

REQUEST_ID: Final = "X-Request-ID"
_REQUEST_ID_HEADER: Final = REQUEST_ID.lower().encode()
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
UNROUTED: Final = "unrouted"
LASTING: Final = b"text/event-stream"
"""An answer of this kind lasts by nature: what is measured of it is how soon it begins."""

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Set where the answer does not say otherwise; `no-store` because nearly all answers hold a shop's data."""

_ENCODED: Final = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
"""As bytes: a `setdefault` for each took 30 µs in all."""


class Observe:
    """Pure ASGI middleware, the outermost of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and tell of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, begun = time.perf_counter(), 0, 0.0
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_completed(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status = message["status"]
                told = dict(message["headers"])
                if told.get(b"content-type", b"").startswith(LASTING):
                    begun = time.perf_counter()
                ours = [(_REQUEST_ID_HEADER, request_id.encode()), *(one for one in _ENCODED if one[0] not in told)]
                message["headers"] = [*message["headers"], *ours]
            await send(message)

        try:
            await self._app(scope, receive, send_completed)
        finally:
            ended = time.perf_counter()
            HTTP_SECONDS.labels(route_of(scope), str(status)).observe((begun or ended) - started)
            _tell(scope, status, request_id, ended - started)


class LastResort:
    """Pure ASGI middleware, inside of all that every answer is given: a defect ends in a problem and leaves its trace in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except Enough:
            raise
        except Exception:
            log.exception("request.failed", extra={"facts": {"request_id": scope["state"]["request_id"]}})
            if has_begun:  # only breaking it off tells the client that it is not whole
                raise
            await problem(scope, 500, DEFECT)(scope, receive, send)


def route_of(scope: Scope) -> str:
    """Return the path of the route that took the request."""
    return getattr(scope.get("route"), "path", UNROUTED)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _tell(scope: Scope, status: int, request_id: str, seconds: float) -> None:
    caller = scope.get("state", {}).get("caller")
    facts = {
        "method": scope["method"],
        "route": route_of(scope),
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "request_id": request_id,
        "account": getattr(caller, "account", None),
        "key_id": getattr(caller, "key_id", None),
    }
    log.info("request.answered", extra={"facts": facts})

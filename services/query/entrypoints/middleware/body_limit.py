"""How long a request body may be. FastAPI's own limit answers in plain text, past every error handler."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.entrypoints.refusals import refusal


class BodyLimit:
    """Pure ASGI middleware: refuses a body by its announced length, and cuts off one that grows beyond the limit."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, longer: Mapping[str, int]) -> None:
        """`longer`: how long a body may be at the paths that take files."""
        self._app = app
        self._max_bytes = max_bytes
        self._longer = longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._longer.get(scope["path"], self._max_bytes)
        told = f"a request body may have {most} bytes"
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > most:
            await refusal(scope, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)(scope, receive, send)
            return
        left = most

        async def receive_limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
            return message

        await self._app(scope, receive_limited, send)

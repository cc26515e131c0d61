"""HEAD wherever there is GET (RFC 9110, 9.1): the same is done, checked and written down, and of the answer only the headers are sent."""

from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MARK: Final = "wants_headers_only"


class Enough(Exception):
    """The headers are sent, and nobody takes the rest of the body."""


class Head:
    """Pure ASGI middleware: does a HEAD as a GET. A file is not read to its end, and a live stream ends when it has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, a HEAD as a GET of whose answer the body is dropped."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        scope["state"][_MARK] = True
        # A copy: by the method in its own scope the server knows that no body follows the length.
        asked = {**scope, "method": "GET"}
        is_ended = False

        async def send_headers(message: Message) -> None:
            nonlocal is_ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not is_ended:
                is_ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            if message.get("more_body"):
                raise Enough

        try:
            await self._app(asked, receive, send_headers)
        except Enough:
            pass
        finally:
            if "route" in asked:  # for the log and the metric
                scope["route"] = asked["route"]


def wants_headers_only(request: Request) -> bool:
    """Say whether the request that is answered as a GET was a HEAD: a look must not use up what a GET does."""
    return _MARK in request.scope["state"]

"""How long a request may take until its answer begins: whoever waits longer has gone, and what they asked for only costs.

A body that is still coming shows that somebody is there: of a file over a slow line the time counts from its last piece.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.entrypoints.pages.frame import LATE
from services.query.entrypoints.refusals import refusal
from shared.runtime.logging import get_logger

log = get_logger(__name__)

TOO_LATE: Final = "the answer takes too long; try again, or narrow the filter. A command may have been taken: repeat it with the same `id`"


A_BODY: Final = 6
"""So many times as long a body may take to come, whoever sends it: one that trickles for ever holds its place for ever."""


class Deadline:
    """Pure ASGI middleware: gives a request up that has no answer in time. One that has begun may go on: a file, a stream."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                clock = asyncio.get_running_loop().time
                latest = clock() + A_BODY * self._seconds

                async def receive_in_time() -> Message:
                    message = await receive()
                    if message.get("body") and not deadline.expired():
                        deadline.reschedule(min(clock() + self._seconds, latest))
                    return message

                async def send_in_time(message: Message) -> None:
                    if not deadline.expired():  # else what is being given up still speaks, and nobody listens
                        deadline.reschedule(None)
                        await send(message)

                await self._app(scope, receive_in_time, send_in_time)
        except TimeoutError:
            if not deadline.expired():
                raise
        if deadline.expired():  # also where what was cancelled did not notice
            facts = {"path": scope["path"], "seconds": self._seconds}
            log.warning("request.given_up", extra={"facts": facts})
            await refusal(scope, HTTPStatus.SERVICE_UNAVAILABLE, TOO_LATE, told=LATE)(scope, receive, send)

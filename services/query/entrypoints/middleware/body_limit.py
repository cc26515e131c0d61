"""How long a request body may be. FastAPI's own limit answers in plain text, past every error handler.

Files are held in memory, the disk of this service may be for reading alone, so there is a bound on all of them together too.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.entrypoints.refusals import refusal
from shared.contracts.errors import LimitExceeded

AT_ONCE: Final = 3
"""Of the longest files so many are held at once, or many more of short ones. Three of 16 MiB made the process 100 MiB larger (seen): its container has 384."""

AT_ONCE_OF_ONE: Final = 2
"""Of one account: the others have a place left, whatever one sends, and however slowly."""

FULL: Final = "too many files are being received at once; send this one again in a moment"


class Room:
    """The bytes of files that a process holds. What comes when there is no room is refused, however many send at once."""

    def __init__(self, longest: int) -> None:
        self._free = AT_ONCE * longest
        self._most_of_one = AT_ONCE_OF_ONE * longest
        self._held: dict[str, int] = {}

    def take(self, account: str, size: int) -> None:
        """Count bytes that have come. Raise LimitExceeded, with nothing counted, where there is no room for them."""
        held = self._held.get(account, 0) + size
        if size > self._free or held > self._most_of_one:
            raise LimitExceeded(FULL)
        self._free -= size
        self._held[account] = held

    def give_back(self, account: str, size: int) -> None:
        """Count bytes no longer."""
        self._free += size
        if (left := self._held.get(account, 0) - size) > 0:
            self._held[account] = left
        else:
            self._held.pop(account, None)


class BodyLimit:
    """Pure ASGI middleware: refuses a body by its announced length, and cuts off one that grows beyond the limit."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, longer: Mapping[str, int]) -> None:
        """`longer`: how long a body may be at the paths that take files."""
        self._app = app
        self._max_bytes = max_bytes
        self._longer = longer
        self._room = Room(max(longer.values(), default=0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413, or 429 where the files of others leave no room."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._longer.get(scope["path"], self._max_bytes)
        told = f"a request body may have {most} bytes"
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > most:
            await refusal(scope, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)(scope, receive, send)
            return
        left, held, account = most, 0, _account_of(scope)

        async def receive_limited() -> Message:
            nonlocal left, held
            message = await receive()
            size = len(message.get("body", b""))
            left -= size
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
            if scope["path"] in self._longer:
                self._room.take(account, size)
                held += size
            return message

        try:
            await self._app(scope, receive_limited, send)
        finally:
            self._room.give_back(account, held)


def _account_of(scope: Scope) -> str:
    """Return the account of who asks; "" of a stranger, whose body no route reads."""
    return getattr(scope.get("state", {}).get("caller"), "account", "")

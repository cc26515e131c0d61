"""A client of `/v1/stream` that reads as it comes. It calls the application itself: the usual test client waits for the whole answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message

DEADLINE_SECONDS = 15.0


@dataclass(frozen=True)
class Event:
    """One event. `name` is empty for a block that only moves the id."""

    name: str
    id: str
    data: Any
    comment: str = ""


def parse_events(text: str) -> list[Event]:
    """Return the events of whole blocks."""
    return [_event(block) for block in text.split("\n\n") if block]


def _event(block: str) -> Event:
    fields: dict[str, str] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        fields[name or "comment"] = value.removeprefix(" ")
    data = fields.get("data")
    return Event(
        fields.get("event", ""), fields.get("id", ""), json.loads(data) if data else None, fields.get("comment", "")
    )


class LiveStream:
    """What came so far. `hold` stops reading, as a client does that is busy elsewhere."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_over = False
        self._taken = 0
        self._news = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()
        self._leaves = asyncio.Event()

    def hold(self) -> None:
        self._reads.clear()

    def go_on(self) -> None:
        self._reads.set()

    @property
    def events(self) -> list[Event]:
        return parse_events(self.body.decode())

    @property
    def last_id(self) -> str:
        return next(event.id for event in reversed(self.events) if event.id)

    async def next(self, *names: str, within: float = DEADLINE_SECONDS) -> Event:
        """Return the next event of these names, of any name when none is given; what comes before it is passed over."""
        async with asyncio.timeout(within):
            while True:
                for event in self.events[self._taken :]:
                    self._taken += 1
                    if event.name and (not names or event.name in names):
                        return event
                if self.is_over:
                    raise AssertionError(f"the stream ended without {names}: {self.events}")
                self._news.clear()
                await self._news.wait()

    async def end(self, within: float = DEADLINE_SECONDS) -> None:
        """Return when the server has ended the stream."""
        async with asyncio.timeout(within):
            while not self.is_over:
                self._news.clear()
                await self._news.wait()

    async def receive(self) -> Message:
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self._reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")
        self._news.set()

    async def _run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self.receive, self.send)
        finally:
            self.is_over = True
            self._news.set()


@asynccontextmanager
async def live_stream(
    app: ASGIApp, key: str = "", *, headers: Mapping[str, str] | None = None, **parameters: Any
) -> AsyncIterator[LiveStream]:
    """Give an open stream, its first block read; `parameters` are those of the address. It is left at the end of the block."""
    given = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/stream",
        "raw_path": b"/v1/stream",
        "root_path": "",
        "query_string": urlencode(parameters, doseq=True).encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "server": ("ponte.test", 80),
        "client": ("127.0.0.1", 1),
    }
    stream = LiveStream()
    running = asyncio.create_task(stream._run(app, scope))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not stream.body and not stream.is_over:
                stream._news.clear()
                await stream._news.wait()
        yield stream
    finally:
        stream._reads.set()
        stream._leaves.set()
        await running

"""The live stream's world in memory."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

from services.query.core.stream.changes import CaughtUp, Change
from services.query.core.stream.position import Position
from services.query.entrypoints.event_stream import SseWriter
from services.query.handlers.stream.hub import StreamHub
from services.query.handlers.stream.ports import Bounds
from services.query.handlers.stream.windows import WindowMaker
from shared.contracts.errors import PonteError
from shared.runtime.clock import Clock
from shared.runtime.clock import now as wall_clock
from tests.support.fakes.query import FakeRegistry

START = Position(1_000 << 64)
BOUNDS = Bounds(streams=100, streams_per_key=50, seconds=3_600, events_per_second=500, entries_per_second=2_000)


class FakeFeed:
    """ChangeFeed that tells what a test puts in; an error put in is raised once. `followed` lists where it was started, `left` says
    that it was followed and is no longer.
    """

    def __init__(self, start: Position = START) -> None:
        self.start = start
        self.followed: list[Position | None] = []
        self.left = asyncio.Event()
        self._told: asyncio.Queue[Change | CaughtUp | PonteError] = asyncio.Queue()

    def put(self, *told: Change | CaughtUp | PonteError) -> None:
        for one in told:
            self._told.put_nowait(one)

    async def follow(self, since: Position | None) -> AsyncGenerator[Change | CaughtUp, None]:
        self.followed.append(since)
        self.left.clear()
        try:
            yield CaughtUp(self.start if since is None else since)
            while True:
                told = await self._told.get()
                if isinstance(told, PonteError):
                    raise told
                yield told
        finally:
            self.left.set()


class FakeChangedEntries:
    """ChangedEntries over documents; `asked` lists what was read. An error in `failures` is raised first."""

    def __init__(self, documents: Iterable[Mapping[str, Any]] = ()) -> None:
        self.documents = {document["_id"]: document for document in documents}
        self.asked: list[Sequence[str]] = []
        self.failures: list[PonteError] = []

    async def read_entries(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        if self.failures:
            raise self.failures.pop(0)
        self.asked.append(ids)
        return {identity: self.documents[identity] for identity in ids if identity in self.documents}


def hub_over(
    feed: FakeFeed | None = None,
    entries: FakeChangedEntries | None = None,
    *,
    bounds: Bounds = BOUNDS,
    now: Clock = wall_clock,
) -> StreamHub:
    """Return a hub over fakes; nothing runs before a stream is opened."""
    windows = WindowMaker(entries or FakeChangedEntries(), FakeRegistry(), SseWriter())
    return StreamHub(feed or FakeFeed(), windows, bounds, now=now)

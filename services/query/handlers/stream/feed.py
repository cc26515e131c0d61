"""Following the feed for as long as anybody streams: starting where the first stream left off, and again after every failure."""

import asyncio
import contextlib
from typing import Final, Protocol

from services.query.core.stream.changes import CaughtUp, Change
from services.query.core.stream.position import Position
from services.query.handlers.stream.ports import ChangeFeed, HistoryLost, ResyncReason
from shared.contracts.errors import Transient
from shared.runtime.ending import end_tasks
from shared.runtime.logging import get_logger
from shared.runtime.retry import delay_before

log = get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 8.0
CALM_SECONDS: Final = 10.0
"""A feed that was too much again so soon rests twice as long."""


class Listener(Protocol):
    """Who is told by the feed."""

    @property
    def is_overrun(self) -> bool:
        """Whether more comes than anybody is told."""
        ...

    def begin(self, start: Position) -> None:
        """Take note that changes are whole from `start` on, and none before it."""
        ...

    def note(self, told: Change | CaughtUp) -> None:
        """Take note of a change, later than all before, or of having been told them all."""
        ...

    def lose(self, reason: ResyncReason) -> None:
        """Take note that changes were missed."""
        ...


class FeedFollower:
    """One feed for all streams of the process."""

    def __init__(self, feed: ChangeFeed, listener: Listener) -> None:
        self._feed = feed
        self._listener = listener
        self._task: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Event()
        self._at: Position | None = None
        self._failures = 0
        self._pause = FIRST_PAUSE_SECONDS

    def start(self, since: Position | None) -> None:
        """Follow from `since` on, from now on for None; nothing happens where it follows already."""
        if self._task is None:
            self._caught_up.clear()
            self._task = asyncio.create_task(self._follow(since))

    async def stop(self) -> None:
        """Follow no more."""
        task, self._task = self._task, None
        await end_tasks([task])

    async def wait_until_caught_up(self) -> None:
        """Return once the past that it started with is told."""
        await self._caught_up.wait()

    async def _follow(self, since: Position | None) -> None:
        self._at = since
        if since is not None:
            self._listener.begin(since)
        while True:
            try:
                await self._read()
            except HistoryLost as error:
                log.warning("feed.lost", extra={"facts": {"why": str(error)}})
                self._lose("interrupted")
            except Transient as error:
                log.warning("feed.interrupted", extra={"facts": {"why": str(error), "failures": self._failures + 1}})
            except Exception:
                log.exception("feed.failed")
            self._failures += 1
            await asyncio.sleep(delay_before(self._failures))

    async def _read(self) -> None:
        """Follow until it breaks off; where it is too much for all who listen, rest and start again from then on."""
        while True:
            started_at = asyncio.get_running_loop().time()
            async with contextlib.aclosing(self._feed.follow(self._at)) as told:
                async for one in told:
                    self._take(one)
                    if self._listener.is_overrun:
                        break
            self._lose("too_many")
            lasted = asyncio.get_running_loop().time() - started_at
            self._pause = FIRST_PAUSE_SECONDS if lasted > CALM_SECONDS else min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            log.info("feed.overrun", extra={"facts": {"pause_seconds": self._pause}})
            await asyncio.sleep(self._pause)

    def _lose(self, reason: ResyncReason) -> None:
        if self._at is not None:
            self._listener.lose(reason)
        self._at = None

    def _take(self, told: Change | CaughtUp) -> None:
        if self._at is None:
            self._listener.begin(told.position)
        self._listener.note(told)
        self._at, self._failures = told.position, 0
        if isinstance(told, CaughtUp):
            self._caught_up.set()

"""One feed for all streams of the process: it is followed while anybody streams, and its recent past is remembered."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from services.query.core.stream.changes import CaughtUp, Change, History
from services.query.core.stream.channel import Wish
from services.query.core.stream.position import Position, position_of, time_of
from services.query.handlers.stream.audience import Audience
from services.query.handlers.stream.feed import FeedFollower
from services.query.handlers.stream.open_stream import OpenStream
from services.query.handlers.stream.ports import Bounds, ChangeFeed, ProcessFull, ResyncReason
from services.query.handlers.stream.pump import Pump
from services.query.handlers.stream.windows import WindowMaker
from shared.contracts.errors import StoreUnavailable
from shared.runtime.clock import Clock
from shared.runtime.ending import end_tasks

MOST_REMEMBERED: Final = 50_000
"""Changes of all accounts: a quarter of an hour at 50 a second, some seconds at full load; 15 MB."""
REACH_SECONDS: Final = 300
"""A process that follows nothing yet goes back at most so far for the stream that makes it start."""
MARGIN_SECONDS: Final = 20
"""And by so much more than that stream asks for: others, cut off with it, heard their last a little earlier."""
START_SECONDS: Final = 5.0
LINGER_SECONDS: Final = 60.0
"""The feed is followed for so long after the last stream: a browser that reloads finds its past again."""


class StreamHub:
    """The streams of a process."""

    def __init__(self, feed: ChangeFeed, windows: WindowMaker, bounds: Bounds, *, now: Clock) -> None:
        self.windows = windows
        self.bounds = bounds
        self.audience = Audience(windows.write, bounds)
        self.pump = Pump(windows, self.audience, entries_per_second=bounds.entries_per_second)
        self._follower = FeedFollower(feed, self)
        self._history = History(MOST_REMEMBERED)
        self._now = now
        self._pumping: asyncio.Task[None] | None = None
        self._resting: asyncio.Task[None] | None = None
        self._stopping = asyncio.Lock()
        self._lost: ResyncReason | None = None
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def joined(self, wish: Wish, key_id: str, since: Position | None) -> AsyncIterator[OpenStream]:
        """Give a stream that is told what changes from now on, and what changed after `since`.

        Raise KeyFull, ProcessFull, StoreUnavailable.
        """
        if self._is_closed:
            raise ProcessFull("the service is stopping")
        self.audience.admit(key_id)
        try:
            await self._start(since)
            stream = self._join(wish, since)
            try:
                yield stream
            finally:
                self.audience.leave(stream)
        finally:
            self.audience.dismiss(key_id)
            self._rest_later()

    async def close(self) -> None:
        """End all streams, take no more, and follow the feed no longer. Safe to repeat."""
        self._is_closed = True
        self.audience.close("stopping")
        async with self._stopping:
            await self._stop()

    @property
    def is_overrun(self) -> bool:
        """Whether more changes than any stream is told."""
        return self.pump.is_overrun

    def begin(self, start: Position) -> None:
        """Changes are whole from `start` on; streams that saw a gap are told so."""
        self._history.begin(start)
        self.pump.begin(start)
        if self._lost is not None:
            channels = self.audience.channels()
            self.audience.resync(channels, start, self._lost)
            for channel in channels:
                channel.speak_again()
            self._lost = None

    def note(self, told: Change | CaughtUp) -> None:
        """Remember a change and let it be passed on."""
        if isinstance(told, CaughtUp):
            self.pump.reach(told.position)
        else:
            self._history.add(told)
            self.pump.add(told)

    def lose(self, reason: ResyncReason) -> None:
        """Changes were missed."""
        self._lost = reason
        self._history.start = None

    async def _start(self, since: Position | None) -> None:
        if self._resting is not None and not self._stopping.locked():
            self._resting.cancel()
            self._resting = None
        # A rest that has begun is seen through: half of it would leave a stream that hears nothing.
        async with self._stopping:
            if self._pumping is None:
                self._pumping = asyncio.create_task(self.pump.run())
                self._follower.start(self._start_of(since))
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._follower.wait_until_caught_up()
        except TimeoutError as error:
            raise StoreUnavailable("the feed of changes does not answer") from error

    def _start_of(self, since: Position | None) -> Position | None:
        """Return where to start for a stream that goes on after `since`: a little earlier, or now where that is long ago."""
        if since is None:
            return None
        seconds = time_of(since)[0]
        age = self._now().timestamp() - seconds
        return position_of(seconds - MARGIN_SECONDS, 0) if 0 <= age <= REACH_SECONDS else None

    def _join(self, wish: Wish, since: Position | None) -> OpenStream:
        at = self.pump.taken
        if since is None:
            return self.audience.join(wish, at, at, [])
        is_whole = self._history.reaches(since)
        return self.audience.join(wish, since, at, self._history.between(since, at, wish.account) if is_whole else None)

    def _rest_later(self) -> None:
        if not len(self.audience) and self._resting is None and not self._is_closed:
            self._resting = asyncio.create_task(self._rest())

    async def _rest(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        async with self._stopping:
            if not len(self.audience):
                await self._stop()
            self._resting = None

    async def _stop(self) -> None:
        await self._follower.stop()
        await end_tasks(task for task in (self._pumping, self._resting) if task is not asyncio.current_task())
        self._pumping = None
        self._history.start = None

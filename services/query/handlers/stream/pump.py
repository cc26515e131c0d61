"""Changes are gathered for a moment, made into events once, and handed to every stream that asked for them."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from services.query.core.stream.backlog import Window
from services.query.core.stream.budget import Budget
from services.query.core.stream.changes import Change, Place, folded, place_of
from services.query.core.stream.channel import Channel
from services.query.core.stream.position import Position
from services.query.handlers.stream.audience import Audience
from services.query.handlers.stream.windows import WindowMaker
from shared.runtime.logging import get_logger

log = get_logger(__name__)

WINDOW_SECONDS: Final = 0.1
"""The first change goes out at once; those that follow are gathered for so long, and each entry is told once."""
SECONDS_FOR_EACH_STREAM: Final = 0.0003
"""And a little longer for each stream: waking one costs a tenth of a millisecond, however little it is told."""
MOST_PENDING: Final = 5_000
"""Changed entries that wait to be made into events: with more, the process does not keep up."""
LOOK_SECONDS: Final = 0.5
"""A channel that fell silent is looked at as often."""

Wanted = list[tuple[Channel, Sequence[Change]]]


class Pump:
    """`taken`: changes up to it are made into events or being made; `passed_on`: up to it they are handed over.

    `is_overrun`: more comes than may be read, and all streams are silent for it: listening on would be for nothing.
    """

    def __init__(self, windows: WindowMaker, audience: Audience, *, entries_per_second: int) -> None:
        self._windows = windows
        self._audience = audience
        self._budget = Budget(entries_per_second)
        self._flow = Budget(entries_per_second)
        self._came = 0
        self.is_overrun = False
        self._pending: dict[str, Change] = {}
        self._wake = asyncio.Event()
        self._noted = self.taken = self.passed_on = Position(0)

    def begin(self, at: Position) -> None:
        """Forget what waits: the next change comes after `at`."""
        self._pending.clear()
        self._noted = self.taken = self.passed_on = at
        self.is_overrun = False

    def add(self, change: Change) -> None:
        """Take a change, later than all before."""
        self._noted = change.position
        self._came += 1
        if self._audience.is_empty:  # who comes later finds it in the history
            self._pending.clear()
            self.taken = self._noted
            return
        self._pending[change.entry_id] = folded(self._pending.pop(change.entry_id, None), change)
        if len(self._pending) > MOST_PENDING:
            log.warning("stream.overrun", extra={"facts": {"pending": len(self._pending)}})
            self._pending.clear()
            self._silence(self._audience.channels())
        self._wake.set()

    def reach(self, position: Position) -> None:
        """Take note that nothing else changed up to `position`."""
        self._noted = max(self._noted, position)
        self._wake.set()

    async def run(self) -> None:
        """Pass changes on until cancelled."""
        while True:
            await self._wait()
            changes, self._pending = list(self._pending.values()), {}
            self.taken = up_to = self._noted
            try:
                await self._pass_on(changes, up_to)
            except Exception:
                log.exception("stream.window_failed")
                self._audience.resync(self._audience.channels(), up_to, "interrupted")
            self.passed_on = max(self.passed_on, up_to)
            self._look_at_the_flow()
            await asyncio.sleep(WINDOW_SECONDS + len(self._audience) * SECONDS_FOR_EACH_STREAM)

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    def _look_at_the_flow(self) -> None:
        now, came, self._came = asyncio.get_running_loop().time(), self._came, 0
        is_heavy = not self._flow.take(came, now)
        channels = self._audience.channels()
        self.is_overrun = is_heavy and bool(channels) and all(channel.is_silent(now) for channel in channels)

    async def _pass_on(self, changes: Sequence[Change], up_to: Position) -> None:
        now = asyncio.get_running_loop().time()
        channels = self._audience.channels()
        self._audience.resync([channel for channel in channels if channel.is_back(now)], up_to, "too_many")
        wanted = self._affordable(_wanted(channels, changes, now), now)
        streams = {channel: self._audience.streams_of(channel) for channel, _ in wanted}  # not who joins meanwhile
        for channel, frames in await self._windows.make(wanted):
            if not channel.budget.take(len(frames), now):
                self._silence([channel])
            elif frames:
                self._audience.tell(channel, streams[channel], Window(frames), up_to)

    def _affordable(self, wanted: Wanted, now: float) -> Wanted:
        """Return what may be read of it now, the channels with least first; the others fall silent."""
        left, ids = self._budget.left(now), set[str]()
        wanted.sort(key=lambda one: len(one[1]))
        for place, (_, changes) in enumerate(wanted):
            more = {change.entry_id for change in changes} - ids
            if len(ids) + len(more) > left:
                self._silence([channel for channel, _ in wanted[place:]])
                wanted = wanted[:place]
                break
            ids |= more
        self._budget.take(len(ids), now)
        return wanted

    def _silence(self, channels: Sequence[Channel]) -> None:
        now = asyncio.get_running_loop().time()
        for channel in channels:
            channel.fall_silent(now)
        self._audience.resync(channels, self._noted, "too_many")


def _wanted(channels: Sequence[Channel], changes: Sequence[Change], now: float) -> Wanted:
    """Return of each channel the changes that may concern it, in their order; one that is silent only learns that there were some."""
    by_place: dict[Place, list[Change]] = {}
    for change in changes:
        by_place.setdefault(place_of(change), []).append(change)
    wanted: Wanted = []
    for channel in channels:
        found = [change for place, listed in by_place.items() if channel.may_want(place) for change in listed]
        if found and channel.is_silent(now):
            channel.missed = True
        elif found:
            wanted.append((channel, sorted(found, key=lambda change: change.position)))
    return wanted

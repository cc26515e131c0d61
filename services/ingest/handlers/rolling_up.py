"""The story of the rollups: one worker follows the changes of the log and adds them up; where the past is unknown it counts anew.

What a batch of changes adds, and up to where the log is counted then, are stored together or not at all, and only by the worker that
holds the lease. So every change counts once, whoever dies when. Nothing here is waited for by the intake.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from services.ingest.core.rollup import Change, Deltas, Increments, deltas_of, increments_of
from shared.contracts.errors import PonteError
from shared.runtime.lease import RENEWALS, under_lease

LEASE: Final = timedelta(seconds=15)
KEEP_EVERY_SECONDS: Final = LEASE.total_seconds() / RENEWALS
SWEEP: Final = 1_000
"""Rows of an older generation that are deleted at a time."""


class HistoryLost(PonteError):
    """The log no longer tells what changed since: counts must be taken anew."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the changes of the log: `token` and `applied` mean something to the log alone. All before it is counted, and
    that is how the log stood at `at`.
    """

    token: Any
    applied: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write rollups, until someone of a later `epoch` has it. `generation`: the rows that count, None: none are there.

    `is_asked`: someone asked for them to be counted anew.
    """

    epoch: int
    generation: int | None
    place: Place | None
    is_asked: bool = False

    @property
    def must_build(self) -> bool:
        """Whether counts have to be taken anew."""
        return self.is_asked or self.generation is None or self.place is None


@dataclass(frozen=True, slots=True)
class Told:
    """Changes in order, and the place behind them. `is_all`: nothing more has happened so far."""

    changes: Sequence[Change]
    place: Place
    is_all: bool


class Changes(Protocol):
    """The changes of the log behind a place."""

    async def next(self, at_most: int) -> Told:
        """Return the next ones, about `at_most`: those of one transaction stay together. Waits a second where there are none.

        Raise Transient, HistoryLost, Unaccountable.
        """


class EntryLog(Protocol):
    """The log, as it changes and as it stood."""

    def follow(self, place: Place) -> AbstractAsyncContextManager[Changes]:
        """Open the changes behind `place`. Raise Transient, HistoryLost."""

    async def here(self) -> Place:
        """Return the place of now. Raise Transient."""

    def count(self, place: Place) -> AsyncIterator[Deltas]:
        """Yield, in pieces, all that is counted of the log as it stood at `place`. Raise Transient, HistoryLost."""


class RollupBook(Protocol):
    """The rows, and who may write them. Every call raises Transient when the store is away; then it may have been done.

    Calls with a lease raise LeaseLost if it is over; those that return one keep it for LEASE from `now`.
    """

    async def take(self, holder: str, *, now: datetime) -> Lease | None:
        """Return the lease if nobody else has it."""

    async def keep(self, lease: Lease, *, now: datetime, place: Place | None = None) -> Lease:
        """Keep the lease; the log is counted up to `place`, if given."""

    async def apply(self, lease: Lease, increments: Increments, place: Place, *, now: datetime) -> Lease:
        """Add `increments` and move to `place`, both or neither."""

    async def open_generation(self, lease: Lease, *, now: datetime) -> int:
        """Return the number of a generation that nobody has used."""

    async def add(self, generation: int, increments: Increments) -> None:
        """Add to rows of a generation that does not count yet. Not safe to repeat: after a failure take another generation."""

    async def switch(self, lease: Lease, generation: int, place: Place, *, now: datetime) -> Lease:
        """Let `generation` count; it is the log as it stood at `place`."""

    async def sweep(self, lease: Lease, *, at_most: int) -> int:
        """Delete some rows of generations before the lease's; return how many."""

    async def ask_anew(self, lease: Lease) -> None:
        """Have everything counted anew by whoever takes the lease next."""

    async def give_back(self, lease: Lease, *, now: datetime) -> None:
        """Let the next worker take the lease at once."""

    async def counted_up_to(self) -> datetime | None:
        """Return the instant up to which the log is counted; None before it ever was."""


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return now, aware."""


async def advance(book: RollupBook, lease: Lease, told: Told, *, clock: Clock) -> Lease:
    """Store what the changes add up to, with the place behind them. Raise Unaccountable, LeaseLost, Transient."""
    increments = increments_of(deltas_of(told.changes))
    if not increments:
        return await book.keep(lease, now=clock(), place=told.place)
    return await book.apply(lease, increments, told.place, now=clock())


async def build(log: EntryLog, book: RollupBook, lease: Lease, *, clock: Clock) -> Lease:
    """Count the whole log as it stands into a new generation of rows and let that count. Raise LeaseLost, HistoryLost, Transient."""

    async def count() -> tuple[int, Place]:
        generation = await book.open_generation(lease, now=clock())
        place = await log.here()
        async for deltas in log.count(place):
            await book.add(generation, increments_of(deltas))
        return generation, place

    async def renew() -> None:
        await book.keep(lease, now=clock())

    generation, place = await under_lease(count(), renew, every=KEEP_EVERY_SECONDS)
    return await book.switch(replace(lease, is_asked=False), generation, place, now=clock())


async def sweep(book: RollupBook, lease: Lease) -> None:
    """Delete what earlier generations left behind, piece by piece."""
    swept = SWEEP
    while swept == SWEEP:
        swept = await book.sweep(lease, at_most=SWEEP)

"""What keeps the rollups for the worker's life, if no other worker does: takes the lease, follows, rests; the intake goes first."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.ingest.core.rollup import Unaccountable
from services.ingest.handlers.rolling_up import (
    KEEP_EVERY_SECONDS,
    Changes,
    EntryLog,
    HistoryLost,
    Lease,
    RollupBook,
    Told,
    advance,
    build,
    sweep,
)
from shared.contracts.errors import LeaseLost, Transient
from shared.contracts.records import BatchOutcome
from shared.runtime import metrics
from shared.runtime.clock import Clock
from shared.runtime.ending import rest
from shared.runtime.logging import get_logger
from shared.runtime.retry import delay_before

log = get_logger(__name__)

LOOK_EVERY_SECONDS: Final = 4.0
"""With the lease's 15 s: so soon another worker takes over."""

AT_ONCE: Final = 1_500
"""Changes added up together at most. Many touch the same rows, so more would be cheaper; but all of them hold the loop up, and with
it the events that a person waits for: 20 ms so, 70 with 5,000.
"""

SHARE: Final = 2.0
"""It rests so many times as long as a batch took, so that it never takes more than a third of a core."""

BUSY_STEP_SECONDS: Final = 0.5
AFTER_A_DEFECT_SECONDS: Final = 60.0
AFTER_A_BUILD_SECONDS: Final = 60.0
"""Where counts do not hold again and again, they are not taken anew more often than this."""


@dataclass(slots=True)
class Backlog:
    """Whether the intakes of this process have a backlog: they fill their batches. `full`: records of a full batch."""

    full: int
    seconds: Callable[[], float] = time.monotonic
    _until: float = 0.0

    def observe(self, outcome: BatchOutcome) -> None:
        """Look at a batch that was committed."""
        if outcome.records >= self.full:
            self._until = self.seconds() + 1.0

    def is_there(self) -> bool:
        """Say whether there was one a moment ago."""
        return self.seconds() < self._until


@dataclass(frozen=True, slots=True)
class Manners:
    """Seconds of rest between two batches at least, and how far counts may fall back where there is a backlog."""

    rest: float = 0.25
    pause: float = 30.0
    is_busy: Callable[[], bool] = lambda: False


class Rollups:
    """One loop. `name` is its own among all workers: the lease belongs to a name."""

    def __init__(self, name: str, book: RollupBook, entries: EntryLog, *, clock: Clock, manners: Manners) -> None:
        self._name = name
        self._book = book
        self._entries = entries
        self._clock = clock
        self._manners = manners
        self._built_at = float("-inf")
        self._kept_at = float("-inf")
        self._reason = "first"
        self._failure: str | None = None

    async def run(self) -> None:
        """Keep the rollups for ever; the worker cancels it. No error of this ends the worker: events are taken in without it."""
        failures = 0
        while True:
            try:
                is_ours, failures = await self.run_once(), 0
            except (Transient, LeaseLost) as error:
                failures += 1
                self._failure = f"counts are not kept up: {error}"[:300]
                log.warning("rollups.postponed", extra={"facts": {"failures": failures, "why": str(error)}})
                await rest(delay_before(failures))
            except MemoryError:  # the whole worker's, whoever meets it first
                raise
            except Exception:  # a defect here must not keep events from being taken in
                log.exception("rollups.failed")
                self._failure = "counts are not kept up: a defect, see rollups.failed in the log"
                await rest(AFTER_A_DEFECT_SECONDS)
            else:
                if not is_ours:
                    self._failure = None  # another worker keeps them up; what fails there is told there
                    await rest(LOOK_EVERY_SECONDS)

    def note(self) -> str | None:
        """Say what keeps the counts from being kept up."""
        return self._failure

    async def run_once(self) -> bool:
        """Keep them until cancelled or asked to count anew; return False at once if another worker does."""
        lease = await self._book.take(self._name, now=self._clock())
        if lease is None:
            if (counted_up_to := await self._book.counted_up_to()) is not None:
                metrics.INGEST_ROLLUPS_LAG.set((self._clock() - counted_up_to).total_seconds())
            return False
        try:
            await self._hold(lease)
        except (HistoryLost, Unaccountable) as error:
            self._reason = "history" if isinstance(error, HistoryLost) else "unaccountable"
            log.warning("rollups.lost", extra={"facts": {"reason": self._reason, "why": str(error)}})
            await self._book.ask_anew(lease)
        finally:
            with contextlib.suppress(Transient, LeaseLost):  # then it ends by time
                await self._book.give_back(lease, now=self._clock())
        return True

    async def _hold(self, lease: Lease) -> None:
        if lease.must_build:
            lease = await self._build(lease)
        await sweep(self._book, lease)
        self._kept_at = time.monotonic()
        assert lease.place is not None  # noqa: S101  # a built one has its place
        async with self._entries.follow(lease.place) as changes:
            while not lease.is_asked:
                lease = await self._turn(changes, lease)
                self._failure = None

    async def _build(self, lease: Lease) -> Lease:
        while (early := self._built_at + AFTER_A_BUILD_SECONDS - time.monotonic()) > 0:
            await rest(min(early, KEEP_EVERY_SECONDS))
            lease = await self._book.keep(lease, now=self._clock())
        began = self._built_at = time.monotonic()
        reason, self._reason = self._reason, "asked"
        lease = await build(self._entries, self._book, lease, clock=self._clock)
        metrics.INGEST_ROLLUPS_BUILDS.labels(reason).inc()
        facts = {"reason": reason, "generation": lease.generation, "seconds": round(time.monotonic() - began, 2)}
        log.info("rollups.built", extra={"facts": facts})
        return lease

    async def _turn(self, changes: Changes, lease: Lease) -> Lease:
        """Add one batch up, or let the intake go first; then rest."""
        assert lease.place is not None  # noqa: S101  # see `_hold`
        lag = (self._clock() - lease.place.at).total_seconds()
        metrics.INGEST_ROLLUPS_LAG.set(max(lag, 0))
        if self._manners.is_busy() and lag < self._manners.pause:
            await rest(BUSY_STEP_SECONDS)
            return await self._book.keep(lease, now=self._clock()) if self._must_keep() else lease
        told = await changes.next(AT_ONCE)
        began = time.monotonic()
        if told.changes or self._must_keep():
            lease = await advance(self._book, lease, told, clock=self._clock)
            self._kept_at = time.monotonic()
        await rest(self._rest_after(told, time.monotonic() - began))
        return lease

    def _rest_after(self, told: Told, took: float) -> float:
        if not told.changes:
            return 0.0
        return max(SHARE * took, 0.0 if len(told.changes) >= AT_ONCE else self._manners.rest)

    def _must_keep(self) -> bool:
        if is_due := time.monotonic() - self._kept_at >= KEEP_EVERY_SECONDS:
            self._kept_at = time.monotonic()
        return is_due

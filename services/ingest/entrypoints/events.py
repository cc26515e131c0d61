"""Batches from the intake → the story, repeated for as long as a server is away; then counted and logged."""

import asyncio
from collections.abc import Callable, Sequence

from services.ingest.handlers.ingesting import Ingest
from shared.contracts.records import BatchOutcome, Record
from shared.runtime import metrics
from shared.runtime.logging import get_logger
from shared.runtime.retry import until_done

log = get_logger(__name__)

SUMMARY_EVERY_SECONDS = 5.0
"""One line at level info for all batches of so long; at level debug there is one for each."""


class EventsEntryPoint:
    """Takes batches in and tells of them. `seconds` is a monotonic clock; `on_wait` hears each time that a server is away."""

    def __init__(
        self, ingest: Ingest, *, seconds: Callable[[], float], on_wait: Callable[[], None] = lambda: None
    ) -> None:
        self._ingest = ingest
        self._on_wait = on_wait
        self._seconds = seconds
        self._told_at = seconds() - SUMMARY_EVERY_SECONDS
        self._untold = BatchOutcome()
        self._batches = 0
        self._telling: asyncio.TimerHandle | None = None
        self._last = asyncio.Event()
        self._last.set()

    async def on_batch(self, records: Sequence[Record]) -> BatchOutcome:
        """Return when the batch is durable. The next one may come meanwhile: it waits for its turn to write entries."""
        before, mine = self._last, asyncio.Event()
        self._last = mine
        outcome = await until_done(
            lambda: self._ingest.handle(records, before.wait),
            what="a batch of events",
            on_failure=lambda _: self._on_wait(),
        )
        mine.set()
        return outcome

    def observe(self, outcome: BatchOutcome, seconds: float) -> None:
        """Count a batch that is durable; its commit is on its way."""
        metrics.INGEST_RECORDS.inc(outcome.records)
        metrics.INGEST_ATTEMPTS.inc(outcome.attempts)
        metrics.INGEST_DUPLICATES.inc(outcome.duplicates)
        metrics.INGEST_DEAD_LETTERS.inc(outcome.dead_lettered)
        metrics.INGEST_BATCH_SECONDS.observe(seconds)
        log.debug("batch.written", extra={"facts": {**_facts(outcome), "seconds": round(seconds, 4)}})
        self._summarize(outcome)

    def _summarize(self, outcome: BatchOutcome) -> None:
        self._untold = _sum(self._untold, outcome)
        self._batches += 1
        if (left := self._told_at + SUMMARY_EVERY_SECONDS - self._seconds()) <= 0:
            self._tell()
        elif self._telling is None:  # no further batch may come to tell of these
            self._telling = asyncio.get_running_loop().call_later(left, self._tell)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        log.info("batch.written", extra={"facts": {"batches": self._batches, **_facts(self._untold)}})
        self._told_at, self._untold, self._batches, self._telling = self._seconds(), BatchOutcome(), 0, None


def _facts(outcome: BatchOutcome) -> dict[str, int]:
    return {
        "records": outcome.records,
        "attempts": outcome.attempts,
        "entries": outcome.entries,
        "duplicates": outcome.duplicates,
        "dead_lettered": outcome.dead_lettered,
    }


def _sum(one: BatchOutcome, other: BatchOutcome) -> BatchOutcome:
    return BatchOutcome(
        records=one.records + other.records,
        attempts=one.attempts + other.attempts,
        entries=one.entries + other.entries,
        duplicates=one.duplicates + other.duplicates,
        dead_lettered=one.dead_lettered + other.dead_lettered,
    )

"""Batches of dead letters → the story that keeps them, repeated for as long as MongoDB is away."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from services.ingest.core.letters import KEPT_FOR
from services.ingest.handlers.ports import LetterBook
from services.ingest.handlers.shelving import shelve
from shared.contracts.records import BatchOutcome, Record
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger
from shared.runtime.retry import until_done

log = get_logger(__name__)


class LettersEntryPoint:
    """Takes batches of `integration.deadletter` in. `on_wait` hears each time that the store is away."""

    def __init__(
        self,
        book: LetterBook,
        *,
        operator: str,
        clock: Clock,
        keep_for: timedelta = KEPT_FOR,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self._book = book
        self._operator = operator
        self._clock = clock
        self._keep_for = keep_for
        self._on_wait = on_wait

    async def on_batch(self, records: Sequence[Record]) -> BatchOutcome:
        """Return when the batch is durable."""
        return await until_done(
            lambda: shelve(records, self._book, operator=self._operator, clock=self._clock, keep_for=self._keep_for),
            what="dead letters to keep",
            on_failure=lambda _: self._on_wait(),
        )

    def observe(self, outcome: BatchOutcome, seconds: float) -> None:
        """Tell of a batch whose offsets are committed."""
        facts = {"kept": outcome.dead_lettered, "doubles": outcome.duplicates, "seconds": round(seconds, 4)}
        log.info("letters.kept", extra={"facts": facts})

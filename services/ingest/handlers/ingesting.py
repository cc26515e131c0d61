"""The story of a batch: look, plan, store the attempts that are history, write the entries, put dead letters aside; then the offsets may move.

The newest attempt of an item is its entry's state; it goes to the history when a newer one takes its place. An entry is written only as
long as it is as it was found, so state and count move together, once for each distinct event; a crash at any point redelivers the batch,
and what of it was written is recognised (`core/plan.py`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from services.ingest.core.counted import Counted
from services.ingest.core.decode import SHAPES, decode
from services.ingest.core.fold import Delivery
from services.ingest.core.keeping import WHOLE, ContentLimits, Keeping
from services.ingest.core.letters import is_replayed
from services.ingest.core.limit import DeadLetterLimit
from services.ingest.core.shapes import Shape
from services.ingest.handlers.ports import Answer, DeadLetters, Integrations, LogStore
from services.ingest.handlers.writing import for_ever, write
from shared.contracts.errors import DeadLetterLimitReached, InvalidEvent
from shared.contracts.records import Address, BatchOutcome, DeadLetter, Record, Untaken, next_offsets

SAMPLES = 10
"""Dead letters that are written before the worker stops because there are too many."""

NEW_IN_A_ROW = 4_000
"""After so many entries that were not there, the next ones are inserted without a look; a single one that is there ends that. A look costs a
tenth of an insert, but an insert that meets its entry costs three, and its batch with it.
"""

Turn = Callable[[], Awaitable[object]]


async def at_once() -> None:
    """No batch stands before this one."""


class Ingest:
    """The story with its ports plugged in. Batches may overlap up to the attempts; entries are written in the order of batches."""

    def __init__(
        self,
        log: LogStore,
        dead_letters: DeadLetters,
        *,
        limit: DeadLetterLimit | None = None,
        counted: Counted | None = None,
        accounts: frozenset[str] = frozenset(),
        known: Mapping[str, Shape] = SHAPES,
        integrations: Integrations | None = None,
        limits: ContentLimits | None = None,
        remembered_since: Callable[[], datetime] = for_ever,
    ) -> None:
        self._log = log
        self._dead_letters = dead_letters
        self._limit = limit or DeadLetterLimit()
        self._counted = counted or Counted()
        self._accounts = accounts
        self._known = known
        self._integrations = integrations
        self._limits = limits or ContentLimits()
        self._remembered_since = remembered_since
        self._new_in_a_row = 0

    async def handle(self, records: Sequence[Record], turn: Turn = at_once) -> BatchOutcome:
        """Write what the batch says; put aside what cannot be used. Safe to repeat. Raise Transient or Defect.

        A dead letter that nobody takes is told in the outcome; it is counted, once even if its partition comes to another lane.
        `turn` returns when the batch before is done: an entry counts by offset, so a later one must not come first.
        """
        keeping = await self._keeping()
        # Whatever is asked of all records is asked while they are in the processor's caches: after the write it takes many times as long.
        commit = next_offsets(records)
        deliveries, letters = decode_all(records, self._accounts, self._known, keeping)
        answers = answers_of(deliveries)
        await turn()
        hopeful = self._new_in_a_row >= NEW_IN_A_ROW
        tally = await write(self._log, deliveries, self._remembered_since(), hopeful=hopeful)
        self._new_in_a_row = 0 if tally.known else self._new_in_a_row + tally.entries
        if tally.unstorable:
            letters += [_unstorable(one, tally.unstorable) for one in records if one.address in tally.unstorable]
            # Who reads `answered` looks for the answer in the log: that of a dead letter is told when it was replayed.
            answers = answers_of([one for one in deliveries if one.address not in tally.unstorable])
        if answers:  # duplicates tell again, which heals a crash
            await self._log.mark_answered(answers)
        rejected = {letter.record.address for letter in letters}
        # Letters sent back too early say nothing about the code: a person's bulk replay must not stop the worker.
        verdicts = (
            [one.address in rejected for one in records if not is_replayed(one) and not self._counted.has(one.address)]
            if letters
            else ([False] * len(records))
        )
        limit = await self._limit_after(verdicts, letters)
        untaken = await self._dead_letters.offer(letters)
        self._limit = limit
        fresh = sum(not self._counted.has(letter.record.address) for letter in letters)
        self._counted.remember(untaken, commit)
        return BatchOutcome(
            records=len(records),
            attempts=tally.attempts,
            entries=tally.entries,
            duplicates=len(deliveries) - tally.attempts - tally.refused,
            dead_lettered=fresh,
            commit=commit,
            untaken=untaken,
        )

    async def _limit_after(self, verdicts: Sequence[bool], letters: Sequence[DeadLetter]) -> DeadLetterLimit:
        try:
            return self._limit.check(verdicts)
        except DeadLetterLimitReached as reached:
            # Whoever is called now needs to see what it is about; all of them would be written again at every restart.
            untaken = await self._dead_letters.offer(letters[:SAMPLES])
            raise DeadLetterLimitReached(f"{reached} {_where_samples_are(untaken)}") from None

    async def _keeping(self) -> Keeping:
        masked: frozenset[tuple[str, str]] = (
            await self._integrations.list_masked() if self._integrations else frozenset()
        )
        return Keeping(self._limits, masked)


def decode_all(
    records: Sequence[Record],
    accounts: frozenset[str],
    known: Mapping[str, Shape] = SHAPES,
    keeping: Keeping = WHOLE,
) -> tuple[list[Delivery], list[DeadLetter]]:
    """Return the events of all usable records, with as much of their content as is kept, and the others as dead letters."""
    deliveries: list[Delivery] = []
    letters: list[DeadLetter] = []
    for record in records:
        try:
            size = len(record.value or b"")
            deliveries += [Delivery(keeping.keep(e, size), record.address) for e in decode(record, accounts, known)]
        except InvalidEvent as error:
            letters.append(DeadLetter(record, error.error_class, str(error)))
        except MemoryError:  # says nothing of the record: the worker ends, and the next one reads it again
            raise
        except Exception as error:  # noqa: BLE001  # one record must not stop the others; many of them trip the limit
            letters.append(DeadLetter(record, "Undecodable", f"{type(error).__name__}: {error}"))
    return deliveries, letters


def answers_of(deliveries: Sequence[Delivery]) -> list[Answer]:
    """Return what is to be told to the entries whose reprocess job a connector has answered."""
    return [
        Answer(delivery.event.entry_id, delivery.event.data.reprocess_id, delivery.event.received_at)
        for delivery in deliveries
        if delivery.event.data.reprocess_id
    ]


def _where_samples_are(untaken: Sequence[Untaken]) -> str:
    """Say where to look at what cannot be used. A worker that waited for somebody to take the samples would hide that it should stop."""
    if not untaken:
        return "The first ones are in integration.deadletter as samples."
    first = untaken[0].letter
    return (
        f"integration.deadletter does not take samples ({untaken[0].detail}); the first is {first.record.address}, "
        f"{first.error_class}: {first.error_message}"
    )


def _unstorable(record: Record, reasons: Mapping[Address, str]) -> DeadLetter:
    return DeadLetter(record, "Unstorable", reasons[record.address])

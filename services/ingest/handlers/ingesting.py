"""The story of a batch: attempts first, then entries, then dead letters, then the offsets may move.

A crash at any point redelivers the batch, and the attempts remember which record they were inserted for: the same record again means
"perhaps not counted yet", any other record means "a duplicate, handled elsewhere". So each distinct event counts once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from services.ingest.core.decode import SHAPES, decode
from services.ingest.core.fold import Delivery
from services.ingest.core.keeping import WHOLE, ContentLimits, Keeping
from services.ingest.core.letters import is_replayed
from services.ingest.core.limit import DeadLetterLimit
from services.ingest.core.plan import (
    PlannedAttempt,
    first_deliveries,
    plan_attempts,
    plan_entries,
    redeliveries,
    split_covered,
)
from services.ingest.core.shapes import Shape
from services.ingest.handlers.ports import Answer, DeadLetters, Integrations, LogStore
from shared.contracts.errors import DeadLetterLimitReached, InvalidEvent, StoreUnavailable
from shared.contracts.records import Address, BatchOutcome, DeadLetter, Record, next_offsets

SAMPLES = 10
"""Dead letters that are written before the worker stops because there are too many."""

ROUNDS = 8
"""A conflict settles in one round unless others write the same entry at the same moment; then the whole batch is repeated."""

Unstorable = dict[Address, str]
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
        accounts: frozenset[str] = frozenset(),
        known: Mapping[str, Shape] = SHAPES,
        integrations: Integrations | None = None,
        limits: ContentLimits | None = None,
    ) -> None:
        self._log = log
        self._dead_letters = dead_letters
        self._limit = limit or DeadLetterLimit()
        self._accounts = accounts
        self._known = known
        self._integrations = integrations
        self._limits = limits or ContentLimits()

    async def handle(self, records: Sequence[Record], turn: Turn = at_once) -> BatchOutcome:
        """Write what the batch says; put aside what cannot be used. Safe to repeat. Raise Transient or Defect.

        `turn` returns when the batch before is done: an entry counts by offset, so a later one must not come first.
        """
        keeping = await self._keeping()
        deliveries, letters = decode_all(records, self._accounts, self._known, keeping)
        uncounted, unstorable = await record_attempts(self._log, plan_attempts(deliveries))
        await turn()
        entries = await write_entries(self._log, uncounted, unstorable)
        await mark_answered(self._log, deliveries)
        letters += [_unstorable(record, unstorable) for record in records if record.address in unstorable]
        rejected = {letter.record.address for letter in letters}
        # Letters sent back too early say nothing about the code: a person's bulk replay must not stop the worker.
        limit = await self._limit_after(
            [record.address in rejected for record in records if not is_replayed(record)], letters
        )
        await self._dead_letters.put(letters)
        self._limit = limit
        counted = sum(delivery.address not in unstorable for delivery in uncounted)
        return BatchOutcome(
            records=len(records),
            attempts=counted,
            entries=entries,
            duplicates=sum(delivery.address not in rejected for delivery in deliveries) - counted,
            dead_lettered=len(letters),
            commit=next_offsets(records),
        )

    async def _limit_after(self, verdicts: Sequence[bool], letters: Sequence[DeadLetter]) -> DeadLetterLimit:
        try:
            return self._limit.check(verdicts)
        except DeadLetterLimitReached:
            # Whoever is called now needs to see what it is about; all of them would be written again at every restart.
            await self._dead_letters.put(letters[:SAMPLES])
            raise

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
        except Exception as error:  # noqa: BLE001  # one record must not stop the others; many of them trip the limit
            letters.append(DeadLetter(record, "Undecodable", f"{type(error).__name__}: {error}"))
    return deliveries, letters


async def record_attempts(log: LogStore, attempts: Sequence[PlannedAttempt]) -> tuple[list[Delivery], Unstorable]:
    """Insert the attempts; return the deliveries that their entries have not counted yet, and what cannot be stored."""
    recorded = await log.record_attempts(attempts)
    refused = {
        delivery.address: recorded.unstorable[attempt.id]
        for attempt in attempts
        if attempt.id in recorded.unstorable
        for delivery in attempt.deliveries
    }
    fresh = [a for a in attempts if a.id not in recorded.present and a.id not in recorded.unstorable]
    uncounted = first_deliveries(fresh)
    if recorded.present:
        uncounted += await _uncounted_redeliveries(log, [a for a in attempts if a.id in recorded.present])
    return uncounted, refused


async def _uncounted_redeliveries(log: LogStore, attempts: Sequence[PlannedAttempt]) -> list[Delivery]:
    again = redeliveries(attempts, await log.find_addresses([attempt.id for attempt in attempts]))
    if not again:
        return []
    entry_ids = list({delivery.event.entry_id for delivery in again})
    return split_covered(again, await log.find_applied(entry_ids))[0]


async def write_entries(log: LogStore, deliveries: Sequence[Delivery], unstorable: Unstorable) -> int:
    """Bring the entries up to date and return how many updates that took; add to `unstorable` what no entry can hold."""
    remaining, done = list(deliveries), 0
    for _ in range(ROUNDS):
        if not remaining:
            return done
        written = await log.write_entries(plan_entries(remaining))
        refused = [delivery for delivery in remaining if _place(delivery) in written.unstorable]
        await _give_up(log, refused)
        unstorable.update({delivery.address: written.unstorable[_place(delivery)] for delivery in refused})
        done += len({_place(delivery) for delivery in remaining}) - len(written.conflicts) - len(written.unstorable)
        remaining = await _after_conflicts(log, [d for d in remaining if _place(d) in written.conflicts])
    if remaining:
        msg = f"{len(remaining)} updates still met other writers after {ROUNDS} rounds"
        raise StoreUnavailable(msg)
    return done


async def _after_conflicts(log: LogStore, deliveries: Sequence[Delivery]) -> list[Delivery]:
    if not deliveries:
        return []
    applied = await log.find_applied(list({delivery.event.entry_id for delivery in deliveries}))
    uncounted, covered = split_covered(deliveries, applied)
    # Covered means counted by another worker, or offsets that began anew after a topic was made again: in that case the count
    # may stay short, but what the event says must not be missed, and merging it twice is harmless.
    if covered:
        await log.write_entries(plan_entries(covered, counted=False))
    return uncounted


async def _give_up(log: LogStore, refused: Sequence[Delivery]) -> None:
    # Without its entry the attempt must go too: a replay of the dead letter would otherwise look like a duplicate.
    if refused:
        await log.forget_attempts([delivery.event.attempt_id for delivery in refused])


async def mark_answered(log: LogStore, deliveries: Sequence[Delivery]) -> None:
    """Tell each entry that the connector answered its reprocess job; duplicates tell again, which heals a crash."""
    answers = [
        Answer(delivery.event.entry_id, delivery.event.data.reprocess_id, delivery.event.received_at)
        for delivery in deliveries
        if delivery.event.data.reprocess_id
    ]
    if answers:
        await log.mark_answered(answers)


def _place(delivery: Delivery) -> tuple[str, str]:
    return delivery.event.entry_id, delivery.partition


def _unstorable(record: Record, reasons: Unstorable) -> DeadLetter:
    return DeadLetter(record, "Unstorable", reasons[record.address])

"""Deliveries into the log: look at what is held, plan, store what becomes history, then write the entries that are still as they were found.

An entry that says that its attempts are `in_order` is written when they are, whoever else stores some meanwhile: what is stored by
others is not counted yet, and whoever counts it finds it stored (`plan.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.ingest.core.fold import Delivery
from services.ingest.core.plan import Change, by_entry, plan, questioned
from services.ingest.handlers.ports import Found, LogStore
from shared.contracts.errors import StoreUnavailable
from shared.contracts.records import Address

ROUNDS = 8
"""A conflict settles in one round unless others write the same entry at the same moment; then the whole batch is repeated."""


def for_ever() -> datetime:
    """Return the instant since which attempts are kept when none expires."""
    return datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Tally:
    """What became of deliveries: how many events were counted, how many changes that took, what cannot be stored, and why.

    `known`: how many of the entries were there before, as far as was looked. `refused`: how many events cannot be stored; a record
    that tells of several may stand under `unstorable` for one of them.
    """

    attempts: int = 0
    entries: int = 0
    known: int = 0
    refused: int = 0
    unstorable: dict[Address, str] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add what became of further deliveries."""
        self.attempts += other.attempts
        self.entries += other.entries
        self.known += other.known
        self.refused += other.refused
        self.unstorable |= other.unstorable


async def write(
    log: LogStore, deliveries: Iterable[Delivery], remembered_since: datetime, *, hopeful: bool = False
) -> Tally:
    """Bring attempts and entries up to date. What met other writers is planned anew from what they left.

    `hopeful`: try first as if no entry were there, and look only at those that are. What is held of many large entries is looked at,
    and written, a stretch after the other.
    """
    told, tally = by_entry(deliveries), Tally()
    rounds = 0
    while told:
        # Of what is told of more than once, the older goes to the history before anything shows that its entry is there.
        asked = [one for one, of_it in told.items() if len(of_it) > 1] if hopeful else list(told)
        looked = await log.find_entries(asked) if asked else Found()
        hopeful, found = False, looked.held
        tally.known += len(found)
        later = {identity: told.pop(identity) for identity in looked.left}
        stored = await log.find_attempts(questioned(told, found))
        changes = list(plan(told, found, stored, remembered_since))
        storing = await log.store_attempts([attempt for change in changes for attempt in change.older])
        late = _entries_of(changes, storing.present)
        refused = storing.unstorable
        to_write = (
            [change for change in changes if change.entry_id not in late and not _reason(change, refused)]
            if late or refused
            else changes
        )
        if unordered := [change.unordered for change in to_write if change.unordered is not None]:
            await log.put_in_order(unordered)
        written = await log.write_entries(to_write)
        conflicts = late | written.conflicts
        if not (conflicts or refused or written.unstorable):
            tally.entries += len(changes)
            tally.attempts += sum([len(change.deliveries) for change in changes])
            told = later
            continue
        again: dict[str, list[Delivery]] = {}
        for change in changes:
            if reason := _reason(change, refused) or written.unstorable.get(change.entry_id):
                await _break_up(log, change, reason, tally, remembered_since)
            elif change.entry_id not in conflicts:
                tally.entries += 1
                tally.attempts += len(change.deliveries)
            else:
                again[change.entry_id] = told[change.entry_id]
        rounds += bool(again)
        if rounds == ROUNDS:
            msg = f"{len(again)} entries still met other writers after {ROUNDS} rounds"
            raise StoreUnavailable(msg)
        told = again | later
    return tally


def _entries_of(changes: Iterable[Change], present: frozenset[str]) -> frozenset[str]:
    """Return the entries of which somebody else stored an attempt since we looked: who counts it must be decided anew."""
    if not present:
        return frozenset()
    return frozenset(one.entry_id for one in changes if any(attempt.id in present for attempt in one.older))


def _reason(change: Change, refused: Mapping[str, str]) -> str | None:
    return next((refused[one.id] for one in change.older if one.id in refused), None) if refused else None


async def _break_up(log: LogStore, change: Change, reason: str, tally: Tally, remembered_since: datetime) -> None:
    """Write the deliveries of a change that cannot be stored one by one; refuse the one that cannot be stored alone."""
    if len(change.deliveries) > 1:
        for delivery in change.deliveries:
            tally.add(await write(log, [delivery], remembered_since))
        return
    (delivery,) = change.deliveries
    # Without its entry the attempt must go too: a replay of the dead letter would otherwise look like a duplicate.
    await log.forget_attempts([delivery.event.attempt_id])
    tally.refused += 1
    tally.unstorable[delivery.address] = reason

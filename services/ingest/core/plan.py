"""What a batch will write, decided before anything is written: which deliveries count, and one change for each entry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ingest.core.fold import (
    Delivery,
    Held,
    PastAttempt,
    PastState,
    changed_fields,
    history,
    new_entry,
)
from shared.contracts.entries import Document, is_long_history
from shared.contracts.records import Address

Stored = Mapping[str, Address | None]
"""Attempt id → the address it was stored for; None when it has been a state, and so was counted."""

Told = Mapping[str, Sequence[Delivery]]
"""Entry id → the deliveries that tell of it. Twins are deliveries of one event."""


@dataclass(frozen=True, slots=True)
class Unordered:
    """Attempts of a long history that may be stored without their entry's id; `ids` None: any that the entry has."""

    entry_id: str
    ids: Sequence[str] | None = None


@dataclass(slots=True)  # not frozen: that costs microseconds each, and there is one for nearly every event
class Change:
    """What a batch does to one entry. `older` attempts are stored first. Then `document` is inserted where there was no entry (`held`
    is None); else `fields` are set where the entry still counts the attempts of `held`: if not, somebody else was there meanwhile.
    What is `unordered` is put in order in between: the entry says that its attempts are.

    Both are made when they are asked for: what is encoded at once never leaves the processor's caches.
    """

    entry_id: str
    deliveries: Sequence[Delivery]
    older: Sequence[PastAttempt]
    held: Held | None = None
    unordered: Unordered | None = None

    def document(self) -> Document:
        """Return the entry to insert."""
        return new_entry(self.deliveries)

    def fields(self) -> Document:
        """Return the fields to set, by path."""
        if self.held is None:
            msg = f"{self.entry_id} is new: there is nothing to change"
            raise ValueError(msg)
        return changed_fields(self.held, self.deliveries)


def by_entry(deliveries: Iterable[Delivery]) -> dict[str, list[Delivery]]:
    """Return what is told of each entry."""
    entries: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        told = entries.get(delivery.event.entry_id)
        if told is None:
            entries[delivery.event.entry_id] = [delivery]
        else:
            told.append(delivery)
    return entries


def questioned(told: Told, found: Mapping[str, Held]) -> list[str]:
    """Return the ids of the attempts of which it must be known whether they are stored.

    A new entry's only event needs no question: it becomes the state, and nothing is stored of it elsewhere.
    """
    return [
        delivery.event.attempt_id
        for identity, deliveries in told.items()
        if identity in found or len(deliveries) > 1
        for delivery in deliveries
    ]


def plan(told: Told, found: Mapping[str, Held], stored: Stored, remembered_since: datetime) -> Iterator[Change]:
    """Yield the change of each entry that has one. Attempts received before `remembered_since` may have expired."""
    for entry_id, deliveries in told.items():
        held = found.get(entry_id)
        if held is None and len(deliveries) == 1:
            yield Change(entry_id, deliveries, ())
            continue
        counting = uncounted(deliveries, held, stored, remembered_since)
        if not counting:
            continue
        is_long = is_long_history(len(counting) + (held.attempts if held else 0))
        past = history(entry_id, held, counting, is_long=is_long)
        older = [one for one in past if _is_wanting(one, stored)]
        yield Change(entry_id, counting, older, held, _unordered(entry_id, held, past, stored) if is_long else None)


def _is_wanting(attempt: PastAttempt, stored: Stored) -> bool:
    """Say whether the attempt must be stored: it is not there, or as one that is yet to be counted, though it has been."""
    return attempt.id not in stored or (isinstance(attempt, PastState) and stored[attempt.id] is not None)


def _unordered(entry_id: str, held: Held | None, past: Sequence[PastAttempt], stored: Stored) -> Unordered | None:
    """Return what may lack the id of its entry: all of a history that has just become long, or that a writer of before went on with; else
    those that are counted or give way now and were found stored, by whoever planned a shorter history and was not done with it.
    """
    if held is None or held.in_order != held.attempts:
        return Unordered(entry_id)
    found = [one.id for one in past if one.id in stored]
    return Unordered(entry_id, found) if found else None


def uncounted(
    deliveries: Iterable[Delivery], held: Held | None, stored: Stored, remembered_since: datetime
) -> list[Delivery]:
    """Return one delivery for each event that its entry has not counted and that is not counted at another address."""
    counting: dict[tuple[str, str], Delivery] = {}
    for delivery in deliveries:
        identity = delivery.event.identity
        if identity not in counting and (
            _is_left_to_us(delivery, stored)
            if held is None
            else _is_uncounted(delivery, held, stored, remembered_since)
        ):
            counting[identity] = delivery
    return list(counting.values())


def _is_left_to_us(delivery: Delivery, stored: Stored) -> bool:
    # Its entry is not there: whoever stored it for another address died before the entry, and will be given it again.
    return stored.get(delivery.event.attempt_id) in {None, delivery.address}


def _is_uncounted(delivery: Delivery, held: Held, stored: Stored, remembered_since: datetime) -> bool:
    """Known events are the state and the stored attempts. One that is stored for this very address, beyond what the entry has
    applied, was left behind by a crash; one that is stored for another address is counted there. An unknown one at an offset
    that was applied comes from a topic that was made again, unless it is so old that its attempt may have expired.
    """
    event = delivery.event
    is_applied = delivery.address.offset <= held.applied.get(delivery.partition, -1)
    if list(event.identity) == held.version[2:]:
        return False
    if event.attempt_id in stored:
        return stored[event.attempt_id] == delivery.address and not is_applied
    return not is_applied or event.received_at >= remembered_since or list(event.version) > held.version

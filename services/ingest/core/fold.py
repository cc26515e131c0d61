"""What one entry becomes when events of its item come in: the newest version is the state, the rest are minima, maxima and sets.

Every part is a join (the larger wins, the union), so order and repetition do not matter; what counts is decided in `plan.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from services.ingest.core.aliases import merged_aliases
from shared.contracts.entries import (
    Document,
    alias_pairs,
    attempt_document,
    attempt_id_of_state,
    attempt_of_state,
    bounded_ids,
    escape_name,
    is_long_history,
    search_ids,
    state_document,
)
from shared.contracts.events import IntegrationEvent
from shared.contracts.names import Kind, events_topic
from shared.contracts.records import Address
from shared.contracts.times import to_milliseconds

EVENTS_PREFIX: Final = "integration.events."


class Delivery:
    """An event, the address at which it was delivered, and the partition under which its entry counts it."""

    __slots__ = ("address", "event", "partition")

    def __init__(self, event: IntegrationEvent, address: Address) -> None:
        self.event = event
        self.address = address
        self.partition = applied_partition(address.topic, address.partition, event.data.kind)


class PastDelivery:
    """The attempt of an event that is not the newest of its entry, first delivered at the address of `delivery`.

    `entry`: the id of its entry, which an attempt of a long history carries, and None for all others.
    """

    __slots__ = ("delivery", "entry", "id")

    def __init__(self, delivery: Delivery, *, is_long: bool = False) -> None:
        self.id = delivery.event.attempt_id
        self.entry = delivery.event.entry_id if is_long else None
        self.delivery = delivery

    def document(self) -> Document:
        """Return the document to insert."""
        return _of_entry(attempt_document(self.delivery.event, self.delivery.address), self.entry)


class PastState:
    """The attempt of an entry's state that gives way: it was counted, and has no address. `entry`: as of a PastDelivery."""

    __slots__ = ("_entry_id", "entry", "id", "state")

    def __init__(self, entry_id: str, state: Mapping[str, Any], *, is_long: bool = False) -> None:
        self.id = attempt_id_of_state(entry_id, state)
        self.entry = entry_id if is_long else None
        self._entry_id = entry_id
        self.state = state

    def document(self) -> Document:
        """Return the document to insert."""
        return _of_entry(attempt_of_state(self._entry_id, self.state), self.entry)


PastAttempt = PastDelivery | PastState
"""What is stored beside an entry, by its `id`."""


@lru_cache(1024)
def applied_partition(topic: str, partition: int, kind: Kind) -> str:
    """Return the name under which an entry of `kind` keeps the offset it has counted of a partition.

    The number alone on the kind's own topic, `order:3` on another kind's: one message may tell of several kinds, and offsets of
    two topics must not meet. No part of it is special on a path in MongoDB.
    """
    if topic == events_topic(kind):
        return str(partition)
    return f"{escape_name(topic.removeprefix(EVENTS_PREFIX))}:{partition}"


@dataclass(slots=True)
class Held:
    """What the database holds of an entry. Of its `state` the outermost level alone is read: version, status, processed_at, and the codes
    of the causes; and all of it becomes an attempt when it gives way.
    """

    attempts: int
    applied: Mapping[str, int]
    state: Mapping[str, Any]
    aliases: Mapping[str, Sequence[Any]]
    ids: Sequence[str]
    first_seen_at: datetime
    last_success_at: datetime | None
    in_order: int = 0
    version: list[Any] = field(init=False)
    """The version of the event that gave the state."""

    def __post_init__(self) -> None:
        self.version = list(self.state["version"])


def held_from_document(document: Mapping[str, Any]) -> Held:
    """Return what a document of `log_entries` holds."""
    return Held(
        attempts=document["attempts"],
        applied=document["applied"],
        state=document["state"],
        aliases=document["aliases"],
        ids=document["ids"],
        first_seen_at=document["first_seen_at"],
        last_success_at=document.get("last_success_at"),
        in_order=document.get("in_order", 0),
    )


def new_entry(deliveries: Sequence[Delivery]) -> Document:
    """Return the entry that these deliveries, all of one item and none a twin, make where there is none."""
    if len(deliveries) == 1:
        return _entry_of_one(deliveries[0])
    events = [delivery.event for delivery in deliveries]
    aliases = merged_aliases({}, None, events)
    return {
        **_identity(events[0]),
        "state": state_document(newest_of(events)),
        "aliases": aliases,
        "ids": _merged_ids((), events, aliases),
        "first_seen_at": _first_seen(events),
        **_last_success(events, None),
        "attempts": len(events),
        "applied": _applied(deliveries),
        **({"in_order": len(events)} if is_long_history(len(events)) else {}),
    }


def changed_fields(held: Held, deliveries: Sequence[Delivery]) -> Document:
    """Return the fields to set, by path, where `held` stands: what does not change is left out."""
    events = [delivery.event for delivery in deliveries]
    newest = newest_of(events)
    order, sequence, source, event_id = held.version
    aliases = merged_aliases(held.aliases, (order, sequence, source, event_id), events)
    ids = _merged_ids(held.ids, events, aliases)
    first_seen_at = min(held.first_seen_at, _first_seen(events))
    success = _last_success(events, held.last_success_at)
    attempts = held.attempts + len(events)
    return {
        "attempts": attempts,
        **({"in_order": attempts} if is_long_history(attempts) else {}),
        **{f"applied.{partition}": offset for partition, offset in _applied(deliveries).items()},
        **({"state": state_document(newest), "was": counted_facts(held)} if is_newer(newest, held) else {}),
        **({"aliases": aliases} if aliases != _plain(held.aliases) else {}),
        **({"ids": ids} if ids != list(held.ids) else {}),
        **({"first_seen_at": first_seen_at} if first_seen_at != held.first_seen_at else {}),
        **({} if success.get("last_success_at") == held.last_success_at else success),
    }


def counted_facts(held: Held) -> Document:
    """Return what the rollups counted of a state that gives way. `n` makes it differ from what it said before: MongoDB tells no
    follower of a field that was set to what it was.
    """
    state = held.state
    codes = [cause["code"] for cause in state["causes"] if "code" in cause]
    return {"n": held.attempts, "status": state["status"], "processed_at": state["processed_at"], "codes": codes}


def history(
    entry_id: str, held: Held | None, deliveries: Sequence[Delivery], *, is_long: bool = False
) -> list[PastAttempt]:
    """Return the attempts to store beside the entry: all but the newest, which the entry holds itself. A state that gives way goes there too.

    `is_long`: with these the history is a long one.
    """
    if held is None and len(deliveries) == 1:
        return []
    newest = max(deliveries, key=_version_of).event
    stays = held is not None and not is_newer(newest, held)
    older: list[PastAttempt] = [
        PastDelivery(one, is_long=is_long) for one in deliveries if stays or one.event is not newest
    ]
    if held is not None and not stays:
        older.append(PastState(entry_id, held.state, is_long=is_long))
    return older


def newest_of(events: Iterable[IntegrationEvent]) -> IntegrationEvent:
    """Return the event that gives the state."""
    return max(events, key=attrgetter("version"))


def is_newer(event: IntegrationEvent, held: Held) -> bool:
    """Tell whether the event takes the place of the state."""
    return list(event.version) > held.version


def _entry_of_one(delivery: Delivery) -> Document:
    event = delivery.event
    order_at = to_milliseconds(event.order_at)
    document = _identity(event)
    document["state"] = state_document(event)
    document["aliases"] = alias_pairs(event)
    document["ids"] = bounded_ids(search_ids(event), event.data.code, document["aliases"])
    document["first_seen_at"] = order_at
    if event.data.status == "success":
        document["last_success_at"] = order_at
    document["attempts"] = 1
    document["applied"] = {delivery.partition: delivery.address.offset}
    return document


def _identity(event: IntegrationEvent) -> Document:
    data = event.data
    return {
        "_id": event.entry_id,
        "account": data.account,
        "kind": data.kind,
        "affiliate": data.affiliate,
        "code": data.code,
    }


def _of_entry(attempt: Document, entry_id: str | None) -> Document:
    # The last field, as if it had been set later: what is stored must not tell when the history became long.
    return attempt if entry_id is None else {**attempt, "entry": entry_id}


def _merged_ids(held: Iterable[str], events: Sequence[IntegrationEvent], aliases: Document) -> list[str]:
    ids = sorted({*held, *(text for event in events for text in search_ids(event))})
    return bounded_ids(ids, events[0].data.code, aliases)


def _first_seen(events: Iterable[IntegrationEvent]) -> datetime:
    return to_milliseconds(min(event.order_at for event in events))


def _last_success(events: Iterable[IntegrationEvent], held: datetime | None) -> Document:
    successes = [to_milliseconds(event.order_at) for event in events if event.data.status == "success"]
    latest = max([*successes, held] if held else successes, default=None)
    return {} if latest is None else {"last_success_at": latest}


def _applied(deliveries: Iterable[Delivery]) -> dict[str, int]:
    upto: dict[str, int] = {}
    for delivery in deliveries:
        upto[delivery.partition] = max(upto.get(delivery.partition, -1), delivery.address.offset)
    return upto


def _version_of(delivery: Delivery) -> Any:
    return delivery.event.version


def _plain(aliases: Mapping[str, Sequence[Any]]) -> Document:
    return {name: list(pair) for name, pair in aliases.items()}

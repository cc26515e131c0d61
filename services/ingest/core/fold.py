"""Events of one entry applied together: the newest version is the state, the rest are minima, maxima and sets.

Every part is a join (the larger wins, the union), so order and repetition do not matter; only the count needs its guard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from shared.contracts.entries import Document, alias_fields, escape_name, search_ids, state_document
from shared.contracts.events import IntegrationEvent
from shared.contracts.names import Kind, events_topic
from shared.contracts.records import Address
from shared.contracts.times import to_milliseconds

EVENTS_PREFIX: Final = "integration.events."


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event and the address at which it was delivered."""

    event: IntegrationEvent
    address: Address

    @property
    def partition(self) -> str:
        """Where the entry counts this delivery."""
        return applied_partition(self.address.topic, self.address.partition, self.event.data.kind)


@lru_cache(1024)
def applied_partition(topic: str, partition: int, kind: Kind) -> str:
    """Return the name under which an entry of `kind` keeps the offset it has counted of a partition.

    The number alone on the kind's own topic, `order:3` on another kind's: one message may tell of several kinds, and offsets of
    two topics must not meet. No part of it is special on a path in MongoDB.
    """
    if topic == events_topic(kind):
        return str(partition)
    return f"{escape_name(topic.removeprefix(EVENTS_PREFIX))}:{partition}"


@dataclass(slots=True)  # not frozen: that costs three microseconds each, and there is one for nearly every event
class EntryUpdate:
    """What events of one entry, from one partition, change. Not `counted`: neither count nor applied offset move."""

    entry_id: str
    identity: Document
    partition: str
    first_offset: int
    last_offset: int
    counted: bool
    attempts: int
    state: Document
    aliases: Document
    ids: Sequence[str]
    first_seen_at: datetime
    last_success_at: datetime | None

    @property
    def place(self) -> tuple[str, str]:
        """The entry and the partition: within a batch there is one update for each."""
        return self.entry_id, self.partition

    def document(self) -> Document:
        """Return the entry as this update alone makes it: what `filter` and `operators` come to when there is none yet."""
        return {
            "_id": self.entry_id,
            **self.identity,
            "state": self.state,
            "aliases": {path.partition(".")[2]: pair for path, pair in self.aliases.items()},
            "ids": self.ids,
            "first_seen_at": self.first_seen_at,
            **({} if self.last_success_at is None else {"last_success_at": self.last_success_at}),
            "attempts": self.attempts,
            "applied": {self.partition: self.last_offset},
        }

    def filter(self) -> Document:
        """Return the MongoDB filter: the entry, unless it has counted one of these offsets already."""
        chosen: Document = {"_id": {"$eq": self.entry_id}}
        if self.counted:
            chosen[f"applied.{self.partition}"] = {"$not": {"$gte": self.first_offset}}
        return chosen

    def operators(self) -> Document:
        """Return the MongoDB update, plain operators only: what stands in a payload is never evaluated."""
        largest: Document = {"state": self.state, **self.aliases}
        if self.last_success_at is not None:
            largest["last_success_at"] = self.last_success_at
        update: Document = {
            "$max": largest,
            "$min": {"first_seen_at": self.first_seen_at},
            "$addToSet": {"ids": {"$each": list(self.ids)}},
        }
        if self.counted:
            largest[f"applied.{self.partition}"] = self.last_offset
            update["$inc"] = {"attempts": self.attempts}
            update["$setOnInsert"] = self.identity
        return update


def fold(deliveries: Sequence[Delivery], *, counted: bool = True) -> EntryUpdate:
    """Return what these deliveries of one entry, from one partition, change together."""
    events = [delivery.event for delivery in deliveries]
    offsets = [delivery.address.offset for delivery in deliveries]
    newest = events[0] if len(events) == 1 else max(events, key=_version)
    data = newest.data
    successes = [to_milliseconds(event.order_at) for event in events if event.data.status == "success"]
    return EntryUpdate(
        entry_id=newest.entry_id,
        identity={"account": data.account, "kind": data.kind, "affiliate": data.affiliate, "code": data.code},
        partition=deliveries[0].partition,
        first_offset=min(offsets),
        last_offset=max(offsets),
        counted=counted,
        attempts=len(events),
        state=state_document(newest),
        aliases=_newest_aliases(events),
        ids=search_ids(newest)
        if len(events) == 1
        else sorted({text for event in events for text in search_ids(event)}),
        first_seen_at=to_milliseconds(min(event.order_at for event in events)),
        last_success_at=max(successes, default=None),
    )


def _version(event: IntegrationEvent) -> Any:
    return event.version


def _newest_aliases(events: Sequence[IntegrationEvent]) -> Document:
    if len(events) == 1:
        return alias_fields(events[0])
    newest: Document = {}
    for event in events:
        for name, pair in alias_fields(event).items():
            if name not in newest or newest[name] < pair:
                newest[name] = pair
    return newest

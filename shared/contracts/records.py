"""A raw Kafka message without any client library, and what became of a batch of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

Place = tuple[str, int]
"""A topic and a number: one partition."""

Headers = Sequence[tuple[str, bytes | None]]

UNREADABLE_HEADERS: Final[Headers] = []
"""Stands, as this very object, for headers of which a name is not UTF-8: no client library gives them."""


class Address(NamedTuple):
    """Where a record stands in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Record(NamedTuple):
    """Bytes and address. `timestamp` is the broker's (LogAppendTime on the events topics), aware, UTC.

    `headers` keeps order and duplicates, as Kafka does, or is UNREADABLE_HEADERS; `value` None is a tombstone.
    """

    address: Address
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be used, and why."""

    record: Record
    error_class: str
    error_message: str


@dataclass(frozen=True, slots=True)
class Untaken:
    """A dead letter that is not durable: nobody took it. `error` is Kafka's own name of the reason, `detail` its words."""

    letter: DeadLetter
    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What a handled batch came to. `commit` maps (topic, partition) to the next offset to read; where a letter is `untaken`,
    it must not be committed beyond that letter before somebody takes it. All else of the batch is durable.
    """

    records: int = 0
    attempts: int = 0
    entries: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    commit: Mapping[tuple[str, int], int] = field(default_factory=dict)
    untaken: Sequence[Untaken] = ()


def next_offsets(records: Sequence[Record]) -> dict[tuple[str, int], int]:
    """Return for each (topic, partition) the offset after the last of its records."""
    following: dict[tuple[str, int], int] = {}
    for record in records:
        topic, partition, offset = record.address
        if offset >= following.get((topic, partition), 0):
            following[topic, partition] = offset + 1
    return following

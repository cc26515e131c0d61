"""How far the commits are behind. Where a partition is read, its end comes with every fetch; where it rests nobody fetches, and Kafka is
asked: one question for all partitions, every few seconds.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shared.contracts.records import Place
from shared.kafka.address import librdkafka
from shared.kafka.reconnecting import RECONNECT

ASK_EVERY_SECONDS = 5.0
ANSWER_SECONDS = 5.0


class Mark(NamedTuple):
    """The next offset that is to be committed, and the end of the partition; below 0: not known. `is_read`: it does not rest."""

    committed: int
    end: int
    is_read: bool


class Asks(Protocol):
    """Where the ends of resting partitions come from."""

    async def __call__(self, places: Iterable[Place]) -> Mapping[Place, int]:
        """Return the ends that can be had now."""


class Ends:
    """Asks Kafka for the ends of partitions, by a client that joins nothing."""

    def __init__(self, bootstrap: str) -> None:
        self._settings = {**librdkafka(bootstrap), **RECONNECT, "log_level": 0}
        self._admin: AdminClient | None = None

    async def __call__(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the end of each; those that cannot be had are left out. Never raises for a broker's sake."""
        self._admin = self._admin or AdminClient(self._settings)
        asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}
        answers = self._admin.list_offsets(asked, request_timeout=ANSWER_SECONDS)
        told = {(at.topic, at.partition): asyncio.wrap_future(answer) for at, answer in answers.items()}
        # Waited for rather than gathered: who is cancelled here must not cancel what librdkafka's thread will answer.
        await asyncio.wait(told.values())
        if all(_has_failed(one) for one in told.values()):
            self._admin = None  # it may have lost Kafka for good: see contact.py
        return {place: one.result().offset for place, one in told.items() if not _has_failed(one)}


class Lags:
    """Remembers what `ask` said of the partitions that rest, in order not to ask at every look."""

    def __init__(self, ask: Asks, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._asked_at = float("-inf")
        self._ends: Mapping[Place, int] = {}

    async def look(self, marks: Mapping[Place, Mark]) -> dict[Place, int]:
        """Return how many records of each partition are not committed; partitions of which that is not known are left out."""
        resting = [place for place, mark in marks.items() if not mark.is_read]
        if resting and self._clock() >= self._asked_at + ASK_EVERY_SECONDS:
            self._asked_at = self._clock()
            self._ends = await self._ask(resting)
        ends = {place: max(mark.end, self._ends.get(place, -1)) for place, mark in marks.items()}
        return {
            place: max(ends[place] - mark.committed, 0)
            for place, mark in marks.items()
            if ends[place] >= 0 <= mark.committed
        }


def _has_failed(answer: "asyncio.Future[Any]") -> bool:
    error = answer.exception()
    if error is not None and not isinstance(error, KafkaException):
        raise error
    return error is not None

"""Batches that were taken in and are not committed yet, oldest first. Filled by the thread of the client."""

import asyncio
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from confluent_kafka import Message

from shared.contracts.records import BatchOutcome, Place, Record
from shared.kafka.commits import REST_SECONDS
from shared.kafka.member import Member
from shared.kafka.messages import record_of

MAX_BATCH_BYTES = 2 * 1024 * 1024
"""A batch ends at so many bytes: a thousand events of a mebibyte each would not fit into a worker's memory, parsed."""

IDLE_SECONDS = 0.5
"""How long an empty topic is waited for at once: stopping may take as long."""

NEXT_SECONDS = 0.005
"""The same while a batch is in hand, which wants to be committed."""

STEP = 250
"""Records fetched from librdkafka at once; the bytes are looked at in between."""

ENOUGH = 32
"""Records that are worth a write: where so many come in the first part of the linger, waiting on would only make them late."""

FIRST_PART = 0.4
"""Of the linger."""


@dataclass(slots=True, eq=False)
class Batch:
    """`lost` are the partitions that went to another worker since its records were consumed."""

    lost: set[Place] = field(default_factory=set)
    records: Sequence[Record] = ()
    handling: "asyncio.Future[BatchOutcome] | None" = None
    started: float = 0.0


class InHand:
    """Takes batches in from `member`: at most `size` records, or what comes within `linger` seconds of the first, of ENOUGH sooner."""

    def __init__(self, member: Member, *, size: int, linger: float) -> None:
        self.batches: list[Batch] = []
        self._member = member
        self._size = size
        self._linger = linger
        self._early: list[Message] = []

    def take_in(self) -> tuple[Batch | None, bool]:
        """Return the next batch, None where nothing came, and whether that was all there is."""
        # In hand before the first record is: a partition may be lost by the very calls that consume.
        batch = Batch()
        idle = IDLE_SECONDS if self._member.commits.are_settled else REST_SECONDS  # a commit that is owed goes out then
        patience = NEXT_SECONDS if self.batches else idle
        self.batches.append(batch)
        messages, self._early = self._early, []
        messages = messages or self._member.consume(1, patience)
        is_all = not messages or self._fill(messages)
        batch.records = [record_of(message) for message in messages if self._member.is_record(message)]
        if not batch.records:
            self.batches.remove(batch)
        return batch if batch.records else None, is_all

    def keep_early(self, message: Message) -> None:
        """Keep what came before its time for the next batch."""
        self._early.append(message)

    def lose(self, lost: AbstractSet[Place]) -> None:
        """Hear that partitions went to another worker. What is in hand goes on being written, which is harmless; its offsets are
        no longer ours to commit, not even when the partition comes back at once: it is then read from where its other owner committed.
        """
        for batch in self.batches:
            batch.lost |= lost
        self._early = [message for message in self._early if (message.topic(), message.partition()) not in lost]

    def oldest(self) -> datetime | None:
        """Return when the oldest record in hand was published; safe to ask from another thread."""
        records = [record for batch in list(self.batches) for record in batch.records]
        return min((record.timestamp for record in records), default=None)

    def _fill(self, messages: list[Message]) -> bool:
        """Return whether the client had nothing more: a batch may also end by its bytes, or by its time in the midst of a backlog."""
        began = time.monotonic()
        end = began + self._linger
        is_all = self._fill_until(began + FIRST_PART * self._linger, messages)
        if (is_all and len(messages) >= ENOUGH) or time.monotonic() >= end:
            return is_all
        return self._fill_until(end, messages, is_all=is_all)

    def _fill_until(self, end: float, messages: list[Message], *, is_all: bool = False) -> bool:
        size = sum(map(len, messages))
        while (room := self._size - len(messages)) > 0 and size < MAX_BATCH_BYTES:
            asked = min(room, STEP)
            more = self._member.consume(asked, max(end - time.monotonic(), 0))
            is_all = len(more) < asked
            messages += more
            size += sum(map(len, more))
            if not more or time.monotonic() >= end:
                break
        return is_all

"""Batches in: consume, hand to a handler, commit what is durable. Only this file commits the offsets of the events topics.

One thread owns the client: librdkafka's calls block, and a rebalance calls back in the thread that polls. The handler runs in the
event loop. While one batch is written, the next is taken in and handed over; a handler to whom order matters waits for its turn. If
the handler takes long, or backs off from a failure, the thread keeps polling with the partitions paused, so that a slow database
never costs the membership. A batch is handled whole or not at all; its offsets are committed after the handler returned, oldest
batch first, so a crash in between redelivers it, and the handler must bear that.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.records import Address, BatchOutcome, Record

Handler = Callable[[Sequence[Record]], Awaitable[BatchOutcome]]
Place = tuple[str, int]
Observer = Callable[[BatchOutcome, float], None]

POLL_WHILE_PAUSED_SECONDS = 0.5

MAX_BATCH_BYTES = 8 * 1024 * 1024
"""A batch ends at so many bytes: a thousand events of a mebibyte each would not fit into a worker's memory, parsed."""

IDLE_SECONDS = 0.5
"""How long an empty topic is waited for at once: stopping may take as long."""

NEXT_SECONDS = 0.005
"""The same while a batch is in hand, which wants to be committed."""

STEP = 250
"""Records fetched from librdkafka at once; the bytes are looked at in between."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Batch:
    """Records in hand; `lost` are the partitions that went to another worker since they were consumed."""

    lost: set[Place] = field(default_factory=set)
    records: Sequence[Record] = ()
    handling: "asyncio.Future[BatchOutcome] | None" = None
    started: float = 0.0


class Intake:
    """The loop that takes batches of records in. `run` ends when `stop` was called, after the batch in hand is committed."""

    def __init__(
        self,
        *,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        handle: Handler,
        observe: Observer | None = None,
        batch_size: int = 1000,
        linger_seconds: float = 0.02,
        client_id: str = "ponte",
        drain_seconds: float = 10.0,
    ) -> None:
        self._topics = list(topics)
        self._handle = handle
        self._observe = observe
        self._batch_size = batch_size
        self._linger = linger_seconds
        self._drain_seconds = drain_seconds
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._assigned: set[Place] = set()
        self._in_hand: list[_Batch] = []
        self._early: list[Message] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "client.id": client_id,
                "group.protocol": "consumer",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "fetch.message.max.bytes": 4 * 1024 * 1024,
                "queued.max.messages.kbytes": 32 * 1024,
                "queued.min.messages": 10_000,
                "check.crcs": True,
                "log_level": 3,
            },
            logger=logging.getLogger(__name__),
        )

    async def run(self) -> None:
        """Take batches until `stop`. Raises what the handler raises, with nothing of that batch committed."""
        await self._in_thread(self._subscribe)
        try:
            while not self._stopping.is_set():
                await self._turn()
            while self._in_hand:
                await self._finish(self._in_hand[0])
        finally:
            for batch in self._in_hand:
                if batch.handling is not None:
                    batch.handling.cancel()
            await self._in_thread(self._consumer.close)
            self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Ask `run` to end after the batch in hand. If that cannot be written in time, it is given up, uncommitted."""
        self._stopping.set()

    async def check(self) -> None:
        """Raise BrokerUnavailable unless partitions are assigned to us: a health check."""
        if not self._assigned:
            msg = "no partitions are assigned yet"
            raise BrokerUnavailable(msg)

    async def _turn(self) -> None:
        """Take one batch in while the one before is handled; then see that one through."""
        batch = await self._in_thread(self._consume)
        if batch is not None:
            batch.started = time.monotonic()
            batch.handling = asyncio.ensure_future(self._handle(batch.records))
        if self._in_hand and (batch is None or len(self._in_hand) > 1):
            await self._finish(self._in_hand[0])

    async def _finish(self, batch: _Batch) -> None:
        """Wait until the batch is handled and commit it; give it up if a stopping worker cannot have it written in time."""
        handling = batch.handling
        assert handling is not None  # noqa: S101  # `_turn` has handed it over
        if not (await asyncio.wait({handling}, timeout=POLL_WHILE_PAUSED_SECONDS))[0]:
            await self._wait_paused(handling)
        if not handling.done():
            await self._give_up()
            return
        outcome = handling.result()
        self._in_hand.remove(batch)
        await self._in_thread(self._commit, batch, outcome.commit)
        if self._observe is not None:
            self._observe(outcome, time.monotonic() - batch.started)

    async def _give_up(self) -> None:
        unwritten = [batch.handling for batch in self._in_hand if batch.handling is not None]
        for handling in unwritten:
            handling.cancel()
        await asyncio.wait(unwritten)
        self._in_hand.clear()

    async def _wait_paused(self, handling: "asyncio.Future[BatchOutcome]") -> None:
        """Return when the batch is handled, or cannot be within the time that a stopping worker has."""
        await self._in_thread(self._pause)
        stop_at: float | None = None
        while not handling.done():
            if self._stopping.is_set():
                stop_at = stop_at or time.monotonic() + self._drain_seconds
                if time.monotonic() > stop_at:
                    return
            await self._in_thread(self._poll_paused)
            await asyncio.wait({handling}, timeout=POLL_WHILE_PAUSED_SECONDS)
        await self._in_thread(self._resume)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_lost, on_lost=self._on_lost
        )

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned |= _places(partitions)
        consumer.incremental_assign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # What is in hand goes on being written, which is harmless; its offsets are no longer ours to commit, not even when the
        # partition comes back at once: it is then read from where its other owner committed.
        lost = _places(partitions)
        for batch in self._in_hand:
            batch.lost |= lost
        self._early = [message for message in self._early if (message.topic(), message.partition()) not in lost]
        self._assigned -= lost
        consumer.incremental_unassign(partitions)

    def _poll_paused(self) -> None:
        # Partitions assigned during this very call are not paused yet: what they bring must not be dropped.
        if (message := self._consumer.poll(0)) is not None:
            self._early.append(message)
            self._pause()

    def _consume(self) -> _Batch | None:
        patience = NEXT_SECONDS if self._in_hand else IDLE_SECONDS
        # In hand before the first record is: a partition may be lost by the very calls that consume.
        batch = _Batch()
        self._in_hand.append(batch)
        messages, self._early = self._early, []
        messages = messages or self._consumer.consume(1, timeout=patience)
        if messages:
            self._fill(messages)
        batch.records = [record_of(message) for message in messages if not _is_noise(message)]
        if not batch.records:
            self._in_hand.remove(batch)
            return None
        return batch

    def _fill(self, messages: list[Message]) -> None:
        until = time.monotonic() + self._linger
        size = 0
        while (room := self._batch_size - len(messages)) > 0 and size < MAX_BATCH_BYTES:
            more = self._consumer.consume(min(room, STEP), timeout=max(until - time.monotonic(), 0))
            messages += more
            size += sum(map(len, more))
            if not more or time.monotonic() >= until:
                return

    def _pause(self) -> None:
        self._consumer.pause(self._consumer.assignment())

    def _resume(self) -> None:
        self._consumer.resume(self._consumer.assignment())

    def _commit(self, batch: _Batch, offsets: Mapping[Place, int]) -> None:
        ours = [
            TopicPartition(topic, partition, offset)
            for (topic, partition), offset in offsets.items()
            if (topic, partition) not in batch.lost
        ]
        if not ours:
            return
        try:
            refused = [place for place in self._consumer.commit(offsets=ours, asynchronous=False) or () if place.error]
        except KafkaException as error:
            # The batch is durable and safe to repeat: a refused commit costs a redelivery, never an event.
            if error.args[0].fatal():
                raise
            log.warning("commit.refused", extra={"facts": {"why": str(error)}})
        else:
            if refused:
                log.warning("commit.refused", extra={"facts": {"why": str(refused[0].error), "places": len(refused)}})


def _places(partitions: Sequence[TopicPartition]) -> set[Place]:
    return {(place.topic, place.partition) for place in partitions}


def record_of(message: Message) -> Record:
    """Return a librdkafka message as a record. A missing timestamp reads as the epoch."""
    milliseconds = max(message.timestamp()[1], 0)
    return Record(
        address=Address(message.topic() or "", message.partition() or 0, _offset(message)),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=[(name, _bytes(value)) for name, value in message.headers() or ()],
        timestamp=datetime.fromtimestamp(milliseconds / 1000, UTC),
    )


def _offset(message: Message) -> int:
    offset: int | None = message.offset()
    return OFFSET_INVALID if offset is None else offset


def _bytes(value: "str | bytes | None") -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _is_noise(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        raise BrokerUnavailable(error.str())
    return True

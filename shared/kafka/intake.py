"""Batches in: consume, hand to a handler, commit what is durable. Only this file commits the offsets of the events topics.

One thread owns the client: librdkafka's calls block, and a rebalance calls back in the thread that polls. The handler runs in the
event loop. While it works, or backs off from a failure, the thread keeps polling with the partitions paused, so that a slow
database never costs the membership. A batch is handled whole or not at all; its offsets are committed after the handler returned,
so a crash in between redelivers it, and the handler must bear that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.records import Address, BatchOutcome, Record

Handler = Callable[[Sequence[Record]], Awaitable[BatchOutcome]]
Observer = Callable[[BatchOutcome, float], None]

POLL_WHILE_PAUSED_SECONDS = 0.5


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
    ) -> None:
        self._topics = list(topics)
        self._handle = handle
        self._observe = observe
        self._batch_size = batch_size
        self._linger = linger_seconds
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._lost: set[tuple[str, int]] = set()
        self._assigned = False
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
            }
        )

    async def run(self) -> None:
        """Take batches until `stop`. Raises what the handler raises, with nothing of that batch committed."""
        await self._in_thread(self._subscribe)
        try:
            while not self._stopping.is_set():
                records = await self._in_thread(self._consume)
                if records:
                    await self._take(records)
        finally:
            await self._in_thread(self._consumer.close)
            self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Ask `run` to end after the batch in hand."""
        self._stopping.set()

    async def check(self) -> None:
        """Raise BrokerUnavailable unless partitions are assigned to us: a health check."""
        if not self._assigned:
            msg = "no partitions are assigned yet"
            raise BrokerUnavailable(msg)

    async def _take(self, records: Sequence[Record]) -> None:
        started = asyncio.get_running_loop().time()
        handling = asyncio.ensure_future(self._handle(records))
        if not (await asyncio.wait({handling}, timeout=POLL_WHILE_PAUSED_SECONDS))[0]:
            await self._wait_paused(handling)
        outcome = handling.result()
        await self._in_thread(self._commit, outcome.commit)
        if self._observe is not None:
            self._observe(outcome, asyncio.get_running_loop().time() - started)

    async def _wait_paused(self, handling: "asyncio.Future[BatchOutcome]") -> None:
        await self._in_thread(self._pause)
        while not handling.done():
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
        self._assigned = True
        self._lost -= {(place.topic, place.partition) for place in partitions}
        consumer.incremental_assign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # What is in hand goes on being written, which is harmless; its offsets are no longer ours to commit.
        self._lost |= {(place.topic, place.partition) for place in partitions}
        consumer.incremental_unassign(partitions)

    def _poll_paused(self) -> None:
        # Partitions assigned during this very call are not paused yet: what they bring must not be dropped.
        if (message := self._consumer.poll(0)) is not None:
            self._early.append(message)
            self._pause()

    def _consume(self) -> list[Record]:
        messages, self._early = self._early, []
        messages = messages or self._consumer.consume(1, timeout=0.5)
        if messages:
            messages += self._consumer.consume(self._batch_size - 1, timeout=self._linger)
        return [record_of(message) for message in messages if not _is_noise(message)]

    def _pause(self) -> None:
        self._consumer.pause(self._consumer.assignment())

    def _resume(self) -> None:
        self._consumer.resume(self._consumer.assignment())

    def _commit(self, offsets: dict[tuple[str, int], int]) -> None:
        ours = [
            TopicPartition(topic, partition, offset)
            for (topic, partition), offset in offsets.items()
            if (topic, partition) not in self._lost
        ]
        if not ours:
            return
        try:
            self._consumer.commit(offsets=ours, asynchronous=False)
        except KafkaException as error:
            # The batch is durable and safe to repeat: a refused commit costs a redelivery, never an event.
            if error.args[0].fatal():
                raise


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

"""The retry topics, read and answered: offsets are committed up to where every request has its answer with the broker."""

import asyncio
import logging
from threading import Lock
from typing import Final

import orjson
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from deploy.demo.publisher import EventPublisher
from deploy.demo.retries import AT_ONCE, RetryDesk, answer
from shared.contracts.cloudevents import CloudEvent, read_message
from shared.contracts.errors import InvalidEvent
from shared.contracts.names import RETRY_TOPICS, consumer_group
from shared.contracts.records import Record
from shared.kafka.address import librdkafka
from shared.kafka.messages import record_of
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)

POLL_SECONDS: Final = 0.1


class RetryAnswers:
    """Consumes the retry topics and publishes the answers; commits what is answered."""

    def __init__(
        self, bootstrap: str, desk: RetryDesk, *, account: str, publisher: EventPublisher, clock: Clock
    ) -> None:
        self._desk = desk
        self._publisher = publisher
        self._clock = clock
        self._own = f"{account}|".encode()
        self._in_use = Lock()
        self._consumer = Consumer(
            {
                **librdkafka(bootstrap),
                # Two shops on one broker must each see every request.
                "group.id": f"{consumer_group('demo')}.{account}",
                "client.id": "ponte.demo",
                "group.protocol": "consumer",
                "enable.auto.commit": True,
                "auto.commit.interval.ms": 1000,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
                "topic.metadata.refresh.interval.ms": 10_000,
                "reconnect.backoff.ms": 500,
                "log_level": 3,
            },
            logger=logging.getLogger(__name__),
        )

    async def run(self) -> None:
        """Answer, for ever."""
        self._consumer.subscribe(list(RETRY_TOPICS))
        while True:
            for message in await asyncio.to_thread(self._consume):
                if message.error() is None:
                    self._take(record_of(message))
            await self._answer()

    def _consume(self) -> list[Message]:
        with self._in_use:
            messages: list[Message] = self._consumer.consume(AT_ONCE, POLL_SECONDS)
            return messages

    def _take(self, record: Record) -> None:
        # Other shops' requests are told by their key alone: reading them all would make a shared broker's shop slow to answer.
        foreign = record.key is not None and not record.key.startswith(self._own)
        place = (record.address.topic, record.address.partition)
        self._desk.take(None if foreign else _retry_of(record), place, record.address.offset, self._clock())

    async def _answer(self) -> None:
        ready = self._desk.due(self._clock())
        if ready:
            await self._publisher.publish([answer(retry, self._clock()) for retry, _, _ in ready])
            log.info("retries.answered", extra={"facts": {"answers": len(ready)}})
        for _, place, offset in ready:
            self._desk.settle(place, offset)
        self._store()

    def _store(self) -> None:
        for (topic, partition), offset in self._desk.safe_offsets().items():
            try:
                self._consumer.store_offsets(offsets=[TopicPartition(topic, partition, offset)])
            except KafkaException:
                # The partition went to another demo of the same shop: it will be answered there, under the same id.
                log.debug("partition.lost", extra={"facts": {"topic": topic, "partition": partition}})

    async def close(self) -> None:
        """Commit and leave."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        # A cancelled wait leaves its thread in `consume` for a moment, and the client must not be closed under it.
        with self._in_use:
            self._consumer.close()


def _retry_of(record: Record) -> CloudEvent | None:
    value = record.value or b""
    try:
        return read_message(value, orjson.loads(value), record.headers)
    except (InvalidEvent, orjson.JSONDecodeError) as error:
        log.warning("request.ignored", extra={"facts": {"address": str(record.address), "why": str(error)}})
        return None

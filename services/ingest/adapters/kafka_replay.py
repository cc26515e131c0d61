"""One dead letter out of its topic, and back to where it came from."""

import asyncio
import logging
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from services.ingest.handlers.ports import Fate
from shared.contracts.errors import BrokerUnavailable
from shared.contracts.names import DEAD_LETTER_TOPIC
from shared.contracts.records import Record
from shared.kafka.address import librdkafka
from shared.kafka.messages import record_of
from shared.kafka.producer import OutMessage, Publisher
from shared.kafka.reconnecting import RECONNECT

ANSWER_SECONDS = 10.0


class KafkaDeadLetterShelf:
    """The port DeadLetterShelf: a consumer for each look, without a group, that commits nothing."""

    def __init__(self, bootstrap: str, *, topic: str = DEAD_LETTER_TOPIC) -> None:
        self._bootstrap = bootstrap
        self._topic = topic

    async def get(self, partition: int, offset: int) -> Record | None:
        """Return the record at that place, or None. Raise BrokerUnavailable."""
        try:
            return await asyncio.to_thread(self._get, TopicPartition(self._topic, partition, offset))
        except KafkaException as error:
            raise BrokerUnavailable(str(error)) from error

    def _get(self, place: TopicPartition) -> Record | None:
        consumer = Consumer(
            {
                **librdkafka(self._bootstrap),
                **RECONNECT,
                "group.id": "ponte.ingest.shelf",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "log_level": 3,
            },
            logger=logging.getLogger(__name__),
        )
        try:
            known = consumer.list_topics(self._topic, timeout=ANSWER_SECONDS).topics[self._topic].partitions
            if place.partition not in known:
                return None
            low, high = consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
            if not low <= place.offset < high:
                return None
            consumer.assign([place])
            message = consumer.poll(ANSWER_SECONDS)
        finally:
            consumer.close()
        if message is None or message.error() is not None:
            msg = f"the dead letter at {place.topic}[{place.partition}]@{place.offset} did not come in time"
            raise BrokerUnavailable(msg)
        # What stands at the offset of a transaction's mark is no record: the next one comes.
        return record_of(message) if message.offset() == place.offset else None


class KafkaTopics:
    """The port Topics."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def republish(self, topic: str, record: Record) -> None:
        """Send the record as it is. Raise BrokerUnavailable or OutcomeUnknown."""
        await self._publisher.publish(_message(topic, record))

    async def republish_all(self, records: Sequence[Record]) -> Sequence[Fate]:
        """Send each record to the topic of its address and return, in order, what became of each."""
        sent = await self._publisher.publish_all([_message(record.address.topic, record) for record in records])
        return [result.verdict for result in sent]


def _message(topic: str, record: Record) -> OutMessage:
    return OutMessage(topic, record.key, record.value, record.headers)

"""One dead letter out of its topic, and back to where it came from."""

import asyncio
import logging

from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.names import DEAD_LETTER_TOPIC
from shared.contracts.records import Record
from shared.kafka.intake import record_of
from shared.kafka.producer import OutMessage, Publisher

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
                "bootstrap.servers": self._bootstrap,
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
        return record_of(message)


class KafkaTopics:
    """The port Topics."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def republish(self, topic: str, record: Record) -> None:
        """Send the record as it is. Raise BrokerUnavailable or OutcomeUnknown."""
        headers = [(name, value) for name, value in record.headers if value is not None]
        await self._publisher.publish(OutMessage(topic, record.key, record.value, headers))

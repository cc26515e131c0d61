"""Everything that a topic holds, for tests: read from its beginning to its present end, no group joined."""

from typing import Any
from uuid import uuid4

import orjson
from confluent_kafka import Consumer, TopicPartition

from shared.contracts.records import Record
from shared.kafka.messages import record_of


def read_topic(bootstrap: str, topic: str) -> list[Record]:
    """Return the records that stand in `topic` now."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid4().hex, "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {place: consumer.get_watermark_offsets(TopicPartition(topic, place), timeout=10) for place in partitions}
        consumer.assign([TopicPartition(topic, place, low) for place, (low, _) in ends.items()])
        left = sum(high - low for low, high in ends.values())
        records: list[Record] = []
        while len(records) < left:
            messages = consumer.consume(min(left - len(records), 5000), timeout=10)
            assert messages, f"{topic}: {left - len(records)} records did not come"
            records += [record_of(message) for message in messages if message.error() is None]
        return records
    finally:
        consumer.close()


def read_events(bootstrap: str, topic: str, account: str) -> list[dict[str, Any]]:
    """Return the structured CloudEvents of `topic` whose data are of `account`."""
    prefix = f"{account}|".encode()
    return [
        orjson.loads(record.value or b"")
        for record in read_topic(bootstrap, topic)
        if record.key is not None and record.key.startswith(prefix)
    ]

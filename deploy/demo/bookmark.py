"""How far the history has been told, kept in Kafka itself: it lives and dies with the events that it speaks of.

It is the metadata of an offset that a consumer group of its own has committed. Kafka forgets such a group when nothing was
committed for a week, so a running demo writes it again now and then.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import Consumer, TopicPartition

from shared.contracts.names import consumer_group, events_topic
from shared.contracts.times import format_instant, parse_instant
from shared.kafka.address import librdkafka

TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The history leads up to `anchor`; its first `told` items are published."""

    anchor: datetime
    told: int


class Bookmarks:
    """Reads and writes the bookmark of one account. Calls block; they raise KafkaException when the broker does not answer."""

    def __init__(self, bootstrap: str, account: str) -> None:
        self._consumer = Consumer(
            {
                **librdkafka(bootstrap),
                "group.id": f"{consumer_group('demo')}.history.{account}",
                "enable.auto.commit": False,
                "reconnect.backoff.ms": 500,
                "log_level": 3,
            },
            logger=logging.getLogger(__name__),
        )

    def read(self) -> Bookmark | None:
        """Return the bookmark; None when this account's history was never begun."""
        (place,) = self._consumer.committed([TopicPartition(events_topic("order"), 0)], timeout=TIMEOUT_SECONDS)
        if place.offset < 0 or not place.metadata:
            return None
        anchor, told = place.metadata.split()
        return Bookmark(parse_instant(anchor)[0], int(told))

    def write(self, bookmark: Bookmark) -> None:
        """Keep the bookmark in the place of the last one."""
        metadata = f"{format_instant(bookmark.anchor)} {bookmark.told}"
        place = TopicPartition(events_topic("order"), 0, bookmark.told, metadata=metadata)
        self._consumer.commit(offsets=[place], asynchronous=False)

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

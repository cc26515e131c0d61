"""A client that joins nothing, made anew for each question: what does Kafka say to somebody who is not stuck?"""

import contextlib
from collections.abc import Mapping

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shared.contracts.records import Place
from shared.kafka.reconnecting import RECONNECT

ANSWER_SECONDS = 5.0
READ_SECONDS = 1.0
AT_ONCE = 500


class Probe:
    """Asks one cluster. `reach`: how a client reaches it (address.py)."""

    def __init__(self, reach: Mapping[str, object]) -> None:
        self._settings = {**reach, **RECONNECT}

    def answers(self) -> bool:
        """Say whether a broker answers."""
        try:
            AdminClient({**self._settings, "log_level": 0}).list_topics(timeout=ANSWER_SECONDS)
        except KafkaException:
            return False
        return True

    def find_unread(self, positions: Mapping[Place, int]) -> set[Place]:
        """Return those of the places at which, or behind which, a record can be read. Takes a second where there may be one."""
        behind = self._behind(positions)
        if not behind:
            return set()
        consumer = Consumer(
            {
                **self._settings,
                "group.id": "ponte.probe",  # librdkafka wants one; nothing is joined or committed
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "queued.max.messages.kbytes": 4096,
                "log_level": 0,
            }
        )
        try:
            consumer.assign([TopicPartition(*place, offset) for place, offset in behind.items()])
            found = consumer.consume(AT_ONCE, READ_SECONDS)
        except KafkaException:
            return set()
        finally:
            consumer.close()
        return {(message.topic() or "", message.partition() or 0) for message in found if message.error() is None}

    def _behind(self, positions: Mapping[Place, int]) -> dict[Place, int]:
        """Return those whose partition does not end there; what ends a transaction is no record, so this alone proves nothing."""
        admin = AdminClient({**self._settings, "log_level": 0})
        asked = {TopicPartition(*place): OffsetSpec.latest() for place in positions}
        answers = admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_SECONDS
        )
        behind = {}
        for at, answer in answers.items():
            with contextlib.suppress(KafkaException, TimeoutError):
                if answer.result(ANSWER_SECONDS + 1).offset > positions[at.topic, at.partition]:
                    behind[at.topic, at.partition] = positions[at.topic, at.partition]
        return behind

"""What makes a committed offset invalid: records deleted, a topic made again, a commit of somebody else."""

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

from shared.kafka.look_up import find_topic_ids
from tests.support.eventually import eventually
from tests.support.ingest_topics import ends, looking


class Admin:
    """What an operator may do to a topic, each done when the call returns."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def delete_records(self, topic: str, *, before: int, partition: int = 0) -> None:
        at = TopicPartition(topic, partition, before)
        self._admin.delete_records([at])[at].result(30)

    def add_partitions(self, topic: str, *, total: int) -> None:
        self._admin.create_partitions([NewPartitions(topic, total)])[topic].result(30)
        eventually(lambda: len(self._admin.list_topics(topic, timeout=10).topics[topic].partitions) == total)
        ends(self._bootstrap, [topic])

    def delete(self, topic: str) -> None:
        self._admin.delete_topics([topic])[topic].result(30)
        eventually(lambda: self._id(topic) == "")

    def take_at_most(self, topic: str, size: int) -> None:
        """Let the topic take messages of at most so many bytes."""
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        self._admin.incremental_alter_configs([resource])[resource].result(30)

    def want_copies(self, topic: str, count: int) -> None:
        """Let the topic take messages only while so many replicas have them."""
        entry = ConfigEntry("min.insync.replicas", str(count), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        self._admin.incremental_alter_configs([resource])[resource].result(30)

    def make_again(self, topic: str, partitions: int = 1) -> None:
        old = self._id(topic)
        self._admin.delete_topics([topic])[topic].result(30)
        eventually(lambda: self._is_made(topic, partitions))
        eventually(lambda: self._id(topic) not in {"", old})
        ends(self._bootstrap, [topic])

    def commit(self, group: str, topic: str, offset: int, metadata: str = "") -> None:
        with looking(self._bootstrap, group) as consumer:
            at = TopicPartition(topic, 0, offset, metadata=metadata)
            eventually(lambda: _is_committed(consumer.commit(offsets=[at], asynchronous=False)))

    def committed(self, group: str, topic: str) -> int:
        return self._committed(group, topic).offset

    def metadata(self, group: str, topic: str) -> str:
        return self._committed(group, topic).metadata

    def shorten_session(self, group: str, seconds: float) -> None:
        """Let the group miss a member after so long; what the broker allows is a setting of its own."""
        entry = ConfigEntry(
            "consumer.session.timeout.ms", str(int(seconds * 1000)), incremental_operation=AlterConfigOpType.SET
        )
        resource = ConfigResource(ConfigResource.Type.GROUP, group, incremental_configs=[entry])
        self._admin.incremental_alter_configs([resource])[resource].result(30)

    def _committed(self, group: str, topic: str) -> TopicPartition:
        with looking(self._bootstrap, group) as consumer:
            return consumer.committed([TopicPartition(topic, 0)], timeout=20)[0]

    def _id(self, topic: str) -> str:
        return find_topic_ids(self._admin, [topic], 10).get(topic, "")

    def _is_made(self, topic: str, partitions: int) -> bool:
        try:
            self._admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)
        except KafkaException:  # the old one is still being deleted
            return False
        return True


def _is_committed(answers: list[TopicPartition]) -> bool:
    return not any(at.error for at in answers)

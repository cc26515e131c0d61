"""What the broker knows of partitions: what a group has committed there, and the id of the topic.

Asked by clients of their own. A member that asks names its epoch, which is stale while it is being given partitions, and would have
to ask again and again. librdkafka's admin client cannot be asked for commits: where the coordinator is away it ends the process.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from shared.kafka.reconnecting import RECONNECT

T = TypeVar("T")


def look_up(
    reach: Mapping[str, object], group: str, places: Sequence[tuple[str, int]], patience: float
) -> list[tuple[TopicPartition, str]]:
    """Return, for each place, the commit (offset below 0: none) and the id of the topic that is there now ("": none is).

    `reach`: how a client reaches the cluster (address.py); `patience` in seconds. Raise KafkaException: the broker is away, or a commit is under way.
    """
    admin = AdminClient({**reach, **RECONNECT, "log_level": 0})
    ids = find_topic_ids(admin, sorted({topic for topic, _ in places}), patience)
    return [(at, ids.get(at.topic, "")) for at in _committed(reach, group, places, patience)]


def _committed(
    reach: Mapping[str, object], group: str, places: Sequence[tuple[str, int]], patience: float
) -> list[TopicPartition]:
    settings = {**reach, **RECONNECT, "group.id": group, "enable.auto.commit": False}
    asking = Consumer({**settings, "log_level": 0})
    try:
        found: list[TopicPartition] = asking.committed([TopicPartition(*place) for place in places], timeout=patience)
    finally:
        asking.close()
    if refused := [at.error for at in found if at.error]:
        raise KafkaException(refused[0])
    return found


def find_topic_ids(admin: AdminClient, topics: Sequence[str], patience: float) -> dict[str, str]:
    """Return topic → id, as Kafka writes it; a topic that is not there is left out. Raise KafkaException: the broker is away."""
    found = {}
    for name, answer in admin.describe_topics(TopicCollection(list(topics)), request_timeout=patience).items():
        try:
            found[name] = str(_result(answer, patience).topic_id)
        except KafkaException as error:
            if error.args[0].name() != "UNKNOWN_TOPIC_OR_PART":
                raise
    return found


def _result(answer: "Future[T]", patience: float) -> T:
    try:
        return answer.result(patience + 1)
    except TimeoutError as error:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from error  # noqa: SLF001  # librdkafka's own name

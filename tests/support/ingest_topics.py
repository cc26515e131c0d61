"""Kafka as a test of ingest sees it: a topic of one's own, a group that starts at the end, what stands on a topic."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.eventually import eventually


@contextmanager
def own_topic(bootstrap: str, partitions: int = 2) -> Iterator[str]:
    """Make a topic for one test; it is gone afterwards."""
    admin, name = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}), f"test.{uuid4().hex[:12]}"
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
    yield name
    admin.delete_topics([name])[name].result(30)


def publish(bootstrap: str, topic: str, values: Sequence[bytes], *, key: bytes | None = None) -> None:
    """Return when the broker has all values; without `key` each goes to a partition of its own choice."""
    # Else all values of the same ten milliseconds go to one partition.
    spread = {"sticky.partitioning.linger.ms": 0}
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 0} | spread)
    refused = []
    for value in values:
        producer.produce(topic, value, key=key, on_delivery=lambda error, _: refused.append(error) if error else None)
        producer.poll(0)
    assert producer.flush(30) == 0
    assert refused == []


def shares(bootstrap: str, group: str) -> dict[str, int]:
    """Return how many partitions each member of a group has, by its id, which each rejoining would change."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    members = admin.describe_consumer_groups([group])[group].result(30).members
    return {member.member_id: len(member.assignment.topic_partitions) for member in members}


@contextmanager
def looking(bootstrap: str, group: str = "test") -> Iterator[Consumer]:
    """A consumer that joins no group."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})
    try:
        yield consumer
    finally:
        consumer.close()


def ends(bootstrap: str, topics: Sequence[str]) -> list[TopicPartition]:
    """Return where the next record of each partition will stand."""
    with looking(bootstrap) as consumer:
        # A broker that made a topic just now may not tell of it yet.
        known = eventually(lambda: consumer.list_topics(timeout=20).topics, lambda seen: seen.keys() >= set(topics))
        places = [TopicPartition(topic, number) for topic in topics for number in known[topic].partitions]
        highs = [
            eventually(lambda place=place: high(consumer, place), lambda found: found is not None) for place in places
        ]
    return [TopicPartition(at.topic, at.partition, high) for at, high in zip(places, highs, strict=True)]


def high(consumer: Consumer, place: TopicPartition) -> int | None:
    """Return the end of a partition; None while a topic that was made just now has no leader yet."""
    try:
        return consumer.get_watermark_offsets(place, timeout=20)[1]
    except KafkaException as error:
        if error.args[0].code() == KafkaError.NOT_LEADER_FOR_PARTITION:
            return None
        raise


def start_at_end(bootstrap: str, group: str, topics: Sequence[str]) -> None:
    """Let `group` begin with what is published from now on: the topics are shared by all tests."""
    with looking(bootstrap, group) as consumer:
        consumer.commit(offsets=ends(bootstrap, topics), asynchronous=False)


def lag(bootstrap: str, group: str, topics: Sequence[str]) -> int:
    """Return how many records `group` has still to commit."""
    until = ends(bootstrap, topics)
    with looking(bootstrap, group) as consumer:
        done = {(at.topic, at.partition): max(at.offset, 0) for at in consumer.committed(until, timeout=20)}
    return sum(at.offset - done[at.topic, at.partition] for at in until)


def record_with(bootstrap: str, places: Sequence[TopicPartition], value: bytes) -> Message:
    """Return the first record at `places` or after them that has this value."""
    found: list[Message] = []
    with looking(bootstrap) as consumer:
        consumer.assign(list(places))

        def look() -> bool:
            found.extend(message for message in consumer.consume(500, 0.2) if message.value() == value)
            return bool(found)

        eventually(look)
    return found[0]

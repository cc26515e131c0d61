"""A broker that is frozen and thawed may leave a client without any broker, for good: whoever publishes goes on all the same."""

import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest

from deploy.provision import provision_topics
from shared.contracts.names import TopicSpec
from shared.kafka.producer import OutMessage, Publisher
from tests.support.broker import Broker, own_broker
from tests.support.eventually import eventually
from tests.support.topic_contents import read_topic

TIMEOUT_SECONDS = 2.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with own_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


async def test_a_producer_that_hears_nothing_though_kafka_answers_is_changed_for_another(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    topic = f"test-{uuid4().hex}"
    provision_topics(broker.bootstrap, [TopicSpec(topic, 1, 3_600_000, "a test")])
    publisher = Publisher(broker.bootstrap, service="test", timeout_seconds=TIMEOUT_SECONDS)
    await publisher.publish(OutMessage(topic, b"k", b"before"))
    with caplog.at_level(logging.WARNING, "shared.kafka.producer"):
        with broker.frozen():
            (lost,) = await publisher.publish_all([OutMessage(topic, b"k", b"meanwhile")])
        eventually(lambda: "client.renewed" in caplog.messages)
    await publisher.publish(OutMessage(topic, b"k", b"after"))
    await publisher.close()

    assert lost.delivery == "unknown"
    assert {b"before", b"after"} <= {record.value for record in read_topic(broker.bootstrap, topic)}

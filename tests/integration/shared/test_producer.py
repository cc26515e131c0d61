import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, KafkaException

from deploy.provision import provision_topics
from shared.contracts.errors import BrokerUnavailable, OutcomeUnknown
from shared.contracts.names import TopicSpec
from shared.kafka.producer import OutMessage, Publisher
from tests.support.eventually import eventually, eventually_async
from tests.support.slow_publisher import TIMEOUT_SECONDS
from tests.support.topic_contents import read_topic


@pytest.fixture
def topic(servers):
    name = f"test-{uuid4().hex}"
    provision_topics(servers.kafka.bootstrap, [TopicSpec(name, 2, 3_600_000, "a test", max_message_bytes=2_000)])
    return name


async def test_each_message_is_told_what_became_of_it(servers, topic):
    publisher = Publisher(servers.kafka.bootstrap, service="test")
    results = await publisher.publish_all(
        [OutMessage(topic, b"k", b"small"), OutMessage(topic, b"k", b"x" * 5_000_000), OutMessage(topic, b"k", b"last")]
    )
    assert [result.delivery for result in results] == ["sent", "refused", "sent"]
    assert results[1].detail
    await publisher.close()


async def test_a_message_that_may_not_be_sent_any_more_never_leaves(servers, topic):
    publisher = Publisher(servers.kafka.bootstrap, service="test")
    answers = iter([True, False])
    results = await publisher.publish_all(
        [OutMessage(topic, b"k", b"in time"), OutMessage(topic, b"k", b"late")], may_send=lambda: next(answers)
    )
    await publisher.publish(OutMessage(topic, b"k", b"behind"))
    await publisher.close()

    assert [(result.delivery, result.verdict) for result in results] == [("sent", "sent"), ("refused", "unknown")]
    assert [record.value for record in read_topic(servers.kafka.bootstrap, topic)] == [b"in time", b"behind"]


async def test_what_a_process_had_queued_before_it_was_frozen_for_long_never_leaves(servers, topic):
    words = [sys.executable, "-m", "tests.support.slow_publisher", servers.kafka.bootstrap, topic]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as frozen:
        try:
            assert frozen.stdout.readline() == "handed over\n"
            os.kill(frozen.pid, signal.SIGSTOP)
            over = time.monotonic() + TIMEOUT_SECONDS + 1
            eventually(lambda: time.monotonic() > over)
            os.kill(frozen.pid, signal.SIGCONT)
            assert frozen.stdout.readline() == "unknown\n"
        finally:
            frozen.kill()
    publisher = Publisher(servers.kafka.bootstrap, service="test")
    await publisher.publish(OutMessage(topic, b"k", b"behind"))
    await publisher.close()

    assert [record.value for record in read_topic(servers.kafka.bootstrap, topic)] == [b"behind"]


async def test_a_message_that_the_topic_refuses_is_refused(servers, topic):
    publisher = Publisher(servers.kafka.bootstrap, service="test")
    with pytest.raises(BrokerUnavailable, match="size"):
        await publisher.publish(OutMessage(topic, b"k", os.urandom(50_000)))
    await publisher.close()


async def test_what_goes_to_a_topic_that_is_missing_is_refused_soon_and_sent_once_it_is_there(servers):
    publisher, name = Publisher(servers.kafka.bootstrap, service="test", timeout_seconds=20), f"test-{uuid4().hex}"
    await publisher.check()

    began = time.monotonic()
    for _ in range(3):
        (told,) = await publisher.publish_all([OutMessage(name, b"k", b"v")])
        assert (told.delivery, told.verdict) == ("refused", "unknown")
        assert "topic" in told.detail.lower()
    assert time.monotonic() - began < 10

    provision_topics(servers.kafka.bootstrap, [TopicSpec(name, 2, 3_600_000, "a test")])

    async def is_sent():
        (told,) = await publisher.publish_all([OutMessage(name, b"k", b"v")])
        return told.delivery == "sent"

    await eventually_async(is_sent)
    await publisher.close()


async def test_a_broker_that_does_not_answer_leaves_the_outcome_unknown():
    publisher = Publisher("127.0.0.1:1", service="test", timeout_seconds=1.0)
    with pytest.raises(OutcomeUnknown):
        await publisher.publish(OutMessage("any", b"k", b"v"))


async def test_a_check_passes_while_a_broker_answers_and_says_so_when_none_does(servers):
    there, away = (Publisher(address, service="test") for address in (servers.kafka.bootstrap, "127.0.0.1:1"))

    await there.check()
    with pytest.raises(BrokerUnavailable, match="Kafka does not answer"):
        await away.check()

    await there.close()


async def test_a_long_message_that_compresses_goes_where_its_compressed_length_may_go(servers, topic):
    publisher = Publisher(servers.kafka.bootstrap, service="test")
    await publisher.publish(OutMessage(topic, b"k", b"x" * 300_000))
    await publisher.close()


async def test_a_producer_that_met_a_fatal_error_is_changed_for_another(servers, topic):
    publisher = Publisher(servers.kafka.bootstrap, service="test")

    class Lost:
        def produce(self, *_, **__):
            raise KafkaException(KafkaError(KafkaError._FATAL, "fenced", fatal=True))

        def poll(self, _):
            return 0

    publisher._producer = Lost()
    (told,) = await publisher.publish_all([OutMessage(topic, b"k", b"v")])
    assert told.delivery == "unknown"

    async def is_sent():
        (told,) = await publisher.publish_all([OutMessage(topic, b"k", b"v")])
        return told.delivery == "sent"

    await eventually_async(is_sent)
    await publisher.close()

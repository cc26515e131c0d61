import os
from typing import Any
from uuid import uuid4

import pytest

from deploy.provision import provision_topics
from services.reprocessor.adapters.kafka_retry_topics import KafkaRetryTopics
from services.reprocessor.core.retry_message import build_retry
from services.reprocessor.handlers.ports import Delivery
from shared.contracts.names import TopicSpec
from shared.kafka.producer import OutMessage, Publisher, Sent
from tests.support.fakes.reprocessor import FakeRetryTopics
from tests.support.reprocessing import AT, make_command, make_entry

TOO_MUCH = os.urandom(2 * 1024 * 1024).hex()
"""4 MiB that no compression brings under the topic's limit."""


def messages_of(*payloads):
    return [
        build_retry(make_entry(f"{number}", payload={"text": payload}), make_command(), claimed_at=AT)
        for number, payload in enumerate(payloads)
    ]


class RetryTopicsSuite:
    """The promises of RetryTopics; `topics` comes from the implementation's class."""

    topics: Any

    async def test_what_the_broker_has_is_sent(self):
        deliveries = await self.topics.publish("stock", messages_of("a", "b"))

        assert [delivery.outcome for delivery in deliveries] == ["sent", "sent"]

    async def test_nothing_to_send_is_fine(self):
        assert list(await self.topics.publish("stock", [])) == []

    async def test_one_message_too_large_is_refused_and_harms_no_other(self):
        deliveries = await self.topics.publish("stock", messages_of(*"ab", TOO_MUCH, *"cde", TOO_MUCH))

        outcomes = [(delivery.outcome, delivery.reason) for delivery in deliveries]
        sent, refused = ("sent", ""), ("refused", "too_large")
        assert outcomes == [sent, sent, refused, sent, sent, sent, refused]
        assert deliveries[2].detail

    async def test_what_may_not_go_any_more_is_unknown_and_harms_no_other(self):
        answers = iter([True, False, True])

        deliveries = await self.topics.publish("stock", messages_of("a", "b", "c"), may_send=lambda: next(answers))

        assert [delivery.outcome for delivery in deliveries] == ["sent", "unknown", "sent"]
        assert "too late" in deliveries[1].detail


class TestFakeRetryTopics(RetryTopicsSuite):
    @pytest.fixture(autouse=True)
    def plug(self):
        self.topics = FakeRetryTopics()
        self.topics.outcome = lambda message: (
            Delivery("refused", "too_large", "said the fake")
            if message.event.data["payload"]["text"] == TOO_MUCH
            else Delivery("sent")
        )


class TestKafkaRetryTopics(RetryTopicsSuite):
    @pytest.fixture(autouse=True)
    async def plug(self, servers):
        publisher = Publisher(servers.kafka.bootstrap, service="test", timeout_seconds=10)
        self.topics = KafkaRetryTopics(publisher)
        yield
        await publisher.close()

    async def test_small_messages_pass_where_only_their_batch_is_too_large(self, servers):
        topic = TopicSpec(f"test.retry.{uuid4().hex[:8]}", 1, 60_000, "a narrow topic", max_message_bytes=20_000)
        provision_topics(servers.kafka.bootstrap, [topic])
        rows = [OutMessage(topic.name, b"k", os.urandom(1_000)) for row in range(100)]
        rows[40] = OutMessage(topic.name, b"k", os.urandom(30_000))

        results = await self.topics._publish(rows)

        assert [place for place, result in enumerate(results) if result.delivery != "sent"] == [40]
        assert results[40].error == "MSG_SIZE_TOO_LARGE"


class TestWhatTheBrokerRefuses:
    @pytest.mark.parametrize(
        ("error", "outcome", "reason"),
        [
            ("MSG_SIZE_TOO_LARGE", "refused", "too_large"),
            ("INVALID_RECORD", "refused", "refused"),
            ("TOPIC_AUTHORIZATION_FAILED", "unknown", "unknown"),
            ("UNKNOWN_TOPIC_OR_PART", "unknown", "unknown"),
        ],
    )
    async def test_only_the_records_own_fault_is_final(self, error, outcome, reason):
        class Refusing:
            async def publish_all(self, messages, *, may_send):
                return [Sent("refused", "why", error) for _ in messages]

        (delivery,) = await KafkaRetryTopics(Refusing()).publish("stock", messages_of("a"))

        assert delivery == Delivery(outcome, reason, "why")


class TestKafkaThatNobodyAnswers:
    async def test_a_message_without_the_brokers_word_is_unknown(self):
        publisher = Publisher("127.0.0.1:1", service="test", timeout_seconds=0.5)
        topics = KafkaRetryTopics(publisher)

        (delivery,) = await topics.publish("stock", messages_of("a"))

        assert (delivery.outcome, delivery.reason) == ("unknown", "unknown")

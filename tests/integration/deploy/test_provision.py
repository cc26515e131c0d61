"""Provisioning again, before an upgrade, on topics that somebody has tuned."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from deploy.local.servers import Servers
from deploy.provision import provision_topics
from shared.contracts.names import TopicSpec
from tests.support.eventually import eventually

HOUR_MS = 3_600_000


@pytest.fixture
def admin(servers: Servers) -> AdminClient:
    return AdminClient({"bootstrap.servers": servers.kafka.bootstrap, "log_level": 0})


@pytest.fixture
def topic(servers: Servers, admin: AdminClient) -> Iterator[TopicSpec]:
    spec = TopicSpec(f"test.{uuid4().hex[:10]}", 1, HOUR_MS, "a test", max_message_bytes=2000)
    provision_topics(servers.kafka.bootstrap, [spec])
    eventually(lambda: spec.name in admin.list_topics(timeout=10).topics)
    yield spec
    admin.delete_topics([spec.name])[spec.name].result(30)


def tune(admin: AdminClient, topic: str, **values: str) -> None:
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in values.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
    admin.incremental_alter_configs([resource])[resource].result(30)


def settings_of(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    return {name: entry.value for name, entry in admin.describe_configs([resource])[resource].result(30).items()}


@pytest.mark.parametrize("retention", ["-1", str(2 * HOUR_MS)])
def test_what_an_operator_set_or_raised_stays(
    servers: Servers, admin: AdminClient, topic: TopicSpec, retention: str
) -> None:
    tune(admin, topic.name, min_insync_replicas="2", retention_ms=retention, max_message_bytes="3000")
    provision_topics(servers.kafka.bootstrap, [topic])

    found = settings_of(admin, topic.name)
    assert found["min.insync.replicas"] == "2"
    assert (found["retention.ms"], found["max.message.bytes"]) == (retention, "3000")


def test_what_is_less_than_we_need_is_raised(servers: Servers, admin: AdminClient, topic: TopicSpec) -> None:
    tune(admin, topic.name, retention_ms="1000", max_message_bytes="1000", message_timestamp_type="LogAppendTime")
    provision_topics(servers.kafka.bootstrap, [topic])

    found = settings_of(admin, topic.name)
    assert (found["retention.ms"], found["max.message.bytes"]) == (str(HOUR_MS), "2000")
    assert found["message.timestamp.type"] == "CreateTime"

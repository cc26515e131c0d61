"""Kafka, and a topic that is one test's own."""

from collections.abc import Iterator

import pytest

from deploy.local.servers import Servers
from tests.support.ingest_topics import own_topic


@pytest.fixture
def bootstrap(servers: Servers) -> str:
    return servers.kafka.bootstrap


@pytest.fixture
def topic(bootstrap: str) -> Iterator[str]:
    with own_topic(bootstrap) as name:
        yield name

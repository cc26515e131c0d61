"""What several fault tests start from; a test whose servers are its own says so under the same name."""

from collections.abc import Iterator

import pytest

from deploy.local.servers import Servers
from deploy.provision import provision_topics
from shared.contracts.names import TOPICS
from tests.support.broker import Broker, own_broker
from tests.support.journal import Journal


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that a module may stop and freeze, with all topics."""
    with own_broker(tmp_path_factory.mktemp("broker")) as broker:
        provision_topics(broker.bootstrap, TOPICS)
        yield broker


@pytest.fixture
def journal(servers: Servers) -> Journal:
    """What is published to the servers that all tests share."""
    return Journal(servers.kafka.bootstrap)

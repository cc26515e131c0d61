"""Workers as processes that start, and are asked to stop, while a server is away."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.servers import Servers, start_servers
from deploy.provision import provision, provision_topics
from shared.contracts.names import REPROCESS_TOPIC, TOPICS, consumer_group
from shared.kafka.producer import OutMessage, Publisher
from shared.runtime.start import EXIT_STOPPED_LATE
from tests.support.broker import Broker, own_broker
from tests.support.eventually import eventually
from tests.support.worker_process import events, running, running_module, stop

GROUPS = {name: consumer_group(name) for name in ("reprocessor", "exporter")} | {
    "ingest": f"{consumer_group('ingest')}.commands"
}
"""Of the agents: service → group."""

KAFKA_IS_AWAITED = "kafka.awaited"

KAFKA_IS_AWAY = "Failed fetch messages"
"""What aiokafka says then of its own: the agents' consumer, which has to be ended, has met it."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with own_broker(tmp_path_factory.mktemp("broker")) as broker:
        provision_topics(broker.bootstrap, TOPICS)
        yield broker


@contextmanager
def away(broker: Broker) -> Iterator[None]:
    """No Kafka while the block runs."""
    broker.stop()
    try:
        yield
    finally:
        broker.start()


def takes_commands(broker: Broker, service: str) -> bool:
    """Say whether its agent has partitions."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    group = admin.describe_consumer_groups([GROUPS[service]])[GROUPS[service]].result(30)
    return any(member.assignment.topic_partitions for member in group.members)


@pytest.mark.parametrize("service", sorted(GROUPS))
def test_a_worker_whose_kafka_went_away_stops_in_time_and_says_nothing_but_lines_of_its_log(
    service: str, broker: Broker, servers: Servers, database_name: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with running(service, broker.bootstrap, servers.mongo.uri, log, PONTE_MONGO_DATABASE=database_name) as worker:
        eventually(lambda: takes_commands(broker, service))
        with away(broker):
            eventually(log.read_text, lambda text: KAFKA_IS_AWAY in text)
            code = stop(worker)

    told = events(log)
    assert code == 0
    assert "worker.stopped" in told
    assert "worker.gave_up_stopping" not in told


async def give_command(broker: Broker, account: str) -> None:
    command = {"id": uuid4().hex, "account": account, "kind": "order", "requested_by": "ana", "filter": {}}
    publisher = Publisher(broker.bootstrap, service="test")
    await publisher.publish(OutMessage(REPROCESS_TOPIC, None, orjson.dumps(command)))
    await publisher.close()


@pytest.mark.parametrize("service", sorted(GROUPS))
def test_a_worker_that_starts_while_kafka_is_away_waits_and_stops_in_time(
    service: str, broker: Broker, servers: Servers, database_name: str, tmp_path: Path
) -> None:
    log, mine = tmp_path / "log", {"PONTE_MONGO_DATABASE": database_name}
    with away(broker), running(service, broker.bootstrap, servers.mongo.uri, log, **mine) as worker:
        eventually(lambda: events(log).count(KAFKA_IS_AWAITED), lambda times: times > 1)
        asked_at = time.monotonic()
        code = stop(worker)
        took = time.monotonic() - asked_at

    told = events(log)
    assert code == 0
    assert "worker.stopped" in told
    assert took < 10


async def test_a_worker_that_started_while_kafka_was_away_takes_commands_once_it_is_there(
    broker: Broker, servers: Servers, database_name: str, account: str, tmp_path: Path
) -> None:
    log, mine = tmp_path / "log", {"PONTE_MONGO_DATABASE": database_name}
    with ExitStack() as stack:
        with away(broker):
            worker = stack.enter_context(running("reprocessor", broker.bootstrap, servers.mongo.uri, log, **mine))
            eventually(lambda: events(log), lambda told: KAFKA_IS_AWAITED in told)
        await give_command(broker, account)
        eventually(lambda: events(log), lambda told: "command.stored" in told)
        assert stop(worker) == 0


async def test_a_worker_whose_kafka_is_back_takes_commands_again(
    broker: Broker, servers: Servers, database_name: str, account: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with running("reprocessor", broker.bootstrap, servers.mongo.uri, log, PONTE_MONGO_DATABASE=database_name) as worker:
        eventually(lambda: takes_commands(broker, "reprocessor"))
        with away(broker):
            eventually(log.read_text, lambda text: KAFKA_IS_AWAY in text)
        await give_command(broker, account)
        eventually(lambda: events(log), lambda told: "command.stored" in told)
        assert stop(worker) == 0


async def test_what_the_agents_use_is_closed_after_the_agents_though_cancels_were_lost(
    broker: Broker, servers: Servers, account: str, tmp_path: Path
) -> None:
    log, group = tmp_path / "log", f"test.{uuid4().hex[:12]}"
    for _ in range(20):  # so many that it is handed several at once, whose first one loses the cancel
        await give_command(broker, account)
    with running_module(["tests.support.slow_worker", group], broker.bootstrap, servers.mongo.uri, log) as worker:
        eventually(lambda: events(log), lambda told: "agent.began" in told)
        code = stop(worker)

    assert code == 0
    assert events(log)[-3:] == ["agent.ended", "tools.closed", "worker.stopped"]


def test_a_worker_that_gives_up_stopping_says_what_it_waits_for(
    broker: Broker, servers: Servers, tmp_path: Path
) -> None:
    log, group = tmp_path / "log", f"test.{uuid4().hex[:12]}"
    words = ["tests.support.slow_worker", group]
    with running_module(words, broker.bootstrap, servers.mongo.uri, log, PONTE_STOP_SECONDS="1") as worker:
        code = stop(worker)

    last = json.loads(log.read_text().splitlines()[-1])
    assert (code, last["event"]) == (EXIT_STOPPED_LATE, "worker.gave_up_stopping")
    assert "lose_a_cancel" in last["tasks"]["forgetful"][-2]


def test_a_worker_whose_kafka_answers_nobody_stops_in_time(
    broker: Broker, servers: Servers, database_name: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with running("exporter", broker.bootstrap, servers.mongo.uri, log, PONTE_MONGO_DATABASE=database_name) as worker:
        eventually(lambda: takes_commands(broker, "exporter"))
        with broker.frozen():
            code = stop(worker)

    assert code == 0
    assert "worker.gave_up_stopping" not in events(log)


def test_a_worker_stops_in_time_though_both_servers_are_gone_and_its_code_says_how(tmp_path: Path) -> None:
    log = tmp_path / "log"
    group = f"test.{uuid4().hex[:12]}"
    with start_servers(None, environ={}) as servers:
        provision(servers.kafka.bootstrap, servers.mongo.uri, "ponte")
        told = {"PONTE_STOP_SECONDS": "2", "PONTE_REPROCESSOR_GROUP": group}
        with running("reprocessor", servers.kafka.bootstrap, servers.mongo.uri, log, **told) as worker:
            servers.stop()
            asked_at = time.monotonic()
            code = stop(worker)
            took = time.monotonic() - asked_at

    assert code == (EXIT_STOPPED_LATE if "worker.gave_up_stopping" in events(log) else 0)
    assert took < 10

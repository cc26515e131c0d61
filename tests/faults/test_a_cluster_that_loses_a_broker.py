"""Rows 10 and 11 of the fault matrix: one of three brokers leaves, leaders move, and there are too few copies for a retry."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from pymongo import MongoClient

from deploy.local.servers import KafkaAddress, Servers
from deploy.provision import provision_topics
from shared.contracts.names import EVENTS_TOPICS, LOG_ENTRIES, REPROCESS_REQUESTS, REPROCESS_TOPIC, TOPICS, retry_topic
from tests.support.broker import Broker
from tests.support.cluster import Cluster, own_cluster
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_topics import publish
from tests.support.journal import Journal, check
from tests.support.reprocessing import make_documents
from tests.support.reprocessor_process import ReprocessorProcess
from tests.support.topic_admin import Admin
from tests.support.topic_contents import read_events

RATE = 200
CODES = ["1", "2", "3"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with own_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        provision_topics(cluster.bootstrap, TOPICS)
        cluster.wait_until_whole()
        yield cluster


@pytest.fixture
def database(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


@pytest.fixture
def journal(cluster: Cluster) -> Journal:
    return Journal(cluster.bootstrap)


@pytest.fixture
def ingest(cluster: Cluster, servers: Servers, database_name: str, tmp_path: Path) -> IngestProcess:
    return IngestProcess(cluster.bootstrap, servers.mongo.uri, database_name, tmp_path)


def it_takes(ingest: IngestProcess, more: int) -> None:
    before = ingest.metric("ponte_ingest_records_total")
    eventually(lambda: ingest.metric("ponte_ingest_records_total") >= before + more, within=90)


def test_a_broker_of_three_that_leaves_and_leaders_that_move_cost_no_event_and_no_error(
    cluster: Cluster, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    ways: list[Callable[[Broker], None]] = [Broker.kill, Broker.stop]
    with ingest.running(), journal.watching(ingest.group):
        with journal.load(rate=RATE, bad_every=40):
            it_takes(ingest, RATE)
            for leave in ways:
                lost = cluster.leader_of(EVENTS_TOPICS[0])
                leave(lost)
                it_takes(ingest, 3 * RATE)
                lost.start()
                cluster.wait_until_whole()
            cluster.move_leaders(EVENTS_TOPICS)
            it_takes(ingest, RATE)
        check(journal, database, group=ingest.group)
        eventually(ingest.is_ready)
    assert ingest.complaints() == []


def test_a_retry_that_has_too_few_copies_is_not_called_sent_and_goes_once_there_are_enough(
    cluster: Cluster, servers: Servers, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    account, topic = f"{journal.account}-again", retry_topic("order")
    database[LOG_ENTRIES].insert_many(make_documents(CODES, account=account))
    items = [{"affiliate": "MLC", "code": code} for code in CODES]
    command = {"id": uuid4().hex, "account": account, "kind": "order", "requested_by": "ana", "items": items}
    mine = Servers(KafkaAddress(cluster.bootstrap, None, "given"), servers.mongo, ExitStack())

    def job() -> dict[str, Any]:
        return database[REPROCESS_REQUESTS].find_one({"id": command["id"]}) or {}

    def marks() -> Counter[str]:
        return Counter(entry["reprocess"]["state"] for entry in database[LOG_ENTRIES].find({"account": account}))

    Admin(cluster.bootstrap).want_copies(topic, 3)
    lost = cluster.brokers[-1]
    with ingest.running(), ReprocessorProcess(mine, database.name, publish_timeout="2"):
        lost.kill()
        publish(cluster.bootstrap, REPROCESS_TOPIC, [orjson.dumps(command)])
        stalled = eventually(job, lambda found: bool(found.get("progress", {}).get("stalled_since")), within=90)
        assert (stalled["state"], stalled["progress"]["sent"], marks()) == ("running", 0, {"claimed": len(CODES)})
        with journal.load(rate=RATE):
            it_takes(ingest, 3 * RATE)
        assert marks() == {"claimed": len(CODES)}

        lost.start()
        cluster.wait_until_whole()
        ended = eventually(job, lambda found: found["state"] == "done", within=90)
        check(journal, database, group=ingest.group)

    assert (ended["progress"]["sent"], ended["progress"]["failed"], marks()) == (len(CODES), 0, {"sent": len(CODES)})
    told = {event["id"] for event in read_events(cluster.bootstrap, topic, account)}
    assert told == {f"{command['id']}:{account}|order|MLC|{code}" for code in CODES}

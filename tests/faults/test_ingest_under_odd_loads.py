"""Rows 30 to 34 of the fault matrix: nothing is broken but the load, or where its dead letters should go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.provision import provision_topics
from shared.contracts.names import DEAD_LETTER_TOPIC, EVENTS_TOPICS, KINDS, TOPICS
from tests.support.broker import own_broker
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_topics import looking
from tests.support.journal import Journal, check, check_commits
from tests.support.stored import count_attempts, read_committed
from tests.support.tellings import bad_telling

HOT_EVENTS = 20_000
HOT_ENTRY_BYTES = 4096
WAIT_SECONDS = 60


@pytest.fixture
def database(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


@pytest.fixture
def journal(servers: Servers) -> Journal:
    return Journal(servers.kafka.bootstrap)


@pytest.fixture
def ingest(servers: Servers, database: Any, tmp_path: Path) -> IngestProcess:
    return IngestProcess(servers.kafka.bootstrap, servers.mongo.uri, database.name, tmp_path)


def test_all_of_it_taken_in_once_more_leaves_every_byte_as_it_was(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    beginning = read_committed(journal.bootstrap, ingest.group, EVENTS_TOPICS)
    tellings = journal.teller(bad_every=20).tell(3000)
    journal.publish([*tellings, *tellings[::-7]])
    with ingest.running():
        check(journal, database, group=ingest.group)
        before = every_byte(database)
        ingest.process.ask_to_stop()
        assert ingest.process.wait(30) == 0

    with looking(journal.bootstrap, ingest.group) as consumer:
        places = [TopicPartition(*place, offset) for place, offset in beginning.items()]
        consumer.commit(offsets=places, asynchronous=False)
    journal.commits.clear()
    with ingest.running():
        check(journal, database, group=ingest.group)

    assert every_byte(database) == before


def test_an_item_that_is_told_of_without_end_does_not_grow(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running():
        journal.publish(journal.teller(items=1).tell(HOT_EVENTS))
        check(journal, database, group=ingest.group)

    sizes = [len(bson.encode(entry)) for entry in database.log_entries.find({"account": journal.account})]
    assert len(sizes) == len(journal.kinds)
    assert max(sizes) < HOT_ENTRY_BYTES


def test_no_offset_passes_a_bad_record_that_nobody_takes_aside(servers: Servers, database: Any, tmp_path: Path) -> None:
    with own_broker(tmp_path) as broker:
        provision_topics(broker.bootstrap, TOPICS)
        journal = Journal(broker.bootstrap, kinds=KINDS)  # so every lane has something to do
        ingest = IngestProcess(broker.bootstrap, servers.mongo.uri, database.name, tmp_path)
        take_letters_of(broker.bootstrap, 64)
        with ingest.running(), journal.watching(ingest.group):
            journal.publish([bad_telling("bad", f"{journal.account}|order|MLC|1")])
            journal.publish(journal.teller(items=50).tell(500))
            eventually(lambda: len(ingest.said("operation.postponed")) >= 3, within=WAIT_SECONDS)
            eventually(lambda: count_attempts(database) > 0, within=WAIT_SECONDS)
            check_commits(journal, database, group=ingest.group)
            (bad,) = [address for address, telling in journal.told.acked.items() if telling.is_bad]
            committed = read_committed(broker.bootstrap, ingest.group, [bad.topic])

            take_letters_of(broker.bootstrap, 4 * 2**20)
            check(journal, database, group=ingest.group)

    assert committed.get((bad.topic, bad.partition), 0) <= bad.offset


def every_byte(database: Any) -> dict[str, bytes]:
    found = [*database.log_entries.find(), *database.attempts.find()]
    return {document["_id"]: bson.encode(document) for document in found}


def take_letters_of(bootstrap: str, size: int) -> None:
    """Let the dead-letter topic take messages of at most so many bytes."""
    changed = {"max.message.bytes": str(size)}
    resource = ConfigResource(ConfigResource.Type.TOPIC, DEAD_LETTER_TOPIC, set_config=changed)
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.alter_configs([resource])[resource].result(30)

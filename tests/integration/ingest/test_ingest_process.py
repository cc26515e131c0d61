from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.names import EVENTS_TOPICS
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_topics import lag, publish
from tests.support.journal import Journal, check
from tests.support.stored import count_attempts, read_letters

EVENTS = 12_000


@pytest.fixture
def ingest(servers: Servers, database_name: str, tmp_path: Path) -> IngestProcess:
    return IngestProcess(servers.kafka.bootstrap, servers.mongo.uri, database_name, tmp_path)


@pytest.fixture
def database(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


def test_killed_under_load_every_event_is_one_attempt(ingest: IngestProcess, database: Any, servers: Servers) -> None:
    journal = Journal(servers.kafka.bootstrap)
    with journal.watching(ingest.group):
        journal.publish(journal.teller(items=4000, bad_every=500).tell(EVENTS))
        with ingest.running(PONTE_INGEST_BATCH_SIZE="200"):
            eventually(lambda: count_attempts(database) > 500)
            ingest.process.kill()
        assert lag(ingest.bootstrap, ingest.group, journal.topics) > 0

        with ingest.running():
            check(journal, database, group=ingest.group)


def test_a_flood_of_bad_records_ends_the_process_loudly_and_says_what_to_do(
    ingest: IngestProcess, account: str
) -> None:
    publish(ingest.bootstrap, EVENTS_TOPICS[0], [f"poison of {account}".encode()] * 60, key=f"{account}|1".encode())

    with ingest.running(PONTE_INGEST_DEAD_LETTER_RUN="50"):
        assert ingest.process.wait(30) == 70

    (line,) = [line for lane in range(3) for line in ingest.said(f"intake-{lane}.failed")]
    assert "records in a row cannot be used" in line["exception"]
    assert "PONTE_INGEST_DEAD_LETTER_RUN" in line["exception"]
    put_aside = read_letters(ingest.bootstrap, account)
    assert lag(ingest.bootstrap, ingest.group, EVENTS_TOPICS) >= 60 - len(put_aside)

"""Row 7 of the fault matrix: what a container has is enough for a load, and a worker that gets no more ends without a wrong word."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.names import MIB
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.journal import Journal, check
from tests.support.topic_admin import Admin

MANIFEST = Path(__file__).parents[2] / "deploy/kubernetes/base/ingest.yaml"
SESSION_SECONDS = 6
"""The least that our own broker allows."""

RATE = 300
MANY, EACH_BYTES = 20_000, 3_000
"""A backlog, read as fast as it can be."""

LARGE, LARGE_BYTES = 2_000, 30_000
"""In hand at once they take far more than small ones have left free."""


@pytest.fixture
def database(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


@pytest.fixture
def ingest(servers: Servers, database_name: str, tmp_path: Path) -> IngestProcess:
    ingest = IngestProcess(servers.kafka.bootstrap, servers.mongo.uri, database_name, tmp_path)
    for group in (ingest.group, f"{ingest.group}.deadletters"):
        Admin(servers.kafka.bootstrap).shorten_session(group, SESSION_SECONDS)
    return ingest


def memory_of_the_container() -> int:
    """Return the bytes beyond which Kubernetes has the kernel kill a worker."""
    documents = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    (workload,) = [one for one in documents if one["kind"] == "Deployment"]
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    amount = container["resources"]["limits"]["memory"]
    assert amount.endswith("Mi")
    return int(amount[:-2]) * MIB


def has_written(database: Any, more: int) -> None:
    before = database.attempts.estimated_document_count()
    eventually(lambda: database.attempts.estimated_document_count() >= before + more, within=60)


def test_a_load_and_a_backlog_take_less_memory_than_the_container_has(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running(), journal.watching(ingest.group):
        with journal.load(rate=RATE, bad_every=40, filler=EACH_BYTES):
            has_written(database, 5 * RATE)
        journal.publish(journal.teller(bad_every=40, filler=EACH_BYTES).tell(MANY))
        check(journal, database, group=ingest.group)

        assert ingest.peak_bytes() < memory_of_the_container()


def test_a_worker_that_gets_no_more_memory_ends_and_the_next_one_finds_every_event_as_it_was(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with journal.watching(ingest.group):
        with ingest.running():
            ingest.shared_out()  # the clients and threads of every lane are there
            with journal.load(rate=RATE, bad_every=40):
                has_written(database, RATE)
            ingest.give_no_more_memory()
            journal.publish(journal.teller(bad_every=40, filler=LARGE_BYTES).tell(LARGE))
            # By itself, by its allocator, by a library of C that checks nothing: whoever asks first decides how.
            assert eventually(ingest.process.exit_code, lambda code: code is not None, within=60) != 0
        with ingest.running():
            check(journal, database, group=ingest.group)

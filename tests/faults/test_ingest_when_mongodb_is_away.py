"""Rows 24 and 25 of the fault matrix, an outage, and the bound of memory: one MongoDB that is slow, ends or stays away."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from shared.contracts.names import COLLECTIONS, MIB
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_topics import lag, shares
from tests.support.journal import Journal, check, check_commits
from tests.support.replica_set import ReplicaSet, own_replica_set
from tests.support.stored import count_attempts, read_committed

OUTAGE_SECONDS = 10
BLOCKED_MS = 11_000
"""Longer than Kafka waits for a member that does not heartbeat (10 s here)."""

MANY, EACH_BYTES = 100_000, 3_000
GROWTH_BYTES = 256 * MIB
GENEROUS_SECONDS = 60


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with own_replica_set(tmp_path_factory.mktemp("mongo"), members=1) as alone:
        yield alone


@pytest.fixture
def database(mongo: ReplicaSet) -> Iterator[Any]:
    name = f"faults_{uuid4().hex[:12]}"
    provision_collections(mongo.uri, name, COLLECTIONS)
    with mongo.client() as client:
        yield client[name]
        mongo.heal()
        client.drop_database(name)


@pytest.fixture
def ingest(servers: Servers, mongo: ReplicaSet, database: Any, tmp_path: Path) -> IngestProcess:
    return IngestProcess(servers.kafka.bootstrap, mongo.uri, database.name, tmp_path)


def test_a_slow_mongodb_costs_no_membership_and_brings_no_record_twice(
    mongo: ReplicaSet, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running(), journal.watching(ingest.group):
        members = ingest.shared_out().keys()
        mongo.fail(["insert"], service="ingest", mode={"times": 3}, blockConnection=True, blockTimeMS=BLOCKED_MS)
        with journal.load(rate=300, bad_every=40):
            eventually(lambda: count_attempts(database) > 0, within=GENEROUS_SECONDS)
        check(journal, database, group=ingest.group)

        assert shares(journal.bootstrap, ingest.group).keys() == members
        assert ingest.metric("ponte_ingest_duplicates_total") == 0
        assert ingest.metric("ponte_ingest_records_total") >= len(journal.told.acked)


def test_mongodb_aborts_under_load_and_is_away_for_a_while(
    mongo: ReplicaSet, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running(), journal.watching(ingest.group):
        with journal.load(rate=400, bad_every=40):
            eventually(lambda: count_attempts(database) > 200, within=GENEROUS_SECONDS)
            mongo.members[0].abort()
            over = time.monotonic() + OUTAGE_SECONDS
            eventually(lambda: ingest.said("operation.postponed"), within=GENEROUS_SECONDS)
            committed = read_committed(journal.bootstrap, ingest.group, journal.topics)
            eventually(lambda: time.monotonic() > over, within=GENEROUS_SECONDS)

            assert read_committed(journal.bootstrap, ingest.group, journal.topics) == committed
            assert ingest.is_live()
            assert not ingest.is_ready()
            mongo.heal()
        check(journal, database, group=ingest.group)
        assert ingest.is_ready()


def test_memory_stays_bounded_while_mongodb_is_away_and_a_hundred_thousand_events_wait(
    mongo: ReplicaSet, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running():
        eventually(ingest.is_ready, within=GENEROUS_SECONDS)
        before = ingest.peak_bytes()
        mongo.members[0].kill()
        journal.publish(journal.teller(filler=EACH_BYTES).tell(MANY))
        eventually(lambda: len(ingest.said("operation.postponed")) >= 6, within=GENEROUS_SECONDS)

        assert lag(journal.bootstrap, ingest.group, journal.topics) >= MANY
        grown = ingest.peak_bytes() - before
        assert grown < GROWTH_BYTES < MANY * EACH_BYTES, f"{grown / MIB:.0f} MiB more"

    mongo.heal()
    check_commits(journal, database, group=ingest.group)

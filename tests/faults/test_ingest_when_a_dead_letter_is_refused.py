"""Row 31 of the fault matrix: a bad record comes, and the topic where it should be put aside does not take it."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.provision import provision_topics
from shared.contracts.names import DEAD_LETTER_TOPIC, EVENTS_TOPICS, KINDS, TOPICS
from shared.contracts.records import Address
from tests.support.broker import Broker, own_broker
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_topics import ends
from tests.support.journal import Journal, check, check_commits
from tests.support.stored import read_committed, read_letters
from tests.support.tellings import bad_telling
from tests.support.topic_admin import Admin

STUCK_SECONDS = 15
"""Longer than a batch waits for an answer to its dead letters, shorter than they are refused here."""

SMALL_BYTES = 20_000
"""So much the dead-letter topic takes in these tests; what is larger, it refuses."""

USUAL_BYTES = 4 * 2**20
WAIT_SECONDS = 90


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with own_broker(tmp_path) as broker:
        provision_topics(broker.bootstrap, TOPICS)
        yield broker


@pytest.fixture
def admin(broker: Broker) -> Admin:
    return Admin(broker.bootstrap)


@pytest.fixture
def database(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


@pytest.fixture
def journal(broker: Broker) -> Journal:
    return Journal(broker.bootstrap, kinds=KINDS)


@pytest.fixture
def ingest(broker: Broker, servers: Servers, database_name: str, tmp_path: Path) -> IngestProcess:
    # One lane: whatever holds it would hold every partition.
    knobs = {"PONTE_INGEST_LANES": "1", "PONTE_INGEST_STUCK_SECONDS": str(STUCK_SECONDS)}
    return IngestProcess(broker.bootstrap, servers.mongo.uri, database_name, tmp_path, **knobs)


def publish_bad(journal: Journal, size: int) -> Address:
    """Publish a bad record of that size, and return where it stands."""
    telling = bad_telling(secrets.token_hex(size // 2), f"{journal.account}|order|MLC|1")
    journal.publish([telling])
    return next(address for address, told in journal.told.acked.items() if told is telling)


def wait_for_all_but(journal: Journal, ingest: IngestProcess, held: Address) -> None:
    """Return when every record is committed but for the partition of `held`, which is committed exactly so far."""
    expected = {(at.topic, at.partition): at.offset for at in ends(journal.bootstrap, EVENTS_TOPICS)}
    expected[held.topic, held.partition] = held.offset
    eventually(
        lambda: read_committed(journal.bootstrap, ingest.group, EVENTS_TOPICS),
        lambda seen: expected.items() <= {**dict.fromkeys(expected, 0), **seen}.items(),
        within=WAIT_SECONDS,
    )


def test_a_bad_record_that_is_refused_holds_its_partition_alone_until_it_is_taken(
    admin: Admin, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    admin.take_at_most(DEAD_LETTER_TOPIC, SMALL_BYTES)
    with ingest.running(), journal.watching(ingest.group):
        journal.publish(journal.teller(items=50, bad_every=25).tell(300))
        bad = publish_bad(journal, 10 * SMALL_BYTES)
        eventually(lambda: ingest.said("partition.held"), within=WAIT_SECONDS)
        journal.publish(journal.teller(items=50, bad_every=25).tell(3000))
        wait_for_all_but(journal, ingest, bad)
        check_commits(journal, database, group=ingest.group)

        where = str(bad.partition), bad.topic
        behind = next(at.offset for at in ends(journal.bootstrap, [bad.topic]) if at.partition == bad.partition)
        lag = behind - bad.offset
        lags = eventually(
            lambda: ingest.series("ponte_ingest_lag_records"),
            lambda seen: seen.get(where) == lag == sum(seen.values()),
        )
        assert len(lags) == len(KINDS) * 6
        assert lag > 1
        assert ingest.series("ponte_ingest_held_seconds").keys() == {(where[0], "MSG_SIZE_TOO_LARGE", where[1])}
        assert ingest.metric("ponte_ingest_lag_seconds") > 0
        why = eventually(lambda: ingest.not_ready_because().get("dead letters"))  # others may be late for a moment
        assert f"{bad.topic}[{bad.partition}] is held at {bad.offset}" in why
        assert ingest.process.wait(2 * STUCK_SECONDS) is None, "waiting for a topic is not being stuck"

        admin.take_at_most(DEAD_LETTER_TOPIC, USUAL_BYTES)
        check(journal, database, group=ingest.group)
        eventually(ingest.is_ready)
        eventually(lambda: ingest.series("ponte_ingest_held_seconds"), lambda seen: seen == {})
        eventually(lambda: sum(ingest.series("ponte_ingest_lag_records").values()), lambda records: records == 0)

    letters = [letter.address for letter in read_letters(journal.bootstrap, journal.account)]
    assert len(letters) == len(set(letters)), "a dead letter stands twice"
    assert ingest.said("worker.stuck") == []


@pytest.mark.parametrize("end", ["asked to stop", "killed"])
def test_a_worker_that_ends_while_a_partition_is_held_has_committed_nothing_past_the_bad_record(
    admin: Admin, ingest: IngestProcess, journal: Journal, database: Any, end: str
) -> None:
    admin.take_at_most(DEAD_LETTER_TOPIC, SMALL_BYTES)
    with journal.watching(ingest.group):
        with ingest.running():
            bad = publish_bad(journal, 10 * SMALL_BYTES)
            eventually(lambda: ingest.said("partition.held"), within=WAIT_SECONDS)
            with journal.load(rate=300, items=50, bad_every=25):
                before = ingest.metric("ponte_ingest_records_total")
                eventually(lambda: ingest.metric("ponte_ingest_records_total") > before + 300, within=WAIT_SECONDS)
                if end == "asked to stop":
                    ingest.process.ask_to_stop()
                    assert ingest.process.wait(30) == 0
                else:
                    ingest.process.kill()
        check_commits(journal, database, group=ingest.group)

        with ingest.running():
            eventually(lambda: len(ingest.said("partition.held")) > 1, within=WAIT_SECONDS)
            wait_for_all_but(journal, ingest, bad)
            admin.take_at_most(DEAD_LETTER_TOPIC, USUAL_BYTES)
            check(journal, database, group=ingest.group)


def test_a_dead_letter_topic_that_is_away_holds_the_partitions_of_bad_records_until_it_is_there(
    admin: Admin, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running(), journal.watching(ingest.group):
        journal.publish(journal.teller(items=50, bad_every=25).tell(300))
        check(journal, database, group=ingest.group)
        admin.delete(DEAD_LETTER_TOPIC)
        for address in [address for address, telling in journal.told.acked.items() if telling.is_bad]:
            del journal.told.acked[address]  # gone with their topic
        database.dead_letters.delete_many({})

        bad = publish_bad(journal, 100)
        eventually(lambda: ingest.said("partition.held"), within=WAIT_SECONDS)
        journal.publish(journal.teller(items=50).tell(1000))
        wait_for_all_but(journal, ingest, bad)

        provision_topics(journal.bootstrap, TOPICS)
        check(journal, database, group=ingest.group)

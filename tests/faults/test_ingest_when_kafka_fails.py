"""Rows 8, 9, 12 and 13 of the fault matrix: a broker that is restarted, killed, frozen, and topics that change under a worker."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.names import EVENTS_TOPICS, GAPS
from tests.support.broker import Broker
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.journal import Journal, check
from tests.support.topic_admin import Admin

RATE = 300
STUCK_SECONDS = 6
"""Shorter than a broker is frozen here: whoever only waits for Kafka must not be taken for stuck."""
FROZEN_SECONDS = 12
"""Longer than the sessions of the group and of the broker itself: it forgets the worker, and tells for a moment of no broker at all."""


@pytest.fixture
def database(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


@pytest.fixture
def journal(broker: Broker) -> Journal:
    return Journal(broker.bootstrap)


@pytest.fixture
def ingest(broker: Broker, servers: Servers, database_name: str, tmp_path: Path) -> IngestProcess:
    return IngestProcess(broker.bootstrap, servers.mongo.uri, database_name, tmp_path)


def it_takes(ingest: IngestProcess, more: int, *, within: float = 60) -> None:
    before = ingest.metric("ponte_ingest_records_total")
    eventually(lambda: ingest.metric("ponte_ingest_records_total") >= before + more, within=within)


def test_a_broker_that_is_restarted_or_killed_under_load_costs_no_event_and_no_worker(
    broker: Broker, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    ways: list[Callable[[], None]] = [broker.stop, broker.kill]
    with ingest.running(), journal.watching(ingest.group):
        with journal.load(rate=RATE, bad_every=40):
            for end in ways:
                it_takes(ingest, RATE)
                end()
                broker.start()
            it_takes(ingest, RATE)
        check(journal, database, group=ingest.group)
        assert ingest.is_running
        eventually(ingest.is_ready)


def test_a_broker_that_answers_nobody_is_waited_for_and_nobody_takes_the_worker_for_stuck(
    broker: Broker, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with journal.watching(ingest.group):
        stuck = {"PONTE_INGEST_STUCK_SECONDS": str(STUCK_SECONDS)}
        with ingest.running(**stuck), journal.load(rate=RATE, bad_every=40):
            it_takes(ingest, RATE)
            with broker.frozen():
                eventually(lambda: not ingest.is_ready())
                assert ingest.process.wait(FROZEN_SECONDS) is None
                ingest.process.kill()
        with ingest.running():
            check(journal, database, group=ingest.group)
            eventually(ingest.is_ready)
    assert ingest.said("worker.stuck") == []


def test_a_worker_goes_on_by_itself_when_a_broker_that_answered_nobody_answers_again(
    broker: Broker, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running(), journal.watching(ingest.group):
        with journal.load(rate=RATE, bad_every=40):
            it_takes(ingest, RATE)
            with broker.frozen():
                assert ingest.process.wait(FROZEN_SECONDS) is None
            it_takes(ingest, 10 * RATE, within=120)
        check(journal, database, group=ingest.group)
        eventually(ingest.is_ready)


def test_partitions_added_to_a_live_topic_are_read_without_a_restart_though_keys_move(
    broker: Broker, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running():
        journal.publish(journal.teller(items=40).tell(300))
        for topic in journal.topics:
            Admin(broker.bootstrap).add_partitions(topic, total=9)
        with journal.watching(ingest.group):
            journal.publish(journal.teller(items=40).tell(300))
            check(journal, database, group=ingest.group)

    assert {address.partition for address in journal.told.acked} >= {6, 7, 8}
    assert ingest.said("gap.found") == []


def test_records_deleted_before_they_were_read_are_told_of_as_a_gap_and_the_rest_is_read(
    broker: Broker, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running():
        journal.publish(journal.teller(items=40).tell(100))
        check(journal, database, group=ingest.group)
        ingest.process.ask_to_stop()
        assert ingest.process.wait(30) == 0
    journal.publish(journal.teller(items=1000).tell(400))  # so many items that surely some are of that partition
    mine = [at for at in journal.told.acked if (at.topic, at.partition) == (EVENTS_TOPICS[0], 0)]
    before = max(at.offset for at in mine)
    Admin(broker.bootstrap).delete_records(EVENTS_TOPICS[0], before=before)
    stopped_at = journal.commits[-1][EVENTS_TOPICS[0], 0]
    lost = [at for at in mine if stopped_at <= at.offset < before]
    for address in lost:
        del journal.told.acked[address]

    with ingest.running():
        check(journal, database, group=ingest.group)
        eventually(lambda: not ingest.is_ready())
        assert ingest.metric("ponte_ingest_gap_records_total") == len(lost) > 0

    (gap,) = database[GAPS].find()
    assert (gap["topic"], gap["partition"], gap["from"], gap["to"]) == (EVENTS_TOPICS[0], 0, stopped_at, before)
    assert (gap["reason"], gap["records"], gap["then"]) == ("deleted", len(lost), "read on")
    (line,) = ingest.said("gap.found")
    assert (line["level"], line["from"], line["to"]) == ("error", stopped_at, before)

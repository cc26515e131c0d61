"""Rows 2, 3, 5 and 6 of the fault matrix: workers that stop, come back from the dead, come and go, or get nothing done."""

import copy
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.journal import Journal, check
from tests.support.topic_admin import Admin

SESSION_SECONDS = 6
"""The least that our own broker allows."""

RATE = 300


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


def another(ingest: IngestProcess, *program: str) -> IngestProcess:
    """Return a second worker of the same group, with a log of its own."""
    other = copy.copy(ingest)
    other._log = ingest._log.with_name(f"other-{len(list(ingest._log.parent.iterdir()))}.log")
    other._log.touch()
    other.program = program or ingest.program
    return other


def has_written(database: Any, more: int = 200) -> None:
    before = database.attempts.estimated_document_count()
    eventually(lambda: database.attempts.estimated_document_count() >= before + more)


def test_told_to_stop_under_load_a_worker_commits_what_it_wrote_and_nothing_comes_twice(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    # One lane: those that join one after the other take partitions from each other, and what is in hand then comes twice.
    alone = {"PONTE_LOG_LEVEL": "debug", "PONTE_INGEST_LANES": "1"}
    with journal.watching(ingest.group):
        with journal.load(rate=RATE), ingest.running(**alone, PONTE_INGEST_BATCH_SIZE="20"):
            has_written(database)
            ingest.process.ask_to_stop()
            assert ingest.process.wait(30) == 0
        with ingest.running(**alone):
            check(journal, database, group=ingest.group)

    batches = [line for line in ingest.said("batch.written") if line["level"] == "debug"]
    assert sum(line["duplicates"] for line in batches) == 0


def test_a_worker_back_from_the_dead_harms_nobody_and_works_on(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    zombie = another(ingest)
    with (
        ingest.running(),
        zombie.running(PONTE_INGEST_STUCK_SECONDS="4", PONTE_INGEST_BATCH_SIZE="20"),
        journal.watching(ingest.group),
    ):
        eventually(zombie.is_ready)
        with journal.load(rate=RATE, bad_every=40):
            eventually(lambda: zombie.metric("ponte_ingest_records_total") > 50)
            os.kill(zombie.process.pid, signal.SIGSTOP)
            try:
                has_written(database, more=2 * SESSION_SECONDS * RATE * 3 // 4)
            finally:
                os.kill(zombie.process.pid, signal.SIGCONT)
            back = zombie.metric("ponte_ingest_records_total")
            eventually(lambda: zombie.metric("ponte_ingest_records_total") > back + 50)
        check(journal, database, group=ingest.group)
        eventually(zombie.is_ready)
        assert zombie.said("worker.stuck") == []


def test_workers_that_come_and_go_all_the_time_lose_and_double_nothing(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    ways = [signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGTERM]
    with ingest.running(), journal.watching(ingest.group):
        with journal.load(rate=RATE, bad_every=40):
            for way in ways:
                with another(ingest).running() as guest:
                    eventually(guest.is_ready)
                    os.kill(guest.process.pid, way)
                    guest.process.wait(30)
        check(journal, database, group=ingest.group)
        assert ingest.is_running


def test_a_worker_that_falls_silent_is_not_ready_then_ends_and_the_next_one_goes_on(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    silent = another(ingest, "tests.support.faulty_ingest", "silent")
    with journal.watching(ingest.group):
        with journal.load(rate=RATE, bad_every=40), silent.running(PONTE_INGEST_STUCK_SECONDS="3"):
            eventually(silent.is_ready)
            eventually(lambda: not silent.is_ready())
            assert eventually(silent.process.exit_code, lambda code: code is not None) == 70
        with ingest.running(PONTE_INGEST_STUCK_SECONDS="3"):
            check(journal, database, group=ingest.group)

    (last_words,) = silent.said("worker.stuck")
    assert "has records at" in " ".join(last_words["what"])
    assert {"MainThread", "watchdog"} <= last_words["threads"].keys()


@pytest.mark.parametrize("fault", ["blocked", "hung"])
def test_a_worker_whose_loop_is_blocked_or_whose_batch_is_never_done_ends_and_shows_where(
    ingest: IngestProcess, journal: Journal, fault: str
) -> None:
    stuck = another(ingest, "tests.support.faulty_ingest", fault)
    with stuck.running(PONTE_INGEST_STUCK_SECONDS="2"):
        journal.publish(journal.teller().tell(20))
        assert eventually(stuck.process.exit_code, lambda code: code is not None) == 70

    (last_words,) = stuck.said("worker.stuck")
    shown = {
        "blocked": last_words["threads"]["MainThread"],
        "hung": [line for lines in last_words["tasks"].values() for line in lines],
    }
    assert any("faulty_ingest.py" in line and "on_batch" in line for line in shown[fault])

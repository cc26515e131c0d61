import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.names import EVENTS_TOPICS
from tests.support.builders import make_cloudevent
from tests.support.eventually import eventually
from tests.support.ingest_topics import lag, publish, start_at_end

EVENTS = 6000
Collections = dict[str, dict[str, Any]]


class IngestProcess:
    """The real process, with a group and a database of this test's own."""

    def __init__(self, servers: Servers, database: str, log: Path) -> None:
        self.bootstrap = servers.kafka.bootstrap
        self.group = f"test.ingest.{uuid4().hex[:12]}"
        self._log = log
        self._environment = {
            **os.environ,
            "PONTE_KAFKA_BOOTSTRAP": self.bootstrap,
            "PONTE_MONGO_URI": servers.mongo.uri,
            "PONTE_MONGO_DATABASE": database,
            "PONTE_INGEST_GROUP": self.group,
            # The topics are shared with tests that publish poison.
            "PONTE_INGEST_DEAD_LETTER_RUN": "1000000",
            "PONTE_INGEST_DEAD_LETTER_RATIO": "1",
        }
        start_at_end(self.bootstrap, self.group, EVENTS_TOPICS)

    @contextmanager
    def running(self, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.ingest"], env={**self._environment, **environment}, stderr=log
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._log.read_bytes().splitlines() if line.startswith(b"{")]
        return [line for line in lines if line["event"] == event]

    def caught_up(self) -> None:
        eventually(lambda: lag(self.bootstrap, self.group, EVENTS_TOPICS), lambda records: records == 0, within=60)


@pytest.fixture
def ingest(servers: Servers, database_name: str, tmp_path: Path) -> IngestProcess:
    return IngestProcess(servers, database_name, tmp_path / "log")


@pytest.fixture
def collections(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


def events_of(account: str, kind: str, count: int) -> list[bytes]:
    """Each item three times, the newest first."""
    return [
        json.dumps(
            make_cloudevent(
                id=f"{kind}-{number}",
                account=account,
                kind=kind,
                code=str(number // 3),
                processed_at=f"2026-11-23T10:11:12.{999 - number % 3}Z",
            )
        ).encode()
        for number in range(count)
    ]


def held(collections: Any, account: str) -> Collections:
    attempts = {found["_id"]: found for found in collections.attempts.find({"_id": {"$regex": f"^{account}"}})}
    return {"attempts": attempts, "entries": {e["_id"]: e for e in collections.log_entries.find({"account": account})}}


def test_killed_under_load_every_event_is_one_attempt_and_publishing_all_again_changes_nothing(
    ingest: IngestProcess, collections: Any, account: str
) -> None:
    orders, prices = events_of(account, "order", EVENTS), events_of(account, "price", EVENTS)
    with ingest.running(PONTE_INGEST_BATCH_SIZE="200") as process:
        for start in range(0, EVENTS, 1000):
            publish(ingest.bootstrap, EVENTS_TOPICS[0], orders[start : start + 1000])
            publish(ingest.bootstrap, EVENTS_TOPICS[3], prices[start : start + 1000])
            if start == 2000:
                eventually(lambda: collections.attempts.estimated_document_count() > 500)
                process.send_signal(signal.SIGKILL)
                process.wait(10)
    assert collections.attempts.count_documents({}) < 2 * EVENTS

    with ingest.running():
        ingest.caught_up()
        after = held(collections, account)
        publish(ingest.bootstrap, EVENTS_TOPICS[0], orders)
        publish(ingest.bootstrap, EVENTS_TOPICS[3], prices)
        ingest.caught_up()

    assert len(after["attempts"]) == 2 * EVENTS
    assert len(after["entries"]) == 2 * EVENTS // 3
    assert {entry["attempts"] for entry in after["entries"].values()} == {3}
    assert {entry["state"]["version"][0] for entry in after["entries"].values()} == {"2026-11-23T10:11:12.999"}
    assert held(collections, account) == after


def test_told_to_stop_under_load_it_commits_what_it_wrote_and_nothing_comes_twice(
    ingest: IngestProcess, collections: Any, account: str
) -> None:
    publish(ingest.bootstrap, EVENTS_TOPICS[0], events_of(account, "order", EVENTS))
    with ingest.running(PONTE_INGEST_BATCH_SIZE="100") as process:
        eventually(lambda: collections.attempts.estimated_document_count() > 500)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    stopped = collections.attempts.count_documents({})

    with ingest.running(PONTE_LOG_LEVEL="debug"):
        ingest.caught_up()

    assert stopped < EVENTS == len(held(collections, account)["attempts"])
    batches = [line for line in ingest.said("batch.committed") if line["level"] == "debug"]
    assert sum(line["duplicates"] for line in batches) == 0
    assert sum(line["records"] for line in batches) == EVENTS - stopped


def test_a_flood_of_bad_records_ends_the_process_loudly_and_says_what_to_do(
    ingest: IngestProcess, account: str
) -> None:
    publish(ingest.bootstrap, EVENTS_TOPICS[0], [f"poison of {account}".encode()] * 60, key=account.encode())

    with ingest.running(PONTE_INGEST_DEAD_LETTER_RUN="50") as process:
        assert process.wait(30) == 70

    (line,) = [line for lane in range(3) for line in ingest.said(f"intake-{lane}.failed")]
    assert "records in a row cannot be used" in line["exception"]
    assert "PONTE_INGEST_DEAD_LETTER_RUN" in line["exception"]
    assert lag(ingest.bootstrap, ingest.group, EVENTS_TOPICS) >= 60

"""Rows 30 and 32 to 34 of the fault matrix: nothing is broken but the load."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bson
import pytest
from confluent_kafka import TopicPartition
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.entries import LONG_HISTORY
from shared.contracts.names import EVENTS_TOPICS
from tests.support.ingest_process import IngestProcess
from tests.support.ingest_topics import looking
from tests.support.journal import Journal, check
from tests.support.poison import DANGEROUS_LOOKING, poison_of
from tests.support.stored import read_committed
from tests.support.tellings import Telling, make_telling

HOT_EVENTS = 20_000
HOT_ENTRY_BYTES = 4096


@pytest.fixture
def database(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


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


def test_every_way_to_be_no_event_goes_aside_alone_and_all_good_ones_around_are_written_whole(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    """Row 30 with each row of the table of poison, on the wire."""
    account = journal.account
    poison = poison_of(account)
    bad = [Telling(what, f"{account}|order|MLC|{what}", value, is_bad=True) for what, (value, _) in poison.items()]
    odd = [odd_telling(what, account, payload) for what, payload in DANGEROUS_LOOKING.items()]
    good = journal.teller(items=30).tell(10 * len(bad))
    batches = [good[place::10] for place in range(10)]
    with ingest.running():
        journal.publish([one for together in zip(bad, *batches, strict=True) for one in together] + odd + bad)
        stored = check(journal, database, group=ingest.group)

    put_aside = {at: telling.id for at, telling in journal.told.acked.items() if telling.is_bad}
    assert len(put_aside) == 2 * len(poison)
    for letters in (stored.letters, stored.kept):
        assert letters is not None
        assert {one.address: one.error_class for one in letters} == {at: poison[i][1] for at, i in put_aside.items()}
    told = {entry.code: entry.payload["odd"] for entry in stored.entries if entry.code in DANGEROUS_LOOKING}
    assert told == {what: json.loads(payload) for what, payload in DANGEROUS_LOOKING.items()}


def odd_telling(what: str, account: str, payload: str) -> Telling:
    """An event whose payload is its id, as the checker wants it, and beside that `payload`."""
    plain = make_telling(f"{account} {what}", account=account, code=what)
    beside = f'{{"event":"{plain.id}","odd":{payload}}}'
    value = (plain.value or b"").replace(f'{{"event":"{plain.id}"}}'.encode(), beside.encode())
    assert value != plain.value
    return replace(plain, value=value)


def test_an_item_that_is_told_of_without_end_does_not_grow_and_its_history_stays_in_order(
    ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with ingest.running():
        journal.publish(journal.teller(items=1).tell(HOT_EVENTS))
        check(journal, database, group=ingest.group)

    entries = list(database.log_entries.find({"account": journal.account}))
    assert len(entries) == len(journal.kinds)
    assert max(len(bson.encode(entry)) for entry in entries) < HOT_ENTRY_BYTES
    assert all(entry["in_order"] == entry["attempts"] > LONG_HISTORY for entry in entries)


def every_byte(database: Any) -> dict[str, bytes]:
    found = [*database.log_entries.find(), *database.attempts.find()]
    return {document["_id"]: bson.encode(document) for document in found}

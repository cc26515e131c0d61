"""Rows 18, 19, 26 and 27 of the fault matrix: single commands that MongoDB fails, with the real store and no process around it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers, start_servers
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.handlers.ingesting import Ingest
from shared.contracts.errors import OutcomeUnknown, StoreUnavailable, Transient
from shared.contracts.records import Record
from shared.mongo.client import Database, connect
from shared.runtime.retry import until_done
from tests.support.fakes.ingest import MemoryDeadLetters
from tests.support.invariants import PutAside, Stored, strays_of
from tests.support.journal import Journal, hold
from tests.support.stored import log_of, read_documents


@pytest.fixture(scope="module")
def failing_mongo(servers: Servers) -> Iterator[str]:
    """A MongoDB that fails on demand; Kafka is the session's."""
    given = {"PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap}
    with start_servers(None, environ=given, mongo_parameters={"enableTestCommands": "1"}) as running:
        yield running.mongo.uri


@pytest.fixture
async def database(failing_mongo: str) -> AsyncIterator[Database]:
    async with connect(failing_mongo, service="faults", repeats_writes=False) as client:  # as the worker does
        yield client["faults"]
        await client.drop_database("faults")


@pytest.fixture
def journal() -> Journal:
    return Journal(kinds=["order"])


def fail(uri: str, command: str, times: int, **how: Any) -> None:
    data = {"failCommands": [command], "appName": "ponte.faults", **how}
    with MongoClient[dict[str, Any]](uri) as client:
        client.admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=data)


def hold_now(uri: str, journal: Journal, aside: MemoryDeadLetters) -> None:
    letters = [PutAside(one.record.address, one.record.value, one.error_class) for one in aside.letters]
    with MongoClient[dict[str, Any]](uri) as client:
        documents = read_documents(client["faults"], journal.account)
        hold(journal, Stored(*log_of(*documents), letters=letters, strays=strays_of(*documents)))


INTERRUPTED, NOT_REPLICATED = {"errorCode": 11601}, {"code": 64, "errmsg": "waiting for replication timed out"}


@pytest.mark.parametrize(
    ("command", "how", "raised"),
    [
        ("find", INTERRUPTED, StoreUnavailable),
        ("update", INTERRUPTED, StoreUnavailable),
        ("update", {"closeConnection": True}, StoreUnavailable),
        ("update", {"writeConcernError": NOT_REPLICATED}, OutcomeUnknown),
        ("insert", INTERRUPTED, StoreUnavailable),
        ("insert", {"errorCode": 112}, StoreUnavailable),
        ("insert", {"errorCode": 14031}, StoreUnavailable),
        ("insert", {"errorCode": 13}, StoreUnavailable),
        ("insert", {"closeConnection": True}, StoreUnavailable),
        ("insert", {"writeConcernError": NOT_REPLICATED}, OutcomeUnknown),
        ("insert", {"writeConcernError": {"code": 91, "errmsg": "shutting down"}}, Transient),
    ],
)
async def test_a_fault_is_transient_and_the_batch_again_makes_it_whole(
    failing_mongo: str, database: Database, journal: Journal, command: str, how: dict[str, Any], raised: type[Transient]
) -> None:
    aside = MemoryDeadLetters()
    ingest, batch = Ingest(MongoLogStore(database), aside), journal.as_records(journal.teller(items=5).tell(20))
    if command == "update":  # entries that are there already are updated, not inserted
        await ingest.handle(batch[:10])
    fail(failing_mongo, command, 3, **how)

    with pytest.raises(raised):
        await ingest.handle(batch)
    fail(failing_mongo, command, 0)
    await ingest.handle(batch)

    assert aside.letters == []
    hold_now(failing_mongo, journal, aside)


async def test_one_closed_connection_costs_one_more_try(
    failing_mongo: str, database: Database, journal: Journal
) -> None:
    aside, refused = MemoryDeadLetters(), list[Transient]()
    ingest = Ingest(MongoLogStore(database), aside)
    batch = journal.as_records(journal.teller(items=5, bad_every=5).tell(20))
    fail(failing_mongo, "insert", 1, closeConnection=True)

    await until_done(lambda: ingest.handle(batch), what="a batch", on_failure=refused.append)

    assert len(refused) == 1
    hold_now(failing_mongo, journal, aside)


async def test_writers_that_meet_at_the_same_new_entries_count_each_event_once(
    failing_mongo: str, database: Database, journal: Journal
) -> None:
    aside, teller = MemoryDeadLetters(), journal.teller(items=3, bad_every=20)
    batches = [journal.as_records(teller.tell(60), partition=number) for number in range(3)]
    conflicts = {"activationProbability": 0.1}
    with MongoClient[dict[str, Any]](failing_mongo) as client:
        client.admin.command("configureFailPoint", "WTWriteConflictException", mode=conflicts)
        try:
            await asyncio.gather(*(bit_by_bit(database, aside, records) for records in batches))
        finally:
            client.admin.command("configureFailPoint", "WTWriteConflictException", mode="off")

    hold_now(failing_mongo, journal, aside)


async def bit_by_bit(database: Database, aside: MemoryDeadLetters, records: Sequence[Record]) -> None:
    """Handle them as a worker of its own does, a few at a time."""
    ingest = Ingest(MongoLogStore(database), aside)
    for start in range(0, len(records), 4):
        few = records[start : start + 4]
        await until_done(lambda few=few: ingest.handle(few), what="a few events")  # type: ignore[misc]

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers, start_servers
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.handlers.ingesting import Ingest
from shared.contracts.errors import OutcomeUnknown, StoreUnavailable, Transient
from shared.mongo.client import Database, connect
from tests.support.builders import make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters

BATCH = [make_record(json.dumps(make_cloudevent(id=str(n), code=str(n // 2))).encode(), offset=n) for n in range(10)]


@pytest.fixture(scope="module")
def failing_mongo(servers: Servers) -> Iterator[str]:
    """A MongoDB that fails on demand; Kafka is the session's."""
    given = {"PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap}
    with start_servers(None, environ=given, mongo_parameters={"enableTestCommands": "1"}) as running:
        yield running.mongo.uri


@pytest.fixture
async def database(failing_mongo: str) -> AsyncIterator[Database]:
    async with connect(failing_mongo, service="faults") as client:
        yield client["faults"]
        await client.drop_database("faults")


def fail(uri: str, command: str, times: int, **how: Any) -> None:
    data = {"failCommands": [command], "appName": "ponte.faults", **how}
    with MongoClient[dict[str, Any]](uri) as client:
        client.admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=data)


async def is_whole(database: Database) -> None:
    assert await database.attempts.count_documents({}) == 10
    entries = [entry async for entry in database.log_entries.find()]
    assert [entry["attempts"] for entry in entries] == [2] * 5


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
    failing_mongo: str, database: Database, command: str, how: dict[str, Any], raised: type[Transient]
) -> None:
    dead_letters = MemoryDeadLetters()
    ingest = Ingest(MongoLogStore(database), dead_letters)
    if command == "update":  # entries that are there already are updated, not inserted
        await ingest.handle([make_record(BATCH[0].value, offset=0)])
    fail(failing_mongo, command, 3, **how)

    with pytest.raises(raised):
        await ingest.handle(BATCH)
    fail(failing_mongo, command, 0)
    await ingest.handle(BATCH)

    await is_whole(database)
    assert dead_letters.letters == []


async def test_one_closed_connection_is_never_seen(failing_mongo: str, database: Database) -> None:
    ingest = Ingest(MongoLogStore(database), MemoryDeadLetters())
    fail(failing_mongo, "insert", 1, closeConnection=True)

    await ingest.handle(BATCH)

    await is_whole(database)

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.handlers.ingesting import Ingest
from shared.mongo.client import Database
from tests.support.builders import make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore
from tests.support.ingest_shop import batches, deliveries, essence, published
from tests.support.invariants import strays_of
from tests.support.long_histories import long_from


@pytest.fixture(autouse=True, scope="module")
def a_few_attempts_are_a_long_history() -> Iterator[None]:
    with long_from(3):
        yield


async def contents(database: Database) -> tuple[dict[str, Any], dict[str, Any]]:
    attempts = {document["_id"]: document async for document in database.attempts.find()}
    return attempts, {document["_id"]: document async for document in database.log_entries.find()}


# One database for all examples, emptied in between: making one takes longer than an example.
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shop=deliveries())
async def test_mongodb_comes_to_what_the_fake_comes_to_and_a_second_time_changes_nothing(
    database: Database, shop: Any
) -> None:
    values, records, sizes = shop
    fake = MemoryLogStore()
    for record in published(values):
        await Ingest(fake, MemoryDeadLetters()).handle([record])
    await database.attempts.delete_many({})
    await database.log_entries.delete_many({})
    ingest = Ingest(MongoLogStore(database), MemoryDeadLetters())

    for batch in batches(records, sizes):
        await ingest.handle(batch)

    held = await contents(database)
    assert essence(*held) == essence(fake.attempts, fake.entries)
    assert strays_of(*map(dict.values, held)) == []
    again = [make_record(record.value, offset=1000 + n, partition=2) for n, record in enumerate(records)]
    for batch in batches([*records, *again], [4]):
        await ingest.handle(batch)
    assert await contents(database) == held

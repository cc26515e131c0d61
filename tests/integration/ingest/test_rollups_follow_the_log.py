"""Rollups on a real MongoDB, fed by ingest's own writes: at rest they are what counting again comes to, whatever happened meanwhile."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.recount import ask_to_recount
from services.ingest.adapters.mongo_entry_log import MongoEntryLog
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.adapters.mongo_old_content import MongoOldContent
from services.ingest.adapters.mongo_rollups import MongoRollupBook
from services.ingest.entrypoints import rollups
from services.ingest.handlers.ingesting import Ingest
from services.ingest.handlers.rolling_up import advance, build
from shared.contracts.errors import LeaseLost
from shared.contracts.names import LOG_ENTRIES, PROJECTIONS, ROLLUPS
from shared.contracts.records import Record
from shared.contracts.rollups import PROJECTION
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.support.eventually import DEADLINE_SECONDS, eventually_async
from tests.support.fakes.ingest import MemoryDeadLetters
from tests.support.journal import Journal
from tests.support.rolling import rolling
from tests.support.rollup_check import differences

BATCH = 40
READ_SECONDS = 150.0
"""A server looks for a lost token in its whole oplog: 3 s for a gigabyte when it is idle, and the suite before has written two."""
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def plain(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri, tz_aware=True) as client:
        yield client[database_name]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "AFTER_A_BUILD_SECONDS", 0)
    monkeypatch.setattr(rollups, "LOOK_EVERY_SECONDS", 0.2)
    monkeypatch.setattr(rollups, "KEEP_EVERY_SECONDS", 0.2)


@pytest.fixture
def ingest(database: Database) -> Ingest:
    return Ingest(MongoLogStore(database), MemoryDeadLetters())


def shuffled(count: int, seed: int = 1) -> list[list[Record]]:
    """Batches of records of so many events in random order, some of them several times."""
    dice, journal = random.Random(seed), Journal()  # noqa: S311  # the same each time, no secret
    tellings = list(journal.teller().tell(count))
    tellings += dice.sample(tellings, count // 5)
    dice.shuffle(tellings)
    records = journal.as_records(tellings)
    return [records[start : start + BATCH] for start in range(0, len(records), BATCH)]


async def settled(plain: Any) -> None:
    """Wait until rollups and log agree."""
    await eventually_async(lambda: asyncio.to_thread(differences, plain), lambda found: not found)


async def built(plain: Any, generation: int = 1, *, within: float = DEADLINE_SECONDS) -> None:
    def find() -> Any:
        return (plain[PROJECTIONS].find_one({}) or {}).get("generation") or 0

    await eventually_async(lambda: asyncio.to_thread(find), lambda seen: seen >= generation, within=within)


async def test_events_in_any_order_and_several_times_are_counted_as_they_stand_at_last(
    ingest: Ingest, database: Database, plain: Any
) -> None:
    batches = shuffled(400)
    for batch in batches[:3]:
        await ingest.handle(batch)
    async with rolling(database):
        for batch in batches[3:]:
            await ingest.handle(batch)
        await settled(plain)

        assert plain[ROLLUPS].count_documents({"family": "ac"})
        assert plain[LOG_ENTRIES].count_documents({"was": {"$exists": True}})


async def test_what_retention_removes_is_taken_off(ingest: Ingest, database: Database, plain: Any) -> None:
    async with rolling(database):
        for batch in shuffled(200):
            await ingest.handle(batch)
            await MongoOldContent(database).remove_entries(
                batch[0].key.decode().split("|")[0] if batch[0].key else "",
                "error",
                untouched_since=LATER,
                now=LATER,
                at_most=5,
            )
        await settled(plain)

        assert plain[LOG_ENTRIES].count_documents({"leaving": {"$exists": True}}) == 0
        assert plain[PROJECTIONS].find_one({})["generation"] == 1


async def test_a_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(
    ingest: Ingest, database: Database, plain: Any
) -> None:
    dice = random.Random(2)  # noqa: S311  # the same each time, no secret
    for number, batch in enumerate(shuffled(400)):
        async with rolling(database, name="reborn") as task:
            await ingest.handle(batch)
            await asyncio.wait({task}, timeout=dice.random() / 10)
            assert not task.done(), number
    async with rolling(database, name="reborn"):
        await settled(plain)


async def test_several_workers_count_as_one(ingest: Ingest, database: Database, plain: Any) -> None:
    async with rolling(database, name="a"), rolling(database, name="b"):
        for batch in shuffled(200):
            await ingest.handle(batch)
        async with rolling(database, name="c"):
            await settled(plain)


async def test_another_worker_takes_over_and_the_old_one_stores_nothing_any_more(
    ingest: Ingest, database: Database, plain: Any
) -> None:
    book, log = MongoRollupBook(database), MongoEntryLog(database, database)
    batches = shuffled(100)
    zombie = await book.take("zombie", now=now() - timedelta(minutes=1))
    assert zombie is not None
    zombie = await build(log, book, zombie, clock=lambda: now() - timedelta(minutes=1))
    for batch in batches:
        await ingest.handle(batch)
    assert zombie.place is not None
    async with log.follow(zombie.place) as changes:
        told = await changes.next(10)
    async with rolling(database):
        await settled(plain)

        with pytest.raises(LeaseLost):
            await advance(book, zombie, told, clock=now)

        await settled(plain)


async def test_all_is_counted_anew_while_events_come_in(ingest: Ingest, database: Database, plain: Any) -> None:
    async with rolling(database):
        for number, batch in enumerate(shuffled(300)):
            await ingest.handle(batch)
            if number % 3 == 0:
                plain[PROJECTIONS].update_one({"_id": PROJECTION}, {"$set": {"rebuild": True}})
        await built(plain, 2)
        await settled(plain)

        generation = plain[PROJECTIONS].find_one({})["generation"]
        await eventually_async(
            lambda: asyncio.to_thread(plain[ROLLUPS].count_documents, {"_id": {"$lt": f"{generation:010d}|"}}),
            lambda left: left == 0,
        )


@pytest.mark.parametrize("token", ["8200000001", "no token at all"])
async def test_a_place_that_the_oplog_no_longer_knows_is_counted_anew(
    token: str, ingest: Ingest, database: Database, plain: Any
) -> None:
    batches = shuffled(100)
    async with rolling(database):
        await built(plain)
        await ingest.handle(batches[0])
        await settled(plain)
    with plain[LOG_ENTRIES].watch() as changes:
        for batch in batches[1:]:
            await ingest.handle(batch)
        known = next(changes)["_id"][
            "_data"
        ]  # an event's: one of a mere time would be taken by an oplog that still has its beginning
    lost = token + known[len(token) :]  # a token begins with its time
    plain[PROJECTIONS].update_one({"_id": PROJECTION}, {"$set": {"token": {"_data": lost}}})

    async with rolling(database):
        await built(plain, 2, within=READ_SECONDS)
        await settled(plain)


async def test_what_somebody_deletes_by_hand_is_noticed(ingest: Ingest, database: Database, plain: Any) -> None:
    async with rolling(database):
        for batch in shuffled(50):
            await ingest.handle(batch)
        await settled(plain)
        generation = plain[PROJECTIONS].find_one({})["generation"]

        plain[LOG_ENTRIES].delete_one({})

        await built(plain, generation + 1)
        await settled(plain)


async def test_the_command_has_everything_counted_anew(
    ingest: Ingest, database: Database, plain: Any, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PONTE_MONGO_URI", servers.mongo.uri)
    monkeypatch.setenv("PONTE_MONGO_DATABASE", database.name)
    assert "nothing was ever counted" in await asyncio.to_thread(ask_to_recount)
    async with rolling(database):
        await ingest.handle(shuffled(20)[0])
        await settled(plain)

        assert "anew" in await asyncio.to_thread(ask_to_recount)

        await built(plain, 2)
        await settled(plain)

"""Streams go on through elections and crashes of MongoDB, and say so where changes may have been missed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest

from services.query.adapters.mongo_change_feed import MongoChangeFeed
from services.query.adapters.mongo_changed_entries import MongoChangedEntries
from services.query.core.stream.channel import Wish
from services.query.core.stream.position import position_of
from services.query.entrypoints.event_stream import SseWriter
from services.query.handlers.stream.hub import StreamHub
from services.query.handlers.stream.ports import HistoryLost
from services.query.handlers.stream.streaming import follow_stream
from services.query.handlers.stream.windows import WindowMaker
from shared.contracts.errors import Transient
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database, connect
from shared.mongo.errors import translated
from shared.runtime.clock import now
from shared.runtime.retry import until_done
from tests.support.builders import make_event
from tests.support.fakes.query import FakeRegistry
from tests.support.fakes.streams import BOUNDS
from tests.support.live_stream import Event, parse_events
from tests.support.replica_set import ReplicaSet, own_replica_set
from tests.support.seed import entry_document

RECOVERS_WITHIN_SECONDS = 60
SERVICE = "streams"


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with own_replica_set(tmp_path_factory.mktemp("streams")) as replicas:
        yield replicas


@pytest.fixture
async def database(replica_set: ReplicaSet) -> AsyncIterator[Database]:
    replica_set.heal()
    async with connect(replica_set.uri, service=SERVICE) as client:
        yield client["streams"]
        await client.drop_database("streams")


async def store(database: Database, code: str) -> None:
    document = entry_document([make_event(code=code)])

    async def insert() -> None:
        with translated():
            await database[LOG_ENTRIES].replace_one({"_id": document["_id"]}, document, upsert=True)

    await until_done(insert, what="storing an entry")


@asynccontextmanager
async def events_of(database: Database) -> AsyncIterator[AsyncIterator[Event]]:
    """Give the events of a stream of all orders."""
    windows = WindowMaker(MongoChangedEntries(database, time_limit_ms=5_000), FakeRegistry(), SseWriter())
    hub = StreamHub(MongoChangeFeed(database), windows, BOUNDS, now=now)

    async def always() -> bool:
        return True

    wish = Wish("loja", LogFilter(kind=("order",)), "pt")
    async with hub.joined(wish, "k1", None) as stream, aclosing(follow_stream(hub, stream, always)) as chunks:

        async def events() -> AsyncIterator[Event]:
            async for chunk in chunks:
                for event in parse_events(chunk.decode()):
                    if event.name:
                        yield event

        async with aclosing(events()) as told:
            yield told
    await hub.close()


async def next_of(told: AsyncIterator[Event]) -> Event:
    return await asyncio.wait_for(anext(told), RECOVERS_WITHIN_SECONDS)  # type: ignore[arg-type]


async def test_nothing_is_missed_when_the_primary_steps_down(replica_set: ReplicaSet, database: Database) -> None:
    async with events_of(database) as told:
        await store(database, "before")
        first = await next_of(told)
        await asyncio.to_thread(replica_set.step_down)
        await store(database, "after")
        second = await next_of(told)

    assert [(event.name, event.data.get("code")) for event in (first, second)] == [
        ("changed", "before"),
        ("changed", "after"),
    ]


async def test_nothing_is_missed_when_the_primary_is_killed(replica_set: ReplicaSet, database: Database) -> None:
    async with events_of(database) as told:
        await store(database, "before")
        first = await next_of(told)
        primary = replica_set.primary()
        primary.kill()
        await store(database, "after")
        second = await next_of(told)

    assert [(event.name, event.data.get("code")) for event in (first, second)] == [
        ("changed", "before"),
        ("changed", "after"),
    ]


async def test_a_change_stream_whose_past_is_gone_starts_again_and_says_so(
    replica_set: ReplicaSet, database: Database
) -> None:
    async with events_of(database) as told:
        replica_set.fail(["getMore"], service=SERVICE, mode={"times": 1}, errorCode=286)
        event = await next_of(told)
        await store(database, "after")
        following = await next_of(told)

    assert (event.name, event.data["reason"]) == ("resync", "interrupted")
    assert following.data["code"] == "after"


async def test_a_past_before_the_oplog_is_lost_and_not_silently_skipped(
    replica_set: ReplicaSet, database: Database
) -> None:
    replica_set.fail(["aggregate"], service=SERVICE, mode={"times": 1}, errorCode=286)
    async with aclosing(MongoChangeFeed(database).follow(position_of(1, 1))) as told:
        with pytest.raises(HistoryLost):
            await asyncio.wait_for(anext(told), RECOVERS_WITHIN_SECONDS)


async def test_a_collection_that_is_dropped_is_a_loss(database: Database) -> None:
    await store(database, "1")
    async with aclosing(MongoChangeFeed(database).follow(None)) as told:
        await anext(told)
        await database[LOG_ENTRIES].drop()
        with pytest.raises(Transient):
            async for _ in told:
                pass

"""What an item that is tried without end costs whoever looks at it: no index has its attempts in order."""

from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local.servers import Servers
from services.query.adapters.log.mongo_log_reader import MongoLogReader
from services.query.core.permissions import Caller
from services.query.core.streak import ErrorStreak
from services.query.handlers import reading
from services.query.handlers.reading import find_streak, get_entry
from shared.contracts.errors import TooBroad
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.support.builders import make_event
from tests.support.explained import Explained, Listener, explained
from tests.support.seed import seed_entry

CALLER = Caller("loja", "key", "", frozenset({"read"}))
TRIED = 3_000
ITEM = ("order", "MLC", "2000004567")
IDENTITY = "loja|order|MLC|2000004567"


def reader(_: Listener, database: Database) -> MongoLogReader:
    """Return a reader of the log."""
    return MongoLogReader(database, time_limit_ms=5000, now=now)


@pytest.fixture
async def log(servers: Servers, database: Database, database_name: str) -> AsyncIterator[Explained[MongoLogReader]]:
    tried = [make_event(processed_at=f"2026-11-{n % 20 + 1:02}T09:{n % 60:02}:00.{n % 1000:03}Z") for n in range(TRIED)]
    await seed_entry(database, *tried)
    async with explained(servers.mongo.uri, database_name, reader) as found:
        yield found


async def test_of_too_many_attempts_the_keys_alone_are_counted_and_no_order_is_asked_for(
    log: Explained[MongoLogReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_SORTED", 100)
    entry = await get_entry(log.reader, CALLER, *ITEM)
    log.forget()

    assert await find_streak(log.reader, CALLER, entry) == ErrorStreak(1, None, is_whole=False)
    assert set(log.asked()) == {"count"}
    assert log.told("count").keys <= 100 + 2
    assert log.told("count").documents == 0


async def test_as_many_as_may_be_sorted_are_looked_through(log: Explained[MongoLogReader]) -> None:
    entry = await get_entry(log.reader, CALLER, *ITEM)
    streak = await find_streak(log.reader, CALLER, entry)

    assert (streak.count, streak.is_whole) == (1000, True)


async def test_a_history_that_takes_too_long_is_given_up_in_words(
    log: Explained[MongoLogReader], database: Database
) -> None:
    hurried = MongoLogReader(database, time_limit_ms=1, now=now)

    with pytest.raises(TooBroad, match="tried so often"):
        await hurried.find_last_success(IDENTITY)


async def test_an_entry_says_that_its_streak_is_of_the_newest_attempt_alone(
    api: httpx.AsyncClient, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed_entry(database, *(make_event(account=account, processed_at=f"2026-11-23T0{n}:00:00Z") for n in range(4)))
    whole = (await api.get("/v1/logs/order/MLC/2000004567")).json()
    monkeypatch.setattr(reading, "MOST_SORTED", 2)
    cut = (await api.get("/v1/logs/order/MLC/2000004567")).json()

    told = [(one["error_streak"], one["error_streak_complete"], one["failing_since"]) for one in (whole, cut)]
    assert told == [(4, True, "2026-11-23T00:00:00.000Z"), (1, False, None)]

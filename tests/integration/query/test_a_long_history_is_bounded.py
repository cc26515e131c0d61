"""What an item that is tried without end costs whoever looks at it: a page of its history is as many keys wherever it is, once an event of it
has come since there is an index for it; until then all of it is sorted, or given up in words.
"""

from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local.servers import Servers
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.core.fold import Delivery
from services.ingest.handlers.writing import for_ever, write
from services.query.adapters.log.mongo_log_reader import MongoLogReader
from services.query.core.cursor import Position
from services.query.core.permissions import Caller
from services.query.core.streak import LONGEST, ErrorStreak
from services.query.handlers import reading
from services.query.handlers.comparing import compare_with_last_success
from services.query.handlers.reading import find_streak, get_entry
from shared.contracts.entries import LONG_HISTORY, LogEntry, attempt_document
from shared.contracts.errors import TooBroad
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.support.builders import make_event
from tests.support.explained import Explained, Listener, explained
from tests.support.long_histories import long_from
from tests.support.seed import seed_entry

CALLER = Caller("loja", "key", "", frozenset({"read"}))
TRIED = 1_500
WORKED = 60
"""The number of the event that succeeded, one of the oldest; no other did."""

ITEM = ("order", "MLC", "2000004567")
IDENTITY = "loja|order|MLC|2000004567"
PAGE = 50
LOOKED_UP = 2
"""Keys beside those of a page: of the entry, and of the attempt that its cursor names."""


def reader(_: Listener, database: Database) -> MongoLogReader:
    """Return a reader of the log."""
    return MongoLogReader(database, time_limit_ms=5000, now=now)


def happened(number: int) -> IntegrationEvent:
    """Return an event of the item; many have one instant, some of them one sequence as well."""
    return make_event(
        id=f"e{number:05d}",
        processed_at=f"2026-11-{number % 20 + 1:02}T09:{number % 60:02}:00Z",
        sequence=number % 7,
        status="success" if number == WORKED else "error",
    )


@pytest.fixture
def tried() -> list[IntegrationEvent]:
    """The events from the oldest to the newest."""
    return sorted(map(happened, range(TRIED)), key=lambda event: event.version)


@pytest.fixture
async def log(
    servers: Servers, database: Database, database_name: str, tried: list[IntegrationEvent]
) -> AsyncIterator[Explained[MongoLogReader]]:
    """What ingest writes of them."""
    told = [Delivery(event, Address("integration.events.order", 0, n)) for n, event in enumerate(tried)]
    for batch in (told[: LONG_HISTORY // 2], told[LONG_HISTORY // 2 : LONG_HISTORY + 1], told[LONG_HISTORY + 1 :]):
        await write(MongoLogStore(database), batch, for_ever())
    async with explained(servers.mongo.uri, database_name, reader) as found:
        yield found


@pytest.fixture
async def old(
    servers: Servers, database: Database, database_name: str, tried: list[IntegrationEvent]
) -> AsyncIterator[Explained[MongoLogReader]]:
    """What stands there of before there was an order."""
    await seed_entry(database, *tried)
    async with explained(servers.mongo.uri, database_name, reader) as found:
        yield found


async def entry_of(log: Explained[MongoLogReader]) -> LogEntry:
    """Return the item's entry; what is asked from here on is told."""
    entry = await get_entry(log.reader, CALLER, *ITEM)
    log.forget()
    return entry


@pytest.mark.parametrize("ascending", [False, True])
async def test_a_page_looks_at_its_own_keys_wherever_it_is(
    log: Explained[MongoLogReader],
    tried: list[IntegrationEvent],
    ascending: bool,  # noqa: FBT001
) -> None:
    walk = tried if ascending else tried[::-1]
    for read in (0, 1, PAGE, TRIED // 2, TRIED - PAGE - 1, TRIED - 2, TRIED - 1, TRIED):
        log.forget()
        after = Position(now(), walk[read - 1].attempt_id) if read else None

        found = await log.reader.list_attempts(IDENTITY, after=after, limit=PAGE, ascending=ascending)

        assert [attempt.event_id for attempt in found] == [event.id for event in walk[read : read + PAGE]]
        told = log.told()
        assert told.keys <= PAGE + LOOKED_UP
        assert told.documents <= PAGE + LOOKED_UP
        assert told.indexes <= {"by_order", "_id_"}
        assert not told.stages & {"SORT", "COLLSCAN"}


async def test_a_state_that_is_about_to_give_way_is_told_once_and_costs_one_key_more(
    log: Explained[MongoLogReader], database: Database, tried: list[IntegrationEvent]
) -> None:
    newest = Delivery(tried[-1], Address("integration.events.order", 0, TRIED))
    document = attempt_document(newest.event, newest.address)
    await database.attempts.insert_one({**document, "entry": IDENTITY})

    found = await log.reader.list_attempts(IDENTITY, after=None, limit=PAGE)

    assert [attempt.event_id for attempt in found] == [event.id for event in tried[::-1][:PAGE]]
    assert log.told("find").keys <= PAGE + LOOKED_UP


async def test_its_streak_is_told_of_the_newest_alone_and_never_counted(
    log: Explained[MongoLogReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_SORTED", 100)
    entry = await entry_of(log)

    streak = await find_streak(log.reader, CALLER, entry)

    assert (streak.count, streak.is_whole) == (LONGEST, True)
    assert log.asked() == ["find", "find"]
    assert log.told().keys <= LONGEST + LOOKED_UP
    assert "SORT" not in log.told().stages


async def test_its_last_success_is_found_by_its_instant(log: Explained[MongoLogReader]) -> None:
    found = await compare_with_last_success(log.reader, CALLER, *ITEM)

    assert (found.basis, found.success and found.success.event_id) == ("attempt", happened(WORKED).id)
    alike = [n for n in range(TRIED) if happened(n).order_at == happened(WORKED).order_at]
    assert log.told().keys <= len(alike) + LOOKED_UP + 1
    assert "SORT" not in log.told().stages


async def test_one_that_never_worked_asks_nothing(log: Explained[MongoLogReader], database: Database) -> None:
    await database.log_entries.update_one({"_id": IDENTITY}, {"$unset": {"last_success_at": 1}})
    entry = await entry_of(log)

    assert await log.reader.find_last_success(entry) is None
    assert log.asked() == []


async def test_of_too_many_attempts_of_before_the_keys_alone_are_counted_and_no_order_is_asked_for(
    old: Explained[MongoLogReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_SORTED", 100)
    entry = await entry_of(old)

    assert await find_streak(old.reader, CALLER, entry) == ErrorStreak(1, None, is_whole=False)
    assert old.asked() == ["find", "count"]
    assert old.told("count").keys <= 100 + 2
    assert old.told("count").documents == 0


async def test_as_many_of_before_as_may_be_sorted_are_looked_through(
    old: Explained[MongoLogReader], tried: list[IntegrationEvent]
) -> None:
    streak = await find_streak(old.reader, CALLER, await entry_of(old))
    found = await old.reader.list_attempts(IDENTITY, after=None, limit=PAGE)

    assert (streak.count, streak.is_whole) == (LONGEST, True)
    assert [attempt.event_id for attempt in found] == [event.id for event in tried[::-1][:PAGE]]


async def test_a_history_of_before_that_takes_too_long_is_given_up_in_words(
    old: Explained[MongoLogReader], database: Database
) -> None:
    entry = await entry_of(old)
    hurried = MongoLogReader(database, time_limit_ms=1, now=now)

    # Else whether it is in order would be asked first, and might take too long itself.
    with long_from(TRIED + 1), pytest.raises(TooBroad, match="tried so often"):
        await hurried.find_last_success(entry)


async def test_an_entry_says_that_its_streak_is_of_the_newest_attempt_alone(
    api: httpx.AsyncClient, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed_entry(database, *(make_event(account=account, processed_at=f"2026-11-23T0{n}:00:00Z") for n in range(4)))
    whole = (await api.get("/v1/logs/order/MLC/2000004567")).json()
    monkeypatch.setattr(reading, "MOST_SORTED", 2)
    cut = (await api.get("/v1/logs/order/MLC/2000004567")).json()

    told = [(one["error_streak"], one["error_streak_complete"], one["failing_since"]) for one in (whole, cut)]
    assert told == [(4, True, "2026-11-23T00:00:00.000Z"), (1, False, None)]

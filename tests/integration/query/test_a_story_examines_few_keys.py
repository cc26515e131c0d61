"""What a story costs MongoDB: a key for each entry, and one for each attempt of those that tell theirs, however much else there is."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from services.query.adapters.log.mongo_stories import MongoStories
from services.query.core.permissions import Caller
from services.query.handlers import telling
from services.query.handlers.telling import MOST_ENTRIES, tell_story
from shared.contracts.entries import attempt_document
from shared.contracts.errors import NotFound, TooBroad
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from shared.contracts.records import Address
from shared.mongo.client import Database
from tests.support.builders import make_event
from tests.support.explained import Explained, Listener, explained
from tests.support.seed import entry_document

CALLER = Caller("loja", "key", "", frozenset({"read"}))
TRIED = 40
"""Attempts of each entry of the SKU."""

ENTRIES = 6
BUSY = 3_000
"""Attempts that one of another SKU has."""


def stories(_: Listener, database: Database) -> MongoStories:
    """Return a reader of stories."""
    return MongoStories(database, time_limit_ms=5000)


@pytest.fixture
async def log(servers: Servers, database: Database, database_name: str) -> AsyncIterator[Explained[MongoStories]]:
    address = Address("integration.events.stock", 0, 0)
    histories = [
        [
            make_event(kind=kind, affiliate=affiliate, code="31042", processed_at=f"2026-11-23T09:{n:02}:00Z")
            for n in range(TRIED)
        ]
        for kind in ("product", "price", "stock")
        for affiliate in ("MLC", "SHP")
    ]
    busy = [
        make_event(kind="stock", code="310421", processed_at=f"2026-11-{n % 20 + 1:02}T09:00:00Z") for n in range(BUSY)
    ]
    others = [
        entry_document([make_event(kind="stock", code=f"x{n}", aliases={"category": "shoes"})]) for n in range(2_000)
    ]
    documents = [entry_document(history) for history in (*histories, busy)]
    await database[LOG_ENTRIES].insert_many([*documents, *others])
    await database[ATTEMPTS].insert_many(
        [attempt_document(event, address) for history in (*histories, busy) for event in sorted(history, key=lambda event: event.version)[:-1]]
    )  # fmt: skip
    async with explained(servers.mongo.uri, database_name, stories) as found:
        yield found


async def test_a_page_looks_at_the_attempts_of_its_entries_and_at_no_others(log: Explained[MongoStories]) -> None:
    cursor = None
    for _ in range(3):
        log.forget()
        story = await tell_story(log.reader, CALLER, "31042", cursor=cursor, limit=20)
        cursor = story.line.next_cursor

        assert len(story.line.items) == 20
        found, told = log.told("find"), log.told("aggregate")
        assert found.indexes <= {"by_ids", "_id_"}
        assert found.keys <= ENTRIES + 1  # one more where the cursor's own attempt is looked up
        assert told.indexes == {"_id_"}
        assert told.keys <= ENTRIES * TRIED + told.scans + ENTRIES
        assert told.documents <= ENTRIES * TRIED
        assert "COLLSCAN" not in found.stages | told.stages


async def test_of_an_id_that_thousands_have_few_are_looked_at(log: Explained[MongoStories]) -> None:
    story = await tell_story(log.reader, CALLER, "shoes", limit=20)

    assert (len(story.entries), story.is_complete) == (MOST_ENTRIES, False)
    assert log.told().keys <= MOST_ENTRIES + 1
    assert log.told().indexes == {"by_ids"}


async def test_an_id_that_nothing_has_ends_in_five_looks(log: Explained[MongoStories]) -> None:
    with pytest.raises(NotFound):
        await tell_story(log.reader, CALLER, "3104")

    assert log.told().keys <= 5


async def test_a_story_that_takes_too_long_is_given_up_with_advice(
    log: Explained[MongoStories], database: Database
) -> None:
    busy = await log.reader.list_by_id("loja", "stock", "310421", limit=1)
    hurried = MongoStories(database, time_limit_ms=1)

    with pytest.raises(TooBroad, match="narrow it by `kind`"):
        await hurried.list_older(busy, after=None, limit=500)


async def test_a_history_that_is_too_long_is_not_read(
    log: Explained[MongoStories], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_OLDER", 100)

    story = await tell_story(log.reader, CALLER, "310421", limit=500)

    assert (len(story.line.items), story.whole) == (1, frozenset())
    assert set(log.asked()) == {"find", "count"}
    assert log.told("count").keys <= 100 + 2
    assert log.told("count").documents == 0

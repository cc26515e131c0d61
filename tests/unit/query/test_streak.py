from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from services.ingest.handlers.ingesting import Ingest
from services.query.core.permissions import Caller
from services.query.core.streak import ErrorStreak, streak_of
from services.query.handlers import reading
from services.query.handlers.reading import find_streak
from shared.contracts.entries import attempt_document
from shared.contracts.records import Address
from tests.support.builders import make_event
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore
from tests.support.fakes.query import FakeLog
from tests.support.ingest_shop import batches, deliveries, published
from tests.support.seed import entry_document

READER = Caller(account="loja", key_id="k", name="k", scopes=frozenset({"read"}))
LATEST = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("newest_first", "count"),
    [
        ("", 0),
        ("e", 1),
        ("eee", 3),
        ("eese", 2),
        ("eewe", 2),
        ("pepes", 2),
        ("see", 0),
        ("wee", 0),
        ("pp", 0),
    ],
)
def test_a_streak_is_the_errors_since_it_last_worked(newest_first: str, count: int) -> None:
    names = {"e": "error", "s": "success", "w": "warning", "p": "processing"}
    history = [(names[letter], LATEST - timedelta(hours=n)) for n, letter in enumerate(newest_first)]

    streak = streak_of(history)

    errors = [at for status, at in history if status == "error"]
    assert streak == ErrorStreak(count, errors[count - 1] if count else None)


async def test_of_a_history_that_is_too_long_the_streak_tells_of_the_newest_attempt_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MOST_SORTED", 2)
    for status, count in (("error", 1), ("processing", 0)):
        told = [make_event(processed_at=f"2026-11-23T0{n}:00:00Z", status="error") for n in range(3)]
        told.append(make_event(processed_at="2026-11-23T09:00:00Z", status=status))
        past = [attempt_document(event, Address("integration.events.order", 0, 0)) for event in told[:-1]]
        log = FakeLog([entry_document(told)], past)
        entry = await log.find_entry(told[0].entry_id)
        assert entry is not None
        assert await find_streak(log, READER, entry) == ErrorStreak(count, None, is_whole=False)


async def streaks(store: MemoryLogStore) -> dict[str, Any]:
    log = FakeLog(store.entries.values(), store.attempts.values())
    return {
        identity: await find_streak(log, READER, entry)
        for identity in store.entries
        if (entry := await log.find_entry(identity))
    }


@settings(max_examples=60)
@given(deliveries())
async def test_a_streak_is_the_same_whatever_order_and_however_often_events_come(shop: Any) -> None:
    values, records, sizes = shop
    in_order, mixed = MemoryLogStore(), MemoryLogStore()
    for record in published(values):
        await Ingest(in_order, MemoryDeadLetters()).handle([record])

    for batch in batches(records, sizes):
        await Ingest(mixed, MemoryDeadLetters()).handle(batch)

    assert await streaks(mixed) == await streaks(in_order)

import asyncio
import json
import logging
import time
from typing import Any

import pytest

from services.ingest.entrypoints import events
from services.ingest.entrypoints.events import EventsEntryPoint
from services.ingest.handlers.ingesting import Ingest
from shared.contracts.records import BatchOutcome, Record
from tests.support.builders import make_cloudevent, make_record
from tests.support.eventually import eventually_async
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore, crash_at


class SlowStart(MemoryLogStore):
    """The first look takes until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.looks = 0

    async def find_entries(self, entry_ids: Any) -> Any:
        self.looks += 1
        await self.go.wait()
        return await super().find_entries(entry_ids)


def record(number: int) -> Record:
    return make_record(json.dumps(make_cloudevent(id=str(number))).encode(), offset=number)


async def test_a_batch_looks_only_when_the_one_before_is_written() -> None:
    log = SlowStart()
    entry_point = EventsEntryPoint(Ingest(log, MemoryDeadLetters()), seconds=lambda: 0.0)
    first = asyncio.ensure_future(entry_point.on_batch([record(0)]))
    second = asyncio.ensure_future(entry_point.on_batch([record(1)]))

    await asyncio.wait({second}, timeout=0.05)
    assert (log.looks, log.entries) == (1, {})
    log.go.set()
    await asyncio.gather(first, second)

    (entry,) = log.entries.values()
    assert (entry["attempts"], entry["applied"]) == (2, {"0": 1})


async def test_a_batch_is_repeated_until_the_store_is_back_and_the_next_waits() -> None:
    log = MemoryLogStore(before=crash_at(1))
    entry_point = EventsEntryPoint(Ingest(log, MemoryDeadLetters()), seconds=lambda: 0.0)

    outcomes = await asyncio.gather(entry_point.on_batch([record(0)]), entry_point.on_batch([record(1)]))

    (entry,) = log.entries.values()
    assert entry["attempts"] == 2
    assert [outcome.attempts for outcome in outcomes] == [1, 1]


async def test_batches_are_counted_when_they_are_committed() -> None:
    from shared.runtime.metrics import INGEST_RECORDS

    entry_point = EventsEntryPoint(Ingest(MemoryLogStore(), MemoryDeadLetters()), seconds=lambda: 0.0)
    before = INGEST_RECORDS._value.get()

    outcome = await entry_point.on_batch([record(0), record(1)])
    entry_point.observe(outcome, 0.1)

    assert INGEST_RECORDS._value.get() == before + 2


async def test_the_last_batches_of_a_burst_are_told_though_none_follows(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SUMMARY_EVERY_SECONDS", 0.05)
    caplog.set_level(logging.INFO, events.__name__)
    entry_point = EventsEntryPoint(Ingest(MemoryLogStore(), MemoryDeadLetters()), seconds=time.monotonic)

    for _ in range(3):
        entry_point.observe(BatchOutcome(records=2), 0.1)

    async def told() -> list[tuple[int, int]]:
        facts = [getattr(line, "facts", {}) for line in caplog.records]
        return [(one["batches"], one["records"]) for one in facts]

    assert await eventually_async(told, lambda lines: len(lines) == 2) == [(1, 2), (2, 4)]

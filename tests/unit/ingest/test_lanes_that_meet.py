"""Several lanes at the same entry, each with records of partitions of its own, some of them twins: one event counts once."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.handlers.ingesting import Ingest
from shared.contracts.records import Record
from tests.support.builders import make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore
from tests.support.invariants import strays_of
from tests.support.long_histories import long_from

LANES = 3
STAMPS = ["2026-11-23T10:11:12.1Z", "2026-11-23T10:11:13Z", "2026-11-22T10:11:12Z"]
CALLS = {"find_entries", "find_attempts", "store_attempts", "put_in_order", "write_entries", "mark_answered"}

tellings = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(STAMPS), st.integers(0, LANES - 1)), min_size=1, max_size=9
)


class Interrupted:
    """A store whose every call is preceded by `before`, which gets the number of the call."""

    def __init__(self, log: MemoryLogStore, before: Callable[[int], Awaitable[None]]) -> None:
        self._log = log
        self._before = before
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._log, name)
        if name not in CALLS:
            return call

        async def late(*arguments: Any) -> Any:
            self._calls += 1
            await self._before(self._calls - 1)
            return await call(*arguments)

        return late


def record(number: int, *, lane: int, offset: int, at: str = STAMPS[0]) -> Record:
    value = json.dumps(make_cloudevent(id=f"e{number}", processed_at=at)).encode()
    return make_record(value, partition=lane, offset=offset)


async def take(log: Any, *records: Record) -> None:
    await Ingest(log, MemoryDeadLetters()).handle(records)


async def test_an_event_that_one_lane_counts_is_not_counted_again_by_the_lane_that_had_stored_it() -> None:
    log = MemoryLogStore()
    others: Mapping[int, Callable[[], Awaitable[None]]] = {
        # The first lane has stored e0 as history when another makes the entry, with e0 as its state …
        3: lambda: take(log, record(0, lane=1, offset=0)),
        # … and has seen that, when a third puts e1 in its place.
        7: lambda: take(log, record(0, lane=2, offset=0), record(1, lane=2, offset=1)),
    }

    async def meanwhile(call: int) -> None:
        if call in others:
            await others[call]()

    await take(Interrupted(log, meanwhile), record(0, lane=0, offset=0), record(1, lane=0, offset=1))

    (entry,) = log.entries.values()
    assert (entry["attempts"], entry["state"]["version"][3]) == (2, "e1")


@settings(max_examples=200)
@given(tellings, st.lists(st.integers(0, 4), min_size=80, max_size=80), st.integers(1, 4))
async def test_lanes_side_by_side_count_each_event_once_and_all_of_it_again_changes_nothing(
    told: list[tuple[int, str, int]], waits: list[int], size: int
) -> None:
    log, patience = MemoryLogStore(), iter(waits)

    async def wait(_: int) -> None:
        for _ in range(next(patience, 0)):
            await asyncio.sleep(0)

    async def one_lane(lane: int, first_offset: int) -> None:
        mine = [(number, at) for number, at, where in told if where == lane]
        records = [record(n, lane=lane, offset=first_offset + i, at=at) for i, (n, at) in enumerate(mine)]
        ingest = Ingest(Interrupted(log, wait), MemoryDeadLetters())  # type: ignore[arg-type]
        for start in range(0, len(records), size):
            await ingest.handle(records[start : start + size])

    with long_from(3):
        await asyncio.gather(*(one_lane(lane, 0) for lane in range(LANES)))
        (entry,) = log.entries.values()
        assert entry["attempts"] == len({number for number, _, _ in told})
        assert strays_of(log.attempts.values(), log.entries.values()) == []

        before = deepcopy((log.entries, log.attempts))
        await asyncio.gather(*(one_lane(lane, 100) for lane in range(LANES)))
        assert (log.entries, log.attempts) == before

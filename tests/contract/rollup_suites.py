"""What every RollupBook and every EntryLog promises. Subclass with the fixtures that each suite names."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.core.rollup import Change, Counted, Facts, Increments, deltas_of
from services.ingest.handlers.ingesting import Ingest
from services.ingest.handlers.ports import LogStore
from services.ingest.handlers.rolling_up import LEASE, Changes, EntryLog, Lease, Place, RollupBook
from shared.contracts.errors import LeaseLost
from shared.contracts.rollups import Row
from tests.support.builders import make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROW = Row("loja", "kc", "", "2026-11", "order", "error", ("A", None))
Rows = Callable[[], Awaitable[Sequence[dict[str, Any]]]]
"""Returns the rows of the generation that counts, as documents."""

Remove = Callable[[str], Awaitable[None]]
"""Deletes an entry as housekeeping does."""


def adding(count: int) -> Increments:
    return {ROW: {"n": count, "d.23": count, "h.23.10": count}}


async def everything(changes: Changes) -> list[Change]:
    """Return all that has happened so far."""
    found: list[Change] = []
    while True:
        told = await changes.next(100)
        found += told.changes
        if told.is_all:
            return found


class RollupBookSuite:
    """Fixtures `book`, `rows`, `places` (two of them, in order)."""

    async def held(self, book: RollupBook, holder: str = "me", now: datetime = NOW) -> Lease:
        lease = await book.take(holder, now=now)
        assert lease is not None
        return lease

    async def built(self, book: RollupBook, place: Place) -> Lease:
        lease = await self.held(book)
        generation = await book.open_generation(lease, now=NOW)
        await book.add(generation, adding(2))
        return await book.switch(lease, generation, place, now=NOW)

    async def test_one_worker_has_the_lease_until_its_time_is_over(self, book: RollupBook) -> None:
        first = await self.held(book)
        assert first.must_build
        assert await book.take("other", now=NOW + LEASE - timedelta(seconds=1)) is None
        kept = await book.keep(first, now=NOW + timedelta(seconds=5))
        assert await book.take("other", now=NOW + LEASE) is None

        other = await self.held(book, "other", NOW + LEASE + timedelta(seconds=5))

        assert other.epoch > kept.epoch == first.epoch
        with pytest.raises(LeaseLost):
            await book.keep(first, now=NOW)

    async def test_a_lease_that_is_given_back_is_free(self, book: RollupBook) -> None:
        await book.give_back(await self.held(book), now=NOW)

        assert await book.take("other", now=NOW)

    async def test_increments_and_place_are_stored_together(
        self, book: RollupBook, rows: Rows, places: Sequence[Place]
    ) -> None:
        lease = await self.built(book, places[0])
        assert (lease.must_build, lease.place) == (False, places[0])

        lease = await book.apply(lease, {**adding(-1), ROW._replace(codes=()): {"n": 1}}, places[1], now=NOW)

        found = {tuple(row["codes"]): row for row in await rows()}
        assert (lease.place, await book.counted_up_to()) == (places[1], places[1].at)
        assert found[()]["n"] == 1
        assert {name: found["A", None][name] for name in ("account", "kind", "status", "month", "affiliate", "n")} == {
            "account": "loja",
            "kind": "order",
            "status": "error",
            "month": "2026-11",
            "affiliate": "",
            "n": 1,
        }
        assert (found["A", None]["d"], found["A", None]["h"]) == ({"23": 1}, {"23": {"10": 1}})

    async def test_whoever_lost_the_lease_stores_nothing(
        self, book: RollupBook, rows: Rows, places: Sequence[Place]
    ) -> None:
        zombie = await self.built(book, places[0])
        await self.held(book, "other", NOW + LEASE)
        before = await rows()

        for call in (
            book.apply(zombie, adding(1), places[1], now=NOW),
            book.switch(zombie, 9, places[1], now=NOW),
            book.open_generation(zombie, now=NOW),
            book.keep(zombie, now=NOW, place=places[1]),
            book.ask_anew(zombie),
        ):
            with pytest.raises(LeaseLost):
                await call

        assert await rows() == before
        assert await book.counted_up_to() == places[0].at

    async def test_a_new_generation_counts_only_when_it_is_whole_and_the_old_one_is_swept(
        self, book: RollupBook, rows: Rows, places: Sequence[Place]
    ) -> None:
        lease = await self.built(book, places[0])
        await book.ask_anew(lease)
        lease = await self.held(book)
        assert lease.must_build

        generation = await book.open_generation(lease, now=NOW)
        await book.add(generation, adding(7))
        assert [row["n"] for row in await rows()] == [2]
        lease = await book.switch(lease, generation, places[1], now=NOW)

        assert not lease.must_build
        assert [row["n"] for row in await rows()] == [7]
        assert [await book.sweep(lease, at_most=1) for _ in range(2)] == [1, 0]
        assert [row["n"] for row in await rows()] == [7]


class EntryLogSuite:
    """Fixtures `log`, `store` (that writes it), `remove`."""

    async def tell(self, store: LogStore, *happened: dict[str, Any], offset: int) -> None:
        values = [json.dumps(make_cloudevent(**facts)).encode() for facts in happened]
        records = [make_record(value, offset=offset + number) for number, value in enumerate(values)]
        await Ingest(store, MemoryDeadLetters()).handle(records)

    async def test_changes_say_what_an_entry_was_and_is(self, log: EntryLog, store: LogStore, remove: Remove) -> None:
        start = await log.here()
        at = "2026-11-23T1{}:11:12Z".format
        a, b = {"code": "A", "message": "a"}, {"code": "B", "message": "b"}
        await self.tell(store, {"id": "1", "processed_at": at(0), "causes": [b, a, b]}, offset=0)
        await self.tell(store, {"id": "2", "processed_at": at(1), "status": "success", "causes": []}, offset=1)
        await self.tell(store, {"id": "0", "processed_at": at(0)}, offset=2)
        await remove("loja|order|MLC|2000004567")

        async with log.follow(start) as changes:
            told = await everything(changes)

        first = Facts("error", datetime(2026, 11, 23, 10, tzinfo=UTC), ("A", "B"))
        second = Facts("success", datetime(2026, 11, 23, 11, tzinfo=UTC), ())
        identity = "loja|order|MLC|2000004567"
        assert told == [
            Change(identity, None, first),
            Change(identity, first, second),
            Change(identity, second, None),
            Change(identity, None, None),
        ]

    async def test_states_that_count_alike_are_told_apart(self, log: EntryLog, store: LogStore) -> None:
        start = await log.here()
        for number in range(4):
            await self.tell(store, {"id": str(number), "sequence": number}, offset=number)

        async with log.follow(start) as changes:
            told = await everything(changes)

        assert [(change.before is None, change.after is None) for change in told] == [
            (True, False),
            *[(False, False)] * 3,
        ]

    async def test_a_deletion_is_never_torn_from_what_announces_it(
        self, log: EntryLog, store: LogStore, remove: Remove
    ) -> None:
        await self.tell(store, {"id": "1"}, offset=0)
        start = await log.here()
        await remove("loja|order|MLC|2000004567")
        await self.tell(store, {"id": "2", "code": "other"}, offset=1)

        async with log.follow(start) as changes:
            first, second = await changes.next(1), await changes.next(1)

        assert [len(first.changes), len(second.changes)] == [2, 1]
        assert first.place.at <= second.place.at

    async def test_what_is_counted_of_a_place_is_what_stood_there(
        self, log: EntryLog, store: LogStore, remove: Remove
    ) -> None:
        await self.tell(store, {"id": "1"}, {"id": "2", "code": "other"}, offset=0)
        place = await log.here()
        await self.tell(store, {"id": "3", "status": "success", "causes": [], "sequence": 9}, offset=2)
        await remove("loja|order|MLC|other")

        then = await self.counted(log, place)
        now = await self.counted(log, await log.here())

        assert sum(then.values()) == 2
        assert {one.facts.status for one in then} == {"error"}
        assert {one.facts.status: count for one, count in now.items()} == {"success": 1}
        async with log.follow(place) as changes:
            since = deltas_of(await everything(changes))
        together = {one: then.get(one, 0) + since.get(one, 0) for one in then | since}
        assert {one: count for one, count in together.items() if count} == now

    async def counted(self, log: EntryLog, place: Place) -> dict[Counted, int]:
        total: dict[Counted, int] = {}
        async for deltas in log.count(place):
            for one, by in deltas.items():
                total[one] = total.get(one, 0) + by
        return total

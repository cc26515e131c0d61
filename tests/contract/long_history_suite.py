"""What every LogStore and the story above it promise of long histories: an entry says that its attempts are in order when all are that it
counts, whoever crashes, comes late or knows nothing of it. Three attempts are a long history here. Subclass it like LogStoreSuite.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from services.ingest.core.fold import Delivery, PastDelivery
from services.ingest.core.plan import Change, Unordered, by_entry, plan
from services.ingest.handlers.ports import LogStore
from services.ingest.handlers.writing import for_ever
from shared.contracts.errors import StoreUnavailable
from shared.contracts.events import IntegrationEvent
from tests.contract.log_store_suite import BROKEN, Documents, attempt, attempt_of, delivered, planned, write
from tests.support.builders import make_event
from tests.support.invariants import strays_of
from tests.support.long_histories import long_from

LONG = 3
MANY = 6


def happened(number: int, **changes: Any) -> IntegrationEvent:
    """Return the event of that number, which is newer than those of lower ones."""
    return make_event(id=f"e{number}", processed_at=f"2026-11-23T10:00:0{number}Z", **changes)


def told(*numbers: int, partition: int = 0) -> list[Delivery]:
    """Return the deliveries of these events, each at the offset of its number."""
    return [delivered(happened(number), number, partition) for number in numbers]


def identity() -> str:
    return happened(0).entry_id


class Stopped:
    """A store whose worker dies when it is about to call the method `before`."""

    def __init__(self, store: LogStore, before: str) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, name: str) -> Any:
        if name == self._before:
            raise StoreUnavailable(f"died before {name}")
        return getattr(self._store, name)


async def die_before(store: LogStore, name: str, *deliveries: Delivery) -> None:
    stopped: Any = Stopped(store, name)
    with pytest.raises(StoreUnavailable):
        await write(stopped, *deliveries)


class Ignorant(Change):
    """A change by a writer of before there were long histories."""

    def fields(self) -> dict[str, Any]:
        return {path: value for path, value in super().fields().items() if path != "in_order"}


async def write_as_before(store: LogStore, *deliveries: Delivery) -> None:
    """Write them one by one as a writer of before does."""
    for delivery in deliveries:
        with long_from(10**6):
            (change,) = await planned(store, delivery)
        await store.store_attempts(change.older)
        written = await store.write_entries([Ignorant(change.entry_id, change.deliveries, change.older, change.held)])
        assert not written.conflicts


class LongHistorySuite:
    @pytest.fixture(autouse=True)
    def _a_few_attempts_are_a_long_history(self) -> Iterator[None]:
        with long_from(LONG):
            yield

    async def in_order(self, documents: Documents, attempts: int) -> list[str]:
        """Return the ids of all events before the state, once the entry counts so many and all of them are in order."""
        found, held = await documents("attempts"), await documents("log_entries")
        assert strays_of(found.values(), held.values()) == []
        (entry,) = held.values()
        assert (entry["attempts"], entry["in_order"]) == (attempts, attempts)
        assert all(list(one)[-1] == "entry" for one in found.values())
        return sorted(one["version"][3] for one in found.values())

    async def test_what_was_attempted_less_often_says_nothing(self, store: LogStore, documents: Documents) -> None:
        await write(store, *told(0))
        await write(store, *told(1))

        (entry,) = (await documents("log_entries")).values()
        (older,) = (await documents("attempts")).values()
        assert "in_order" not in entry
        assert "entry" not in older

    @pytest.mark.parametrize(
        "batches",
        [
            [[0], [1], [2], [3]],
            [[3], [2], [1], [0]],
            [[0, 1, 2, 3]],
            [[1], [0, 2, 3]],
            [[0, 1], [2], [3]],
            [[2], [1, 0], [3]],
        ],
    )
    async def test_however_it_comes_to_be_long_all_of_it_is_in_order(
        self, store: LogStore, documents: Documents, batches: list[list[int]]
    ) -> None:
        for batch in batches:
            await write(store, *told(*batch))

        assert await self.in_order(documents, 4) == ["e0", "e1", "e2"]

    @pytest.mark.parametrize("batches", [[[1], [2], [3]], [[1, 2, 3]]])
    async def test_attempts_of_an_entry_that_was_removed_are_taken_along_by_the_one_that_begins_anew(
        self, store: LogStore, documents: Documents, batches: list[list[int]]
    ) -> None:
        await store.store_attempts([attempt_of(happened(0))])

        for batch in batches:
            await write(store, *told(*batch))

        assert await self.in_order(documents, 3) == ["e0", "e1", "e2"]

    async def test_what_comes_to_a_history_in_order_is_stored_in_order(
        self, store: LogStore, documents: Documents
    ) -> None:
        await write(store, *told(0, 1, 3))
        stopped: Any = Stopped(store, "put_in_order")

        await write(stopped, *told(4))
        await write(stopped, *told(2))
        await write(stopped, *told(2, 4))

        assert await self.in_order(documents, 5) == ["e0", "e1", "e2", "e3"]

    async def test_other_items_are_left_alone(self, store: LogStore, documents: Documents) -> None:
        near = [happened(n, code=f"2000004567{end}") for n, end in enumerate(["", " ", "0", "!"])]
        await store.store_attempts([attempt(event, n) for n, event in enumerate(near)])

        await store.put_in_order([Unordered(near[0].entry_id), Unordered("loja|order|MLC|absent")])

        named = {key: one.get("entry") for key, one in (await documents("attempts")).items()}
        assert named == {event.attempt_id: event.entry_id if event is near[0] else None for event in near}

    async def test_those_named_are_put_in_order_and_a_second_time_changes_nothing(
        self, store: LogStore, documents: Documents
    ) -> None:
        await store.store_attempts([attempt(happened(n), n) for n in range(3)])
        ids = [happened(0).attempt_id, happened(2).attempt_id, "absent"]

        await store.put_in_order([Unordered(identity(), ids)])
        once = await documents("attempts")
        await store.put_in_order([Unordered(identity(), ids)])

        assert {one["version"][3]: one.get("entry") for one in once.values()} == {
            "e0": identity(),
            "e1": None,
            "e2": identity(),
        }
        assert await documents("attempts") == once

    @pytest.mark.parametrize("name", ["store_attempts", "put_in_order", "write_entries"])
    @pytest.mark.parametrize("number", [1, 3])
    @pytest.mark.parametrize("again", [[], [4], [4, 5]])
    async def test_a_crash_on_the_way_to_a_long_history_leaves_none_out(
        self, store: LogStore, documents: Documents, name: str, number: int, again: list[int]
    ) -> None:
        await write(store, *told(0))
        await write(store, *told(2))

        await die_before(store, name, *told(number, partition=1))
        await write(store, *told(number, *again, partition=1))

        await self.in_order(documents, 3 + len(again))

    @pytest.mark.parametrize("number", [1, 3, 5])
    async def test_what_a_late_worker_stores_of_a_shorter_history_is_put_in_order_when_it_counts(
        self, store: LogStore, documents: Documents, number: int
    ) -> None:
        await write(store, *told(2))
        late = await planned(store, *told(number, partition=1))
        await write(store, *told(0, 4))
        await self.in_order(documents, 3)

        await store.store_attempts([one for change in late for one in change.older])
        assert (await store.write_entries(late)).conflicts == {identity()}
        await write(store, *told(number, partition=1))

        await self.in_order(documents, 4)

    @pytest.mark.parametrize("batch", [[5], [3, 5], [1, 5]])
    async def test_a_state_that_a_late_worker_took_for_history_is_put_in_order_when_it_gives_way(
        self, store: LogStore, documents: Documents, batch: list[int]
    ) -> None:
        await write(store, *told(3))
        late = await planned(store, *told(4))
        await write(store, *told(0, 2))
        await store.store_attempts([one for change in late for one in change.older])
        assert "entry" not in (await documents("attempts"))[happened(3).attempt_id]

        await write(store, *told(*batch))

        assert "e3" in await self.in_order(documents, 3 + len(set(batch) - {3}))

    async def test_two_who_cross_at_once_leave_none_out(self, store: LogStore, documents: Documents) -> None:
        await write(store, *told(2))
        await write(store, *told(3))

        class Between:
            """Another worker crosses between our look and our writing."""

            def __init__(self) -> None:
                self._is_first = True

            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

            async def write_entries(self, changes: Any) -> Any:
                if self._is_first:
                    self._is_first = False
                    await write(store, *told(1, 4))
                return await store.write_entries(changes)

        between: Any = Between()
        await write(between, *told(0, 5, partition=1))

        assert await self.in_order(documents, MANY) == ["e0", "e1", "e2", "e3", "e4"]

    async def test_a_long_history_of_before_is_put_in_order_by_the_next_event(
        self, store: LogStore, documents: Documents
    ) -> None:
        await write_as_before(store, *told(0, 1, 2, 3))
        assert "in_order" not in (await documents("log_entries"))[identity()]

        await write(store, *told(4))

        assert await self.in_order(documents, 5) == ["e0", "e1", "e2", "e3"]

    async def test_a_writer_of_before_takes_the_order_back_and_the_next_event_restores_it(
        self, store: LogStore, documents: Documents
    ) -> None:
        await write(store, *told(0, 1, 3))
        await write_as_before(store, *told(2, 4))
        entry = (await documents("log_entries"))[identity()]
        assert (entry["in_order"], entry["attempts"]) == (3, 5)

        await write(store, *told(5))

        assert await self.in_order(documents, MANY) == ["e0", "e1", "e2", "e3", "e4"]

    async def test_where_one_of_several_events_cannot_be_stored_the_others_are_in_order(
        self, store: LogStore, documents: Documents
    ) -> None:
        await write(store, *told(0))
        events = [happened(n, **({"extra": BROKEN[0]} if n == 2 else {})) for n in (1, 2, 3)]

        await write(store, *(delivered(event, n) for n, event in enumerate(events, 1)))

        assert await self.in_order(documents, 3) == ["e0", "e1"]

    async def test_an_attempt_that_was_a_state_says_of_which_entry(self, store: LogStore, documents: Documents) -> None:
        event = happened(1)
        await store.store_attempts([attempt(event, 1), attempt(happened(2), 2)])

        await store.store_attempts([attempt_of(event, is_long=True), attempt_of(happened(2))])

        told_of = {
            one["version"][3]: (one.get("entry"), "address" in one) for one in (await documents("attempts")).values()
        }
        assert told_of == {"e1": (identity(), False), "e2": (None, False)}

    async def test_only_what_was_found_stored_is_asked_to_be_put_in_order_again(self, store: LogStore) -> None:
        await write(store, *told(0, 1, 3))
        (left, newer) = told(2, 5, partition=1)
        await store.store_attempts([PastDelivery(left)])
        stored = await store.find_attempts([left.event.attempt_id])
        deliveries = by_entry([left, newer])

        (change,) = plan(deliveries, (await store.find_entries(list(deliveries))).held, stored, for_ever())

        assert change.unordered == Unordered(identity(), [left.event.attempt_id])

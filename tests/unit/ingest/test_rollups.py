"""The rollups are what counting again comes to: deltas, the story over fakes, the manners."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.rollup import Change, Counted, Facts, Unaccountable, deltas_of, increments_of
from services.ingest.entrypoints import rollups
from services.ingest.entrypoints.rollups import Backlog, Manners, Rollups
from services.ingest.handlers.ingesting import Ingest
from services.ingest.handlers.rolling_up import LEASE, advance, build
from shared.contracts.errors import LeaseLost, StoreUnavailable
from shared.contracts.records import BatchOutcome
from shared.contracts.rollups import Row, sorted_codes
from tests.support.builders import make_cloudevent, make_record
from tests.support.eventually import eventually_async
from tests.support.fakes.ingest import MemoryDeadLetters
from tests.support.fakes.rollups import BEGINNING, FollowedLogStore, MemoryRollupBook
from tests.support.ingest_shop import batches, deliveries
from tests.support.rollup_check import counted, held

HOUR = datetime(2026, 11, 23, 10, tzinfo=UTC)
facts = st.builds(
    Facts,
    st.sampled_from(["success", "error"]),
    st.sampled_from([HOUR, HOUR + timedelta(hours=1), HOUR + timedelta(days=9)]),
    st.sampled_from([(), ("A",), ("A", "B"), (None, "B")]),
)
histories = st.lists(st.tuples(st.sampled_from(["a|order|X|1", "a|order|X|1|2", "a|price|Y|1"]), st.none() | facts))


def changes_of(history: list[tuple[str, Facts | None]]) -> tuple[list[Change], dict[str, Facts]]:
    """Return the changes of a history in which None is a deletion, and what stands at its end."""
    there: dict[str, Facts] = {}
    changes = []
    for identity, now in history:
        before = there.pop(identity, None)
        if now is not None:
            changes.append(Change(identity, before, now))
            there[identity] = now
        elif before is not None:
            changes += [Change(identity, before, None), Change(identity, None, None)]
    return changes, there


@given(histories, st.integers(0, 30))
def test_whatever_happened_the_deltas_add_up_to_what_stands_at_the_end(
    history: list[tuple[str, Facts | None]], cut: int
) -> None:
    changes, there = changes_of(history)
    while 0 < cut < len(changes) and changes[cut].before is changes[cut].after:
        cut += 1
    total: dict[Counted, int] = {}
    for part in (changes[:cut], changes[cut:]):
        for one, by in deltas_of(part).items():
            total[one] = total.get(one, 0) + by

    expected = deltas_of([Change(identity, None, one) for identity, one in there.items()])

    assert {one: by for one, by in total.items() if by} == expected


def test_an_entry_with_two_causes_is_one_row_and_counts_once_in_each_family() -> None:
    one = Counted("loja", "order", "MLC", Facts("error", HOUR, ("A", "B")))

    increments = increments_of({one: 2})

    assert {(row.family, row.kind, row.affiliate, row.codes) for row in increments} == {
        ("k", "order", "", ()),
        ("a", "order", "MLC", ()),
        ("oa", "", "MLC", ()),
        ("kc", "order", "", ("A", "B")),
        ("ac", "order", "MLC", ("A", "B")),
        ("oc", "", "", ("A", "B")),
    }
    assert all(added == {"n": 2, "d.23": 2, "h.23.10": 2} for added in increments.values())


def test_what_goes_and_comes_back_within_a_batch_is_not_written() -> None:
    there, away = Facts("error", HOUR, ()), Facts("processing", HOUR, ())
    changes = [Change("a|order|X|1", there, away), Change("a|order|X|1", away, there)]

    assert increments_of(deltas_of(changes)) == {}


def test_a_deletion_that_nobody_announced_cannot_be_counted() -> None:
    with pytest.raises(Unaccountable):
        deltas_of([Change("a|order|X|1", None, None)])


@given(st.lists(st.none() | st.text(max_size=5), max_size=5), st.lists(st.none() | st.text(max_size=5), max_size=5))
def test_two_sets_of_codes_never_share_a_row(one: list[str | None], other: list[str | None]) -> None:
    rows = [Row("a", "kc", "", "2026-11", "order", "error", sorted_codes(codes)) for codes in (one, other)]

    assert (rows[0].id_in(1) == rows[1].id_in(1)) == (set(one) == set(other))


def test_a_very_long_set_of_codes_has_a_short_id_and_keeps_its_codes() -> None:
    row = Row("a", "kc", "", "2026-11", "order", "error", ("x" * 5000,))

    assert len(row.id_in(1)) < 150
    assert row.document()["codes"] == ["x" * 5000]


def clock() -> datetime:
    return BEGINNING


def keeper(name: str, book: MemoryRollupBook, log: FollowedLogStore, **manners: Any) -> Rollups:
    return Rollups(name, book, log, clock=clock, manners=Manners(rest=0, **manners))


@given(deliveries())
async def test_every_order_of_events_comes_to_the_same_rollups_as_counting_again(shop: Any) -> None:
    _, records, sizes = shop
    log, book = FollowedLogStore(), MemoryRollupBook()
    ingest = Ingest(log, MemoryDeadLetters())
    cut = batches(records, sizes)
    await ingest.handle(cut[0])
    lease = await book.take("me", now=BEGINNING)
    assert lease is not None
    lease = await build(log, book, lease, clock=clock)
    for batch in cut[1:]:
        await ingest.handle(batch)
        assert lease.place is not None
        async with log.follow(lease.place) as changes:
            lease = await advance(book, lease, await changes.next(100), clock=clock)

    assert held(book.documents()) == counted(log.entries.values())


async def until(book: MemoryRollupBook, log: FollowedLogStore) -> None:
    async def look() -> bool:
        return book.place == await log.here() and held(book.documents()) == counted(log.entries.values())

    await eventually_async(look, within=5)


async def filled(records: Any) -> FollowedLogStore:
    log = FollowedLogStore()
    await Ingest(log, MemoryDeadLetters()).handle(records)
    return log


@pytest.mark.parametrize("method", ["take", "keep", "apply", "open_generation", "add", "switch", "sweep"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_store_that_fails_at_any_step_changes_no_count(
    method: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "AFTER_A_BUILD_SECONDS", 0)
    monkeypatch.setattr(rollups, "KEEP_EVERY_SECONDS", 0)
    failing = [method]

    def fail_once(called: str) -> None:
        if called in failing:
            failing.remove(called)
            raise StoreUnavailable("once")

    book, log = MemoryRollupBook(**{moment: fail_once}), await filled(some_records("1", "2"))
    task = asyncio.create_task(keeper("me", book, log).run())
    await until(book, log)
    await Ingest(log, MemoryDeadLetters()).handle(some_records("2", "3", status="success", start=10))
    log.remove("loja|order|MLC|1")

    await until(book, log)

    await ended(task)


async def test_a_worker_back_from_the_dead_counts_nothing() -> None:
    book, log = MemoryRollupBook(), await filled(some_records("1"))
    zombie = await book.take("zombie", now=BEGINNING)
    assert zombie is not None
    zombie = await build(log, book, zombie, clock=clock)
    await Ingest(log, MemoryDeadLetters()).handle(some_records("2", start=10))
    assert zombie.place is not None
    async with log.follow(zombie.place) as changes:
        told = await changes.next(10)
    lease = await book.take("other", now=BEGINNING + LEASE)
    assert lease is not None
    await advance(book, lease, told, clock=clock)

    with pytest.raises(LeaseLost):
        await advance(book, zombie, told, clock=clock)

    assert held(book.documents()) == counted(log.entries.values())


async def test_a_forgotten_past_is_counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "AFTER_A_BUILD_SECONDS", 0)
    book, log = MemoryRollupBook(), await filled(some_records("1"))
    task = asyncio.create_task(keeper("me", book, log).run())
    await until(book, log)
    await ended(task)
    await Ingest(log, MemoryDeadLetters()).handle(some_records("2", start=10))
    log.kept_from = len(log.changes)

    task = asyncio.create_task(keeper("next", book, log).run())
    await until(book, log)

    assert book.generation == 2
    await ended(task)


async def test_what_fails_is_noted_until_it_works_again() -> None:
    failing = ["take"]

    def fail(called: str) -> None:
        if called in failing:
            raise StoreUnavailable("the store is away")

    book, log = MemoryRollupBook(fail), await filled(some_records("1"))
    rolling = keeper("me", book, log)
    task = asyncio.create_task(rolling.run())
    await eventually_async(lambda: _done("away" in (rolling.note() or "")))

    failing.clear()

    await eventually_async(lambda: _done(rolling.note() is None))
    await ended(task)


async def test_what_failed_is_noted_no_more_once_another_worker_keeps_the_counts() -> None:
    failing = ["take"]

    def fail(called: str) -> None:
        if called in failing:
            raise LeaseLost("another worker keeps the rollups now")

    book = MemoryRollupBook(fail)
    rolling = keeper("me", book, await filled(some_records("1")))
    task = asyncio.create_task(rolling.run())
    await eventually_async(lambda: _done("another worker" in (rolling.note() or "")))

    failing.clear()
    assert await book.take("another", now=clock() + timedelta(days=1))

    await eventually_async(lambda: _done(rolling.note() is None))
    assert book.holder == "another"
    await ended(task)


async def test_the_second_worker_counts_nothing_while_the_first_one_lives() -> None:
    book, log = MemoryRollupBook(), await filled(some_records("1"))
    assert await book.take("first", now=BEGINNING)

    assert not await keeper("second", book, log).run_once()


async def test_a_backlog_goes_first_until_counts_have_fallen_back_far_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "BUSY_STEP_SECONDS", 0)
    at = [BEGINNING]
    book, log = MemoryRollupBook(), await filled(some_records("1"))
    manners = Manners(rest=0, pause=30, is_busy=lambda: True)
    task = asyncio.create_task(Rollups("me", book, log, clock=lambda: at[0], manners=manners).run())
    await eventually_async(lambda: _done(book.generation))
    await Ingest(log, MemoryDeadLetters()).handle(some_records("2", start=10))
    for _ in range(50):
        await asyncio.sleep(0)
    assert book.place != await log.here()

    at[0] += timedelta(seconds=60)

    await until(book, log)
    await ended(task)


async def _done(fact: Any) -> Any:
    return fact


def test_an_intake_that_fills_its_batches_has_a_backlog() -> None:
    seconds = [0.0]
    backlog = Backlog(1000, lambda: seconds[0])
    backlog.observe(BatchOutcome(records=999))
    assert not backlog.is_there()

    backlog.observe(BatchOutcome(records=1000))

    assert backlog.is_there()
    seconds[0] = 1.5
    assert not backlog.is_there()


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


def some_records(*codes: str, status: str = "error", start: int = 0) -> Any:
    return [
        make_record(
            _json(
                make_cloudevent(
                    id=f"{code}-{start}", code=code, status=status, processed_at=f"2026-11-23T10:{start:02d}:00Z"
                )
            ),
            offset=start + number,
        )
        for number, code in enumerate(codes)
    ]


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.adapters.mongo_log_store import HELD_BYTES
from services.ingest.core.counted import Counted
from services.ingest.core.limit import DeadLetterLimit
from services.ingest.handlers.ingesting import NEW_IN_A_ROW, SAMPLES, Ingest, decode_all
from services.ingest.handlers.ports import ChangesWritten
from services.ingest.handlers.writing import for_ever, write
from shared.contracts.errors import DeadLetterLimitReached, StoreUnavailable
from shared.contracts.records import Record
from tests.support.builders import RECEIVED_AT, make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore, crash_at
from tests.support.ingest_shop import batches, deliveries, essence, published, whole_history
from tests.support.invariants import strays_of
from tests.support.long_histories import long_from

CALLS = {"find_entries", "find_attempts", "store_attempts", "put_in_order", "write_entries", "mark_answered"}


def value_of(**changes: Any) -> bytes:
    return json.dumps(make_cloudevent(**changes)).encode()


def nothing(_: str) -> None:
    """Let the call pass."""


@pytest.fixture(autouse=True, scope="module")
def a_few_attempts_are_a_long_history() -> Iterator[None]:
    with long_from(3):
        yield


@pytest.fixture
def log() -> MemoryLogStore:
    return MemoryLogStore()


@pytest.fixture
def dead_letters() -> MemoryDeadLetters:
    return MemoryDeadLetters()


@pytest.fixture
def ingest(log: MemoryLogStore, dead_letters: MemoryDeadLetters) -> Ingest:
    return Ingest(log, dead_letters)


def documents(log: MemoryLogStore) -> Any:
    return deepcopy((log.attempts, log.entries))


async def taken_in_order(values: list[bytes]) -> dict[str, bytes]:
    """What comes of the events, each delivered once, one by one."""
    log = MemoryLogStore()
    ingest = Ingest(log, MemoryDeadLetters())
    for record in published(values):
        await ingest.handle([record])
    return all_in_order(log)


def all_in_order(log: MemoryLogStore) -> dict[str, bytes]:
    """What does not depend on the delivery; before that, long histories must be in order."""
    assert strays_of(log.attempts.values(), log.entries.values()) == []
    return essence(log.attempts, log.entries)


async def with_crashes(ingest: Ingest, log: MemoryLogStore, batch: list[Record], crash: Callable[[str], None]) -> None:
    log.before = crash
    try:
        await ingest.handle(batch)
    except StoreUnavailable:
        log.before = nothing
        await ingest.handle(batch)


@settings(max_examples=150)
@given(deliveries())
async def test_any_order_any_duplication_and_any_batching_come_to_the_same(shop: Any) -> None:
    values, records, sizes = shop
    log = MemoryLogStore()
    ingest = Ingest(log, MemoryDeadLetters())

    for batch in batches(records, sizes):
        await ingest.handle(batch)

    assert all_in_order(log) == await taken_in_order(values)


@settings(max_examples=150)
@given(deliveries(), st.integers(0, 7), st.integers(1, 9))
async def test_a_crash_anywhere_and_other_batches_afterwards_come_to_the_same(
    shop: Any, step: int, refetched: int
) -> None:
    values, records, sizes = shop
    log = MemoryLogStore()
    cut = batches(records, sizes)
    done = 0
    for batch in cut:
        log.before = crash_at(step)
        try:
            await Ingest(log, MemoryDeadLetters()).handle(batch)
        except StoreUnavailable:
            break
        done += len(batch)
    log.before = nothing

    for batch in batches(records[done:], [refetched]):
        await Ingest(log, MemoryDeadLetters()).handle(batch)

    assert all_in_order(log) == await taken_in_order(values)


@settings(max_examples=80)
@given(deliveries(), st.integers(0, 7))
async def test_two_workers_with_the_same_records_come_to_the_same(shop: Any, step: int) -> None:
    # The zombie stops in the middle of its batch, the successor does everything, then the zombie goes on where it stopped.
    values, records, _ = shop
    log = MemoryLogStore()
    calls = iter(range(1000))

    async def successor() -> None:
        log.before = nothing
        for batch in batches(records, [2, 3]):
            await Ingest(log, MemoryDeadLetters()).handle(batch)

    class Zombie(MemoryLogStore):
        def __getattribute__(self, name: str) -> Any:
            if name in CALLS:

                async def late(*arguments: Any) -> Any:
                    if next(calls) == step:
                        await successor()
                    return await getattr(log, name)(*arguments)

                return late
            return super().__getattribute__(name)

    await Ingest(Zombie(), MemoryDeadLetters()).handle(records[: max(1, len(records) // 2)])
    await successor()

    assert all_in_order(log) == await taken_in_order(values)


@settings(max_examples=150)
@given(deliveries(), st.integers(0, 7), st.data())
async def test_who_hopes_that_all_is_new_comes_to_the_same(shop: Any, step: int, data: st.DataObject) -> None:
    values, records, sizes = shop
    log = MemoryLogStore(held_bytes=data.draw(st.sampled_from([1, HELD_BYTES])))
    hopes = data.draw(st.lists(st.booleans(), min_size=20, max_size=20))
    for number, batch in enumerate(batches(records, sizes)):
        told = [delivery for record in batch for delivery in decode_all([record], frozenset())[0]]
        log.before = crash_at(step)
        try:
            await write(log, told, for_ever(), hopeful=hopes[number])
        except StoreUnavailable:
            log.before = nothing
            await write(log, told, for_ever(), hopeful=hopes[-number])
        log.before = nothing

    assert all_in_order(log) == await taken_in_order(values)


async def test_no_look_is_made_while_all_is_new_and_again_after_the_first_known_one(log: MemoryLogStore) -> None:
    ingest = Ingest(log, MemoryDeadLetters())
    calls: list[str] = []
    log.before = calls.append
    several = [make_record(value_of(code=f"c{n}"), offset=n) for n in range(NEW_IN_A_ROW)]
    await ingest.handle(several)
    calls.clear()

    await ingest.handle([make_record(value_of(code="new"), offset=NEW_IN_A_ROW)])
    assert calls == ["find_attempts", "store_attempts", "write_entries"]
    assert (await ingest.handle([make_record(value_of(code="c1", id="again"), offset=NEW_IN_A_ROW + 1)])).attempts == 1
    calls.clear()
    await ingest.handle([make_record(value_of(code="newer"), offset=NEW_IN_A_ROW + 2)])
    assert calls[0] == "find_entries"


@settings(max_examples=60)
@given(deliveries())
async def test_the_whole_topic_again_changes_nothing_not_even_when_it_was_received(shop: Any) -> None:
    _, records, sizes = shop
    log = MemoryLogStore()
    ingest = Ingest(log, MemoryDeadLetters())
    for batch in batches(records, sizes):
        await ingest.handle(batch)
    before = documents(log)

    for batch in batches(records, [4]):  # the same offsets: the group was reset
        await ingest.handle(batch)
    republished = [make_record(record.value, offset=1000 + n, partition=2) for n, record in enumerate(records)]
    for batch in batches(republished, [3]):
        outcome = await ingest.handle(batch)
        assert (outcome.attempts, outcome.duplicates) == (0, len(batch))

    assert documents(log) == before


async def test_bad_records_harm_no_good_one(
    ingest: Ingest, log: MemoryLogStore, dead_letters: MemoryDeadLetters
) -> None:
    batch = [
        make_record(b"\xff", offset=0),
        make_record(value_of(id="1"), offset=1),
        make_record(None, offset=2),
        make_record(value_of(id="2"), offset=3),
        make_record(value_of(id="2"), offset=4),
    ]

    outcome = await ingest.handle(batch)

    assert [(letter.record, letter.error_class) for letter in dead_letters.letters] == [
        (batch[0], "NotUtf8"),
        (batch[2], "Tombstone"),
    ]
    assert (outcome.records, outcome.attempts, outcome.duplicates, outcome.dead_lettered) == (5, 2, 1, 2)
    assert outcome.entries == 1
    assert outcome.commit == {("integration.events.order", 0): 5}
    assert len(whole_history(log.attempts, log.entries)) == 2


async def test_a_dead_letter_that_nobody_takes_is_told_and_all_else_of_its_batch_is_written(
    ingest: Ingest, log: MemoryLogStore, dead_letters: MemoryDeadLetters
) -> None:
    dead_letters.most = 5
    batch = [
        make_record(b"\xff" * 9, offset=0),
        make_record(value_of(id="1"), offset=1),
        make_record(b"\xff", offset=2),
    ]

    outcome = await ingest.handle(batch)

    assert [(one.letter.record, one.error) for one in outcome.untaken] == [(batch[0], "MSG_SIZE_TOO_LARGE")]
    assert [letter.record for letter in dead_letters.letters] == [batch[2]]
    assert (outcome.attempts, outcome.dead_lettered, len(log.entries)) == (1, 2, 1)


async def test_a_dead_letter_that_nobody_takes_counts_once_towards_the_limit(log: MemoryLogStore) -> None:
    dead_letters = MemoryDeadLetters()
    dead_letters.most = 0
    ingest = Ingest(log, dead_letters, limit=DeadLetterLimit(run=3))

    outcome = await ingest.handle([make_record(b"\xff", offset=0), make_record(b"\xff", offset=1)])
    await dead_letters.offer([one.letter for one in outcome.untaken])

    await ingest.handle([make_record(value_of(id="1"), offset=2)])
    with pytest.raises(DeadLetterLimitReached):
        await ingest.handle([make_record(b"", offset=offset) for offset in range(3, 6)])


async def test_a_held_partition_that_goes_from_lane_to_lane_is_counted_once(log: MemoryLogStore) -> None:
    dead_letters, counted = MemoryDeadLetters(), Counted()
    dead_letters.most = 0
    one, other = (Ingest(log, dead_letters, limit=DeadLetterLimit(run=5), counted=counted) for _ in range(2))
    first, behind = ([make_record(b"\xff", offset=offset) for offset in offsets] for offsets in ((3, 4), (5, 6)))

    told = [await lane.handle(batch) for lane in (one, other, one) for batch in (first, behind)]

    assert [len(outcome.untaken) for outcome in told] == [2] * 6
    assert [outcome.dead_lettered for outcome in told] == [2, 2, 0, 0, 0, 0]
    assert (await other.handle([make_record(b"\xff", offset=offset) for offset in range(6, 9)])).dead_lettered == 2
    with pytest.raises(DeadLetterLimitReached):
        await one.handle([make_record(b"\xff", offset=9)])


async def test_what_stands_at_the_same_place_of_a_topic_made_again_is_counted(log: MemoryLogStore) -> None:
    dead_letters = MemoryDeadLetters()
    dead_letters.most = 0
    ingest = Ingest(log, dead_letters)
    await ingest.handle([make_record(b"\xff", offset=offset) for offset in (7, 8)])

    assert (await ingest.handle([make_record(b"\xff", offset=0)])).dead_lettered == 1
    assert (await ingest.handle([make_record(b"\xff", offset=7)])).dead_lettered == 1


async def test_a_flood_stops_the_worker_also_where_nobody_takes_samples_and_the_first_is_told(
    log: MemoryLogStore,
) -> None:
    dead_letters = MemoryDeadLetters()
    dead_letters.most = 0

    with pytest.raises(DeadLetterLimitReached, match=r"too large.*integration\.events\.order\[0\]@0, NotUtf8"):
        await Ingest(log, dead_letters, limit=DeadLetterLimit(run=3)).handle(
            [make_record(b"\xff", offset=offset) for offset in range(9)]
        )


async def test_a_flood_of_bad_records_stops_the_worker_before_they_are_drained(log: MemoryLogStore) -> None:
    dead_letters = MemoryDeadLetters()
    ingest = Ingest(log, dead_letters, limit=DeadLetterLimit(run=3))
    await ingest.handle([make_record(b"", offset=0), make_record(b"", offset=1)])

    with pytest.raises(DeadLetterLimitReached):
        await ingest.handle([make_record(b"", offset=offset) for offset in range(2, 500)])

    samples = dead_letters.letters[2:]
    assert [letter.record.address.offset for letter in samples] == list(range(2, 2 + SAMPLES))


class Refusing(MemoryLogStore):
    """Holds no entry whose id has `bad` in it, until it is told to."""

    refusing = True
    bad = "bad"

    async def write_entries(self, changes: Any) -> ChangesWritten:
        bad = {change.entry_id: "too large" for change in changes if self.refusing and self.bad in change.entry_id}
        good = await super().write_entries([change for change in changes if change.entry_id not in bad])
        return ChangesWritten(good.conflicts, bad)


async def test_an_event_that_no_entry_can_hold_is_a_dead_letter_and_can_be_replayed(
    log: MemoryLogStore, dead_letters: MemoryDeadLetters
) -> None:
    store = Refusing()
    ingest = Ingest(store, dead_letters)
    bad, good = value_of(id="1", code="bad"), value_of(id="2", code="good")

    outcome = await ingest.handle([make_record(bad, offset=0), make_record(good, offset=1)])

    assert [letter.error_class for letter in dead_letters.letters] == ["Unstorable"]
    assert (outcome.attempts, outcome.entries, outcome.dead_lettered, outcome.duplicates) == (1, 1, 1, 0)
    store.refusing = False
    assert (await ingest.handle([make_record(bad, offset=2)])).attempts == 1


async def test_an_old_event_that_no_entry_can_hold_leaves_no_history_behind_and_counts_when_it_is_replayed(
    dead_letters: MemoryDeadLetters,
) -> None:
    store = Refusing()
    store.refusing = False
    ingest = Ingest(store, dead_letters)
    await ingest.handle([make_record(value_of(id="1", code="bad"), offset=0)])
    old = value_of(id="2", code="bad", processed_at="2020-01-01T00:00:00Z")

    store.refusing = True
    refused = await ingest.handle([make_record(old, offset=1)])
    left = dict(store.attempts)
    store.refusing = False
    replayed = await ingest.handle([make_record(old, offset=2)])

    assert (refused.dead_lettered, left, replayed.attempts) == (1, {}, 1)


async def test_of_a_record_of_several_kinds_the_one_that_no_entry_can_hold_is_counted_alone() -> None:
    class RefusingPrices(Refusing):
        bad = "|price|"

    notice = {"IdSku": "1", "An": "loja", "IdAffiliate": "MLC", "DateModified": "2026-11-23T10:11:12Z"}
    both = json.dumps({**notice, "StockModified": True, "PriceModified": True}).encode()

    outcome = await Ingest(RefusingPrices(), MemoryDeadLetters()).handle([make_record(both)])

    assert (outcome.attempts, outcome.dead_lettered, outcome.duplicates) == (1, 1, 0)


async def test_an_answer_that_no_entry_can_hold_is_told_when_it_is_replayed(dead_letters: MemoryDeadLetters) -> None:
    store = Refusing()
    store.refusing = False
    ingest = Ingest(store, dead_letters)
    await ingest.handle([make_record(value_of(id=one, code=one), offset=at) for at, one in enumerate(("bad", "good"))])
    for entry in store.entries.values():
        entry["reprocess"] = {"id": "job-1", "state": "sent"}
    answers = [value_of(id=f"answer to {one}", code=one, reprocess_id="job-1") for one in ("bad", "good")]

    def waiting() -> list[str]:
        return [entry["code"] for entry in store.entries.values() if entry["reprocess"]["state"] == "sent"]

    store.refusing = True
    await ingest.handle([make_record(answer, offset=at) for at, answer in enumerate(answers, 2)])

    assert ([one.error_class for one in dead_letters.letters], waiting()) == (["Unstorable"], ["bad"])
    store.refusing = False
    await ingest.handle([make_record(answers[0], offset=4)])
    assert waiting() == []


async def test_offsets_that_begin_anew_cost_no_status(ingest: Ingest, log: MemoryLogStore) -> None:
    await ingest.handle([make_record(value_of(id="1", status="error"), offset=900)])

    newer = value_of(id="2", status="success", causes=[], processed_at="2026-11-23T10:11:13Z")
    await ingest.handle([make_record(newer, offset=3)])

    (entry,) = log.entries.values()
    assert entry["state"]["status"] == "success"


@pytest.mark.parametrize(("hour", "counted"), [(9, 0), (11, 1)])
async def test_at_an_offset_that_was_counted_what_may_have_expired_counts_only_if_it_is_newer(
    log: MemoryLogStore, hour: int, counted: int
) -> None:
    ingest = Ingest(log, MemoryDeadLetters(), remembered_since=lambda: RECEIVED_AT + timedelta(days=1))
    await ingest.handle([make_record(value_of(id="1", processed_at="2026-11-23T10:00:00Z"), offset=900)])

    other = value_of(id="2", processed_at=f"2026-11-23T{hour:02}:00:00Z")
    outcome = await ingest.handle([make_record(other, offset=3)])

    assert (outcome.attempts, outcome.duplicates) == (counted, 1 - counted)


@pytest.mark.parametrize("delivered", ["once", "again after a crash"])
async def test_an_answer_ends_the_wait_even_when_the_event_is_old_or_came_before(
    ingest: Ingest, log: MemoryLogStore, delivered: str
) -> None:
    await ingest.handle([make_record(value_of(id="1"), offset=0)])
    (entry,) = log.entries.values()
    entry["reprocess"] = {"id": "job-1", "state": "sent"}
    answer = value_of(id="2", reprocess_id="job-1", processed_at="2020-01-01T00:00:00Z")
    if delivered != "once":
        log.before = lambda name: crash_at(0)(name) if name == "mark_answered" else None
        with pytest.raises(StoreUnavailable):
            await ingest.handle([make_record(answer, offset=1)])
        log.before = nothing

    await ingest.handle([make_record(answer, offset=1)])

    assert entry["reprocess"] == {"id": "job-1", "state": "answered", "answered_at": RECEIVED_AT}
    assert entry["state"]["version"][3] == "1"


async def test_who_hopes_counts_every_event_of_a_topic_that_was_made_again(log: MemoryLogStore) -> None:
    at = "2026-11-2{}T00:00:00Z"
    (first,), _ = decode_all([make_record(value_of(id="a", processed_at=at.format(1)), offset=900)], frozenset())
    await write(log, [first], for_ever())
    anew = [
        make_record(value_of(id="b", processed_at=at.format(2)), offset=1),
        make_record(value_of(id="c", processed_at=at.format(3)), offset=2),
    ]

    await write(log, decode_all(anew, frozenset())[0], for_ever(), hopeful=True)

    (entry,) = log.entries.values()
    assert entry["attempts"] == 3
    assert len(log.attempts) == 2

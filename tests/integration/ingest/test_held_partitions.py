"""An intake one of whose partitions is held by a bad record that nobody takes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from shared.contracts.errors import Defect
from shared.contracts.records import Record
from shared.kafka.lag import Ends, Lags
from tests.support.eventually import eventually_async
from tests.support.ingest_topics import lag
from tests.support.stored import read_committed
from tests.support.taker import Taker, fact, numbered

BAD = b"bad"


@pytest.fixture
def taker(bootstrap: str, topic: str) -> Callable[..., Taker]:
    group = f"test.{uuid4().hex}"

    def make(**options: Any) -> Taker:
        taker = Taker(bootstrap, topic, group, **options)
        taker.bad = {BAD}
        return taker

    return make


class Publishing:
    """Puts values on a partition of the topic; returns when they are there."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        self._topic = topic

    def __call__(self, partition: int, values: list[bytes]) -> None:
        for value in values:
            self._producer.produce(self._topic, value, partition=partition)
        assert self._producer.flush(30) == 0


@pytest.fixture
def put(bootstrap: str, topic: str) -> Publishing:
    return Publishing(bootstrap, topic)


async def held(taker: Taker) -> None:
    await eventually_async(fact(taker.intake.holds))


def committed(taker: Taker, topic: str, partition: int) -> int:
    return read_committed(taker.bootstrap, taker.group, [topic]).get((topic, partition), 0)


async def test_other_partitions_go_on_and_the_held_one_goes_on_by_itself_with_nothing_twice_and_in_order(
    bootstrap: str, topic: str, taker: Callable[..., Taker], put: Publishing
) -> None:
    one = taker()
    put(0, [*numbered(0, 5), BAD, *numbered(5, 8)])
    async with one.running():
        await held(one)
        put(0, numbered(8, 300))
        put(1, numbered(1000, 1500))
        await eventually_async(fact(lambda: committed(one, topic, 1)), lambda offset: offset == 500)
        assert committed(one, topic, 0) == 5
        assert set(one.values) & set(numbered(8, 300)) == set()
        assert (one.intake.holds()[topic, 0].stands_at, one.intake.holds()[topic, 0].first.error) == (
            5,
            "POLICY_VIOLATION",
        )

        one.refuses = False
        await eventually_async(fact(lambda: lag(bootstrap, one.group, [topic])), lambda records: records == 0)
        assert not one.intake.holds()

    mine = [value for value in one.values if value == BAD or int(value or b"") < 1000]
    assert mine == [*numbered(0, 5), BAD, *numbered(5, 300)]
    assert (one.aside, len(one.values)) == ([BAD], 301 + 500)


async def test_a_worker_stopped_while_held_leaves_in_time_and_commits_nothing_past_the_bad_record(
    topic: str, taker: Callable[..., Taker], put: Publishing
) -> None:
    first, second = taker(), taker()
    put(0, [*numbered(0, 5), BAD, *numbered(5, 8)])
    async with first.running():
        await held(first)
    assert committed(first, topic, 0) == 5

    second.refuses = False
    async with second.running():
        await second.took(4)
        await eventually_async(fact(lambda: committed(second, topic, 0)), lambda offset: offset == 9)
    assert (second.values, second.aside) == ([BAD, *numbered(5, 8)], [BAD])


async def test_a_held_partition_that_another_worker_gets_is_held_there_and_no_longer_here(
    topic: str, taker: Callable[..., Taker], put: Publishing
) -> None:
    one, two = taker(), taker()
    put(0, [BAD, *numbered(0, 3)])
    put(1, [BAD, *numbered(3, 6)])
    async with one.running():
        await eventually_async(fact(lambda: len(one.intake.holds()) == 2))
        async with two.running():
            await held(two)
            await eventually_async(fact(lambda: len(one.intake.holds()) == 1))
            assert one.intake.holds().keys() | two.intake.holds().keys() == {(topic, 0), (topic, 1)}
            two.refuses = False
            await eventually_async(fact(lambda: not two.intake.holds()))
            assert [committed(one, topic, number) for number in (0, 1)].count(4) == 1
        one.refuses = False
        await eventually_async(fact(lambda: [committed(one, topic, number) for number in (0, 1)] == [4, 4]))
    assert sorted(one.aside + two.aside) == [BAD, BAD]


async def test_the_lag_grows_while_a_partition_is_held_and_is_nothing_afterwards(
    bootstrap: str, topic: str, taker: Callable[..., Taker], put: Publishing
) -> None:
    one, lags = taker(), Lags(Ends(bootstrap))

    async def looked() -> dict[tuple[str, int], int]:
        return await lags.look(one.intake.marks)

    put(0, [BAD])
    put(1, numbered(0, 10))
    async with one.running():
        await held(one)
        put(0, numbered(10, 40))
        await eventually_async(looked, lambda seen: seen == {(topic, 0): 31, (topic, 1): 0})
        one.refuses = False
        await eventually_async(looked, lambda seen: seen == {(topic, 0): 0, (topic, 1): 0})
        assert one.intake.oldest_in_hand() is None


async def test_the_lag_grows_while_a_batch_waits_for_its_database(
    bootstrap: str, topic: str, taker: Callable[..., Taker], put: Publishing
) -> None:
    one, lags, database_is_back = taker(), Lags(Ends(bootstrap)), asyncio.Event()

    async def wait(_: Sequence[Record]) -> None:
        await database_is_back.wait()

    async def looked() -> dict[tuple[str, int], int]:
        return await lags.look(one.intake.marks)

    one.trouble = wait
    put(0, numbered(0, 5))
    async with one.running():
        await eventually_async(fact(lambda: one.intake.pulse.in_hand))
        put(0, numbered(5, 50))
        await eventually_async(looked, lambda seen: seen.get((topic, 0)) == 50)
        assert one.intake.oldest_in_hand() is not None
        database_is_back.set()
        await eventually_async(looked, lambda seen: seen == {(topic, 0): 0, (topic, 1): 0})


async def test_an_intake_with_too_much_to_hold_takes_nothing_in_and_keeps_its_membership(
    bootstrap: str, topic: str, taker: Callable[..., Taker], put: Publishing
) -> None:
    one = taker(most_bytes=0)
    put(0, [BAD])
    async with one.running():
        await held(one)
        put(1, numbered(0, 100))
        turns = one.intake.pulse.turns
        await eventually_async(fact(lambda: one.intake.pulse.turns > turns + 20))
        assert (one.values, len(one.intake.member.assigned)) == ([BAD], 2)

        one.refuses = False
        await eventually_async(fact(lambda: lag(bootstrap, one.group, [topic])), lambda records: records == 0)
    assert one.values == [BAD, *numbered(0, 100)]


async def test_what_goes_wrong_while_letters_are_offered_again_ends_the_intake_with_nothing_committed(
    topic: str, taker: Callable[..., Taker], put: Publishing
) -> None:
    one = taker()
    one.wrong = Defect("on purpose")
    put(0, [BAD])
    with pytest.raises(Defect):
        await one.intake.run()

    assert committed(one, topic, 0) == 0

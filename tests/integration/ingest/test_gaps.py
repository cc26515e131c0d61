import asyncio
from collections.abc import Callable, Iterator, Sequence
from uuid import uuid4

import pytest

from shared.contracts.gaps import Gap
from shared.contracts.records import Record
from tests.support.eventually import eventually_async
from tests.support.ingest_topics import lag, own_topic, publish
from tests.support.taker import Taker, fact, numbered
from tests.support.topic_admin import Admin


@pytest.fixture
def alone(bootstrap: str) -> Iterator[str]:
    with own_topic(bootstrap, partitions=1) as name:
        yield name


@pytest.fixture
def admin(bootstrap: str) -> Admin:
    return Admin(bootstrap)


@pytest.fixture
def one(bootstrap: str, alone: str) -> Callable[..., Taker]:
    group = f"test.{uuid4().hex}"
    return lambda **options: Taker(bootstrap, alone, group, **options)


async def read_some(taker: Taker, count: int) -> None:
    async with taker.running():
        await taker.took(count)


async def test_a_new_group_begins_at_the_first_record_there_is_and_that_is_no_gap(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    publish(bootstrap, alone, numbered(0, 20))
    admin.delete_records(alone, before=5)
    taker = one()

    await read_some(taker, 15)

    assert (taker.values, taker.gaps) == (numbered(5, 20), [])


async def test_what_was_deleted_while_nobody_ran_is_a_gap_that_is_told_once(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    publish(bootstrap, alone, numbered(0, 10))
    await read_some(one(), 10)
    publish(bootstrap, alone, numbered(10, 30))
    admin.delete_records(alone, before=25)
    second, third = one(), one()

    await read_some(second, 5)
    publish(bootstrap, alone, numbered(30, 31))
    await read_some(third, 1)

    assert second.gaps == [Gap(second.group, alone, 0, 10, 25, "deleted")]
    assert (second.values, third.values, third.gaps) == (numbered(25, 30), numbered(30, 31), [])


async def test_a_gap_before_which_nothing_is_left_is_told_once_too(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    publish(bootstrap, alone, numbered(0, 10))
    await read_some(one(), 10)
    publish(bootstrap, alone, numbered(10, 30))
    admin.delete_records(alone, before=30)
    second, third = one(), one()

    async with second.running():
        await eventually_async(fact(lambda: len(second.gaps)))
        await eventually_async(fact(lambda: lag(bootstrap, second.group, [alone]) == 0))
    publish(bootstrap, alone, numbered(30, 31))
    await read_some(third, 1)

    assert (second.gaps[0].records, third.gaps) == (20, [])


async def test_what_is_deleted_under_a_worker_that_waits_for_its_database_is_a_gap(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    taker, database_is_back = one(), asyncio.Event()

    async def wait(_: Sequence[Record]) -> None:
        await database_is_back.wait()

    taker.trouble = wait
    publish(bootstrap, alone, numbered(0, 10))
    async with taker.running():
        await eventually_async(fact(lambda: taker.intake.pulse.in_hand))
        turns = taker.intake.pulse.turns
        await eventually_async(fact(lambda: taker.intake.pulse.turns > turns + 2))  # paused by now
        publish(bootstrap, alone, numbered(10, 200))
        admin.delete_records(alone, before=150)
        database_is_back.set()
        await taker.took(60)

    assert taker.values == numbered(0, 10) + numbered(150, 200)
    assert taker.gaps == [Gap(taker.group, alone, 0, 10, 150, "deleted")]


async def test_a_partition_that_lost_its_end_is_read_again_from_its_beginning(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    publish(bootstrap, alone, numbered(0, 10))
    taker = one()
    admin.commit(taker.group, alone, 500)

    await read_some(taker, 10)

    assert (taker.values, taker.gaps) == (numbered(0, 10), [Gap(taker.group, alone, 0, 500, 0, "beyond the end")])


async def test_where_the_operator_wants_a_stop_nothing_is_read_behind_a_gap(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    publish(bootstrap, alone, numbered(0, 10))
    taker = one()
    taker.reads_on = False
    admin.commit(taker.group, alone, 500)

    async with taker.running():
        await eventually_async(fact(lambda: taker.intake.member.left))
        publish(bootstrap, alone, numbered(10, 600))
        turns = taker.intake.pulse.turns
        await eventually_async(fact(lambda: taker.intake.pulse.turns > turns + 3))

    assert (taker.values, len(taker.gaps)) == ([], 1)
    assert admin.committed(taker.group, alone) == 500


async def test_a_topic_made_again_under_a_worker_is_read_from_its_beginning(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    taker = one()
    publish(bootstrap, alone, numbered(0, 20))
    async with taker.running():
        await taker.took(20)
        await eventually_async(fact(lambda: lag(bootstrap, taker.group, [alone]) == 0))
        admin.make_again(alone)
        publish(bootstrap, alone, numbered(100, 160))
        await eventually_async(fact(lambda: set(taker.values) >= set(numbered(100, 160))))

    assert [(gap.found, gap.reason) for gap in taker.gaps] == [(0, "recreated")]


async def test_a_topic_made_again_while_nobody_ran_is_not_read_on_at_the_offset_of_the_old_one(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    first, second = one(), one()
    publish(bootstrap, alone, numbered(0, 20))
    await read_some(first, 20)
    old = admin.metadata(first.group, alone)
    admin.make_again(alone)
    publish(bootstrap, alone, numbered(100, 160))
    admin.commit(first.group, alone, 20, old)  # that of a worker which had not heard of it yet

    await read_some(second, 60)

    assert second.values == numbered(100, 160)
    assert second.gaps == [Gap(first.group, alone, 0, 20, 0, "recreated")]


async def test_partitions_added_to_a_topic_are_read_from_their_first_record_without_a_restart(
    bootstrap: str, alone: str, one: Callable[..., Taker], admin: Admin
) -> None:
    taker = one()
    publish(bootstrap, alone, numbered(0, 10))
    async with taker.running():
        await taker.took(10)
        admin.add_partitions(alone, total=3)
        publish(bootstrap, alone, numbered(10, 60))
        await taker.took(60)

    assert sorted(taker.values) == sorted(numbered(0, 60))
    assert taker.gaps == []

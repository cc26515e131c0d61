import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaProducer

from shared.contracts.errors import Defect
from shared.contracts.records import UNREADABLE_HEADERS, Record
from tests.support.eventually import eventually_async
from tests.support.ingest_topics import lag, publish
from tests.support.odd_headers import NotUtf8
from tests.support.taker import Taker, fact, numbered


@pytest.fixture
def taker(bootstrap: str, topic: str) -> Callable[..., Taker]:
    group = f"test.{uuid4().hex}"
    return lambda **options: Taker(bootstrap, topic, group, **options)


async def test_a_stopped_intake_has_committed_what_it_took_and_nothing_comes_twice(
    bootstrap: str, topic: str, taker: Callable[..., Taker]
) -> None:
    publish(bootstrap, topic, numbered(0, 300))
    first, second = taker(), taker()
    async with first.running():
        await first.took(150)
    assert first.batches[0] <= 100

    publish(bootstrap, topic, numbered(300, 310))
    async with second.running():
        await second.took(310 - len(first.values))

    assert sorted(first.values + second.values) == sorted(numbered(0, 310))


async def test_a_record_with_an_unreadable_header_is_taken_like_any_other(
    bootstrap: str, topic: str, taker: Callable[..., Taker]
) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    # After some calls Python takes a shorter way to the client library, which lets its mistake through.
    for value in (*numbered(0, 100), b"good"):
        producer.send(topic, value, partition=0, headers=[("a", b"1")])
    producer.send(topic, b"odd", partition=0, headers=[("a", b"1"), (NotUtf8("x"), b"2")])
    producer.flush(30)
    producer.close()
    one = taker()
    seen: list[Record] = []

    async def look(records: Sequence[Record]) -> None:
        seen.extend(records)

    one.trouble = look
    async with one.running():
        await one.took(102)

    assert next(record.headers for record in seen if record.value == b"good") == [("a", b"1")]
    assert next(record.headers for record in seen if record.value == b"odd") is UNREADABLE_HEADERS


async def test_a_batch_that_failed_comes_again_and_nothing_of_it_was_committed(
    bootstrap: str, topic: str, taker: Callable[..., Taker]
) -> None:
    publish(bootstrap, topic, numbered(0, 50))
    first, second = taker(), taker()

    async def fail(_: Sequence[Record]) -> None:
        raise Defect("on purpose")

    first.trouble = fail
    with pytest.raises(Defect):
        await first.intake.run()

    async with second.running():
        await second.took(50)
    assert sorted(second.values) == sorted(numbered(0, 50))


async def test_while_a_batch_is_slow_nothing_is_dropped_and_the_membership_lives(
    bootstrap: str, topic: str, taker: Callable[..., Taker]
) -> None:
    one = taker()
    slow = asyncio.Event()

    async def wait(_: Sequence[Record]) -> None:
        await slow.wait()

    one.trouble = wait
    publish(bootstrap, topic, numbered(0, 10))
    async with one.running():
        await asyncio.wait({asyncio.ensure_future(slow.wait())}, timeout=2)
        publish(bootstrap, topic, numbered(10, 400))
        slow.set()
        await one.took(400)
    assert sorted(one.values) == sorted(numbered(0, 400))


async def test_a_batch_that_cannot_be_written_does_not_hold_up_the_stop_and_comes_again(
    bootstrap: str, topic: str, taker: Callable[..., Taker]
) -> None:
    publish(bootstrap, topic, numbered(0, 10))
    stuck, second = taker(drain_seconds=0.5), taker()
    entered = asyncio.Event()

    async def never(_: Sequence[Record]) -> None:
        entered.set()
        await asyncio.Event().wait()

    stuck.trouble = never
    async with stuck.running():
        await asyncio.wait_for(entered.wait(), 30)

    async with second.running():
        await second.took(10)
    assert sorted(second.values) == sorted(numbered(0, 10))


async def test_a_second_worker_takes_its_share_and_hands_it_back(
    bootstrap: str, topic: str, taker: Callable[..., Taker]
) -> None:
    one, two = taker(), taker()
    async with one.running():
        publish(bootstrap, topic, numbered(0, 20))
        await one.took(20)
        async with two.running():
            await eventually_async(_ready(two))
            publish(bootstrap, topic, numbered(20, 220))
            await eventually_async(_total(one, two), lambda number: number >= 220)
        publish(bootstrap, topic, numbered(220, 320))
        await eventually_async(_total(one, two), lambda number: number >= 320)

    assert set(one.values + two.values) == set(numbered(0, 320))
    assert two.values
    assert lag(bootstrap, one.group, [topic]) == 0


async def test_a_partition_that_left_while_a_batch_was_slow_is_read_when_it_comes_back(
    bootstrap: str, topic: str, taker: Callable[..., Taker]
) -> None:
    one, two, is_done = taker(), taker(), asyncio.Event()

    async def wait(_: Sequence[Record]) -> None:
        await is_done.wait()

    one.trouble = wait
    publish(bootstrap, topic, numbered(0, 10))
    async with one.running():
        await eventually_async(fact(lambda: one.intake.pulse.in_hand))
        turns = one.intake.pulse.turns
        await eventually_async(fact(lambda: one.intake.pulse.turns > turns + 2))  # its partitions are paused by now
        async with two.running():
            await eventually_async(_ready(two))
            is_done.set()
            await one.took(1)
        await eventually_async(fact(lambda: len(one.intake.member.assigned) == 2))
        publish(bootstrap, topic, numbered(10, 50))
        await eventually_async(_total(one, two), lambda number: number >= 50)


def _ready(taker: Taker) -> Callable[[], Any]:
    async def ask() -> bool:
        return bool(taker.intake.member.assigned)

    return ask


def _total(*takers: Taker) -> Callable[[], Any]:
    async def ask() -> int:
        return sum(len(set(taker.values)) for taker in takers)

    return ask

"""What people are told of the lanes: lag, held partitions, the health answer."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.ingest.entrypoints.lanes import LanesEntryPoint
from shared.contracts.errors import BrokerUnavailable
from shared.contracts.records import DeadLetter, Place, Untaken
from shared.kafka.holds import Hold
from shared.kafka.lag import ASK_EVERY_SECONDS, Lags, Mark
from tests.support.builders import RECEIVED_AT, make_record

ORDER, PRICE = ("integration.events.order", 3), ("integration.events.price", 0)


class Lane:
    """What an intake says of itself."""

    def __init__(self, marks: Mapping[Place, Mark], oldest: datetime | None = None) -> None:
        self.marks = marks
        self.oldest = oldest
        self.held: dict[Place, Hold] = {}

    def holds(self) -> Mapping[Place, Hold]:
        return self.held

    def oldest_in_hand(self) -> datetime | None:
        return self.oldest


class Kafka:
    """Tells `ends`, and counts how often it was asked."""

    def __init__(self) -> None:
        self.ends: dict[Place, int] = {}
        self.asked: list[list[Place]] = []
        self.now = 0.0

    async def __call__(self, places: Iterable[Place]) -> Mapping[Place, int]:
        self.asked.append(list(places))
        return self.ends

    def clock(self) -> float:
        return self.now


def entry_point(*lanes: Any, kafka: Kafka | None = None) -> LanesEntryPoint:
    return LanesEntryPoint(lanes, Lags(kafka or Kafka()), lambda: RECEIVED_AT + timedelta(seconds=90))


def shown(name: str) -> dict[tuple[str, ...], float]:
    found = [sample for family in REGISTRY.collect() for sample in family.samples if sample.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in found}


async def test_the_lag_of_every_partition_is_shown_and_gone_with_it() -> None:
    one, other = Lane({ORDER: Mark(10, 25, is_read=True)}), Lane({PRICE: Mark(7, 7, is_read=True)})
    lanes = entry_point(one, other)
    await lanes.run_once()
    assert shown("ponte_ingest_lag_records") == {(ORDER[0], "3"): 15, (PRICE[0], "0"): 0}

    other.marks = {}
    await lanes.run_once()
    assert shown("ponte_ingest_lag_records") == {(ORDER[0], "3"): 15}
    one.marks = {}
    await lanes.run_once()


async def test_the_age_of_the_oldest_record_in_hand_is_shown_and_nothing_when_there_is_none() -> None:
    one, other = Lane({}, RECEIVED_AT), Lane({}, RECEIVED_AT + timedelta(seconds=60))
    lanes = entry_point(one, other)
    await lanes.run_once()
    assert shown("ponte_ingest_lag_seconds") == {(): 90}

    one.oldest = other.oldest = None
    await lanes.run_once()
    assert shown("ponte_ingest_lag_seconds") == {(): 0}


async def test_a_held_partition_is_shown_with_its_reason_and_the_worker_is_not_ready() -> None:
    lane = Lane({})
    lanes = entry_point(lane)
    await lanes.check()
    bad = DeadLetter(make_record(b"\xff", topic=ORDER[0], partition=3, offset=17), "NotUtf8", "no text")
    lane.held = {ORDER: Hold([Untaken(bad, "MSG_SIZE_TOO_LARGE", "Broker: Message size too large")], 20, 0.0, 1.0)}

    await lanes.run_once()
    assert list(shown("ponte_ingest_held_seconds")) == [(ORDER[0], "3", "MSG_SIZE_TOO_LARGE")]
    with pytest.raises(BrokerUnavailable, match=r"order\[3\] is held at 17.*Message size too large"):
        await lanes.check()

    lane.held = {}
    await lanes.run_once()
    assert shown("ponte_ingest_held_seconds") == {}


async def test_kafka_is_asked_only_where_nothing_is_fetched_and_not_at_every_look() -> None:
    kafka = Kafka()
    kafka.ends = {ORDER: 40}
    lags = Lags(kafka, clock=kafka.clock)
    assert await lags.look({ORDER: Mark(10, 25, is_read=True)}) == {ORDER: 15}
    assert kafka.asked == []

    resting = {ORDER: Mark(10, 25, is_read=False), PRICE: Mark(5, 9, is_read=True)}
    assert await lags.look(resting) == {ORDER: 30, PRICE: 4}
    kafka.now += ASK_EVERY_SECONDS - 1
    await lags.look(resting)
    assert kafka.asked == [[ORDER]]
    kafka.now += 1
    await lags.look(resting)
    assert len(kafka.asked) == 2


async def test_a_partition_of_which_nothing_is_known_yet_has_no_lag() -> None:
    lags = Lags(Kafka())
    assert await lags.look({ORDER: Mark(-1001, 9, is_read=True), PRICE: Mark(4, -1001, is_read=False)}) == {}

from collections.abc import Collection, Mapping

import pytest

from shared.contracts.records import Place
from shared.kafka.pulse import Pulse
from shared.kafka.standstill import Standstill
from shared.runtime.watchdog import LOOKS, Watchdog

ORDER = ("integration.events.order", 3)


class Kafka:
    """What a fresh client finds."""

    def __init__(self) -> None:
        self.is_there = True
        self.unread: set[Place] = set()
        self.asked: list[Mapping[Place, int]] = []

    def answers(self) -> bool:
        return self.is_there

    def find_unread(self, positions: Mapping[Place, int]) -> set[Place]:
        self.asked.append(positions)
        return self.unread & positions.keys()


class World:
    def __init__(self) -> None:
        self.pulse, self.kafka = Pulse(positions={ORDER: 7}), Kafka()
        self.stuck: list[str] = []
        self.watchdog = Watchdog(Standstill({"intake-0": self.pulse}, self.kafka).look, seconds=5.0, bark=self.bark)

    def bark(self, what: Collection[str]) -> None:
        self.stuck += what

    def passes(self, looks: int, **moving: int) -> None:
        """Let so many looks pass; before each the counters move by so much."""
        for _ in range(looks):
            for name, by in moving.items():
                setattr(self.pulse, name, getattr(self.pulse, name) + by)
            self.watchdog.look(1.0)


@pytest.fixture
def world() -> World:
    return World()


def test_a_loop_that_does_not_turn_is_stuck_and_the_worker_is_not_ready_before_that(world: World) -> None:
    world.passes(LOOKS // 2 + 1)
    assert (world.stuck, "0 turns of the loop" in (world.watchdog.alarm() or "")) == ([], True)

    world.passes(LOOKS)

    assert world.stuck


def test_a_batch_that_is_never_done_is_stuck_though_the_client_polls(world: World) -> None:
    world.pulse.in_hand = 1
    world.passes(LOOKS + 1, turns=5)
    assert ["a batch in hand" in what for what in world.stuck] == [True]


def test_a_handler_that_says_it_waits_is_not_stuck_however_long(world: World) -> None:
    world.pulse.in_hand = 1
    world.passes(10 * LOOKS, turns=5, waits=1)
    assert (world.stuck, world.watchdog.alarm()) == ([], None)


def test_a_client_that_waits_for_a_kafka_that_is_away_is_not_stuck(world: World) -> None:
    world.pulse.in_call, world.pulse.in_hand, world.kafka.is_there = True, 1, False
    world.passes(10 * LOOKS)
    assert (world.stuck, world.watchdog.alarm()) == ([], None)


def test_a_partition_that_has_records_and_stands_still_is_stuck_though_others_move(world: World) -> None:
    world.kafka.unread = {ORDER}
    for number in range(LOOKS + 3):
        world.pulse.positions = {ORDER: 7, ("integration.events.price", 0): number}
        world.passes(1, turns=5, drained=1)
    assert world.stuck == ["integration.events.order[3] has records at 7 and none is taken"]


def test_a_silent_partition_is_found_though_the_looks_come_faster_than_the_intake_turns(world: World) -> None:
    world.kafka.unread = {ORDER}
    world.passes(2, turns=1, drained=1)
    for _ in range(LOOKS):
        world.passes(1, turns=1)
        world.passes(1, turns=1, drained=1)
    assert world.stuck


def test_a_record_that_cannot_be_taken_because_the_database_is_away_is_no_standstill(world: World) -> None:
    world.kafka.unread = {ORDER}
    world.passes(3, turns=1, drained=1)
    world.pulse.in_hand = 1
    world.passes(10 * LOOKS, turns=5, waits=1)
    assert (world.stuck, world.watchdog.alarm()) == ([], None)


def test_a_partition_without_records_may_stand_still(world: World) -> None:
    world.passes(10 * LOOKS, turns=5, drained=1)
    assert (world.stuck, world.kafka.asked[-1]) == ([], {ORDER: 7})


def test_a_record_that_is_taken_soon_after_it_was_seen_is_no_standstill(world: World) -> None:
    world.kafka.unread = {ORDER}
    for number in range(10 * LOOKS):
        world.pulse.positions = {ORDER: number // 2}
        world.passes(1, turns=5, drained=1)
    assert world.stuck == []


def test_nobody_asks_for_records_while_the_intake_has_more_than_it_can_take(world: World) -> None:
    world.kafka.unread = {ORDER}
    world.passes(10 * LOOKS, turns=5, finished=1)
    assert (world.stuck, world.kafka.asked) == ([], [])


def test_a_process_that_was_stopped_itself_is_given_its_time_again(world: World) -> None:
    world.passes(LOOKS)
    world.watchdog.look(600.0)
    world.passes(LOOKS - 1)
    assert world.stuck == []

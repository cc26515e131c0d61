"""An absent broker costs a process a few connections a second, whichever of its clients looks for it."""

from pathlib import Path

import pytest
from aiokafka.client import ConnectionGroup

import services
import shared
from shared.kafka.faust_transport import PatientConnect
from shared.kafka.member_settings import member_settings
from shared.kafka.reconnecting import RECONNECT, RECONNECT_SECONDS
from tests.support.clock import Clock


class Node:
    """Takes connections or not; counts who knocked."""

    def __init__(self) -> None:
        self.is_there = False
        self.knocks: list[object] = []

    async def connect(self, node_id: object, *, group: object) -> object:
        self.knocks.append((node_id, group))
        return self if self.is_there else None


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_who_found_nobody_there_knocks_again_after_a_while_and_not_before(clock: Clock) -> None:
    node = Node()
    connect = PatientConnect(node.connect, clock=clock)
    assert [await connect(1) for _ in range(20)] == [None] * 20
    assert len(node.knocks) == 1
    clock.now += RECONNECT_SECONDS
    node.is_there = True
    assert await connect(1) is node
    assert await connect(1) is node


async def test_a_connection_that_broke_is_made_again_at_once(clock: Clock) -> None:
    node = Node()
    node.is_there = True
    connect = PatientConnect(node.connect, clock=clock)
    assert await connect(1) is node
    node.is_there = False
    assert await connect(1) is None
    assert len(node.knocks) == 2


async def test_one_broker_that_is_away_keeps_nobody_from_another(clock: Clock) -> None:
    node = Node()
    connect = PatientConnect(node.connect, clock=clock)
    await connect(1)
    await connect(2)
    await connect(1, group=ConnectionGroup.COORDINATION)
    default, coordination = ConnectionGroup.DEFAULT, ConnectionGroup.COORDINATION
    assert node.knocks == [(1, default), (2, default), (1, coordination)]


def test_librdkafka_waits_as_long_from_the_first_try_on() -> None:
    assert RECONNECT == {"reconnect.backoff.ms": 2000, "reconnect.backoff.max.ms": 2000}
    assert RECONNECT.items() <= member_settings("localhost:9092", "group", "client").items()


def test_every_client_of_a_service_waits_so() -> None:
    rooms = [Path(room.__file__).parent for room in (services, shared)]
    texts = {path: path.read_text() for room in rooms for path in room.rglob("*.py")}
    makers = {path: text for path, text in texts.items() if "**librdkafka(" in text or "**reach" in text}
    assert len(makers) > 1
    assert [str(path) for path, text in makers.items() if "**RECONNECT" not in text] == []

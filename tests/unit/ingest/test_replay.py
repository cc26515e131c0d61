from typing import Any

import pytest

from services.ingest.handlers.replaying import replay
from shared.contracts.errors import InvalidCommand
from tests.support.builders import make_record
from tests.support.fakes.ingest import MemoryShelf, MemoryTopics


def dead_letter(topic: str = "integration.events.order") -> Any:
    ours = {"partition": b"2", "offset": b"17", "topic": topic.encode()}
    headers = [
        ("ce_id", b"7"),
        ("error-class", b"theirs"),
        *((f"original-{name}", value) for name, value in ours.items()),
    ]
    headers += [("error-class", b"UnknownType"), ("error-message", b"why"), ("ce_id", b"8")]
    return make_record(b"\xffraw", key=b"key", topic="integration.deadletter", headers=tuple(headers))


async def test_a_dead_letter_goes_back_as_it_came() -> None:
    topics = MemoryTopics()

    await replay({"id": "r1", "partition": 1, "offset": 5}, MemoryShelf({(1, 5): dead_letter()}), topics)

    ((topic, record),) = topics.sent
    assert topic == "integration.events.order"
    assert (record.key, record.value) == (b"key", b"\xffraw")
    assert record.headers == [("ce_id", b"7"), ("error-class", b"theirs"), ("ce_id", b"8")]


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"partition": 1, "offset": 6}, "offset"),
        ({"partition": 1}, "offset"),
        ({"partition": "1", "offset": 5}, "partition"),
        ({"partition": 1, "offset": -5}, "offset"),
        ({"partition": 1, "offset": 5, "topic": "x"}, "topic"),
        (None, "body"),
    ],
)
async def test_a_command_that_names_no_dead_letter_is_refused_with_the_field(command: Any, field: str) -> None:
    topics = MemoryTopics()

    with pytest.raises(InvalidCommand) as refused:
        await replay(command, MemoryShelf({(1, 5): dead_letter()}), topics)

    assert (refused.value.field, topics.sent) == (field, [])


@pytest.mark.parametrize("topic", ["integration.replay", "integration.deadletter", "elsewhere", ""])
async def test_nothing_goes_back_to_a_topic_that_is_no_intake(topic: str) -> None:
    with pytest.raises(InvalidCommand, match="came from"):
        await replay({"partition": 1, "offset": 5}, MemoryShelf({(1, 5): dead_letter(topic)}), MemoryTopics())

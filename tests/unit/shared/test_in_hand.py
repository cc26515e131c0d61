"""What an intake takes in at once, and what it says of the rest."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.kafka.in_hand import ENOUGH, FIRST_PART, MAX_BATCH_BYTES, InHand
from shared.kafka.member import Member


class Client:
    """A member whose client has `left` queued; none of it is a record, as with errors."""

    def __init__(self, messages: int, size: int) -> None:
        self.left = [b"x" * size] * messages
        self.commits = SimpleNamespace(are_settled=True)

    def consume(self, most: int, _: float) -> list[bytes]:
        taken, self.left = self.left[:most], self.left[most:]
        return taken

    def is_record(self, _: Any) -> bool:
        return False


@pytest.mark.parametrize(
    ("messages", "size", "linger", "left"),
    [
        (0, 1, 60.0, 0),
        (1499, 1, 60.0, 0),
        (1501, 1, 60.0, 1),
        (1000, MAX_BATCH_BYTES // 200, 60.0, 749),
        (1000, 1, 0.0, 749),
    ],
    ids=["nothing", "all", "a full batch", "its bytes", "its time"],
)
def test_that_was_all_is_said_only_where_the_client_has_nothing_more(
    messages: int, size: int, linger: float, left: int
) -> None:
    client = Client(messages, size)
    in_hand = InHand(cast("Member", client), size=1500, linger=linger)

    _, is_all = in_hand.take_in()

    assert len(client.left) == left
    assert is_all == (left == 0)


class Trickle(Client):
    """A client to which nothing comes after what it has: who asks for more waits as long as they said, by the test's clock."""

    def __init__(self, messages: int, clock: list[float]) -> None:
        super().__init__(messages, 1)
        self._clock = clock

    def consume(self, most: int, seconds: float) -> list[bytes]:
        taken = super().consume(most, seconds)
        if len(taken) < most:
            self._clock[0] += seconds
        return taken


@pytest.mark.parametrize(
    ("messages", "waited"),
    [(ENOUGH - 1, 1.0), (ENOUGH, FIRST_PART), (1_400, FIRST_PART)],
    ids=["few", "enough", "many"],
)
def test_what_is_worth_a_write_waits_for_the_first_part_of_the_linger_alone(
    monkeypatch: pytest.MonkeyPatch, messages: int, waited: float
) -> None:
    clock = [0.0]
    monkeypatch.setattr("shared.kafka.in_hand.time", SimpleNamespace(monotonic=lambda: clock[0]))
    in_hand = InHand(cast("Member", Trickle(messages, clock)), size=1500, linger=1.0)

    _, is_all = in_hand.take_in()

    assert clock == [pytest.approx(waited)]
    assert is_all

"""What an intake takes in at once, and what it says of the rest."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.kafka.in_hand import MAX_BATCH_BYTES, InHand
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

"""A member of a group with a real broker: what it commits without waiting, and a client that is changed for another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from shared.contracts.records import Place
from shared.kafka.member import Member
from shared.kafka.member_settings import member_settings
from tests.support.eventually import eventually
from tests.support.ingest_topics import publish
from tests.support.taker import numbered


class Reader:
    """A member, what it lost, and what it read: (value, place, offset)."""

    def __init__(self, bootstrap: str, topic: str, group: str) -> None:
        self.lost: list[set[Place]] = []
        self.read: list[tuple[bytes, Place, int]] = []
        self.member = Member(member_settings(bootstrap, group, "test"), [topic], {}, on_lost=self.lost.append)

    def reads(self, count: int) -> None:
        def more() -> int:
            for message in self.member.consume(100, 0.05):
                if self.member.is_record(message):
                    place = (message.topic() or "", message.partition() or 0)
                    self.read.append((message.value() or b"", place, message.offset() or 0))
            self.member.tend()
            return len(self.read)

        eventually(more, lambda number: number >= count)

    def commits(self) -> None:
        def settled() -> bool:
            self.member.poll_paused()
            return self.member.commits.are_settled

        self.member.commits.commit(self.ends)
        eventually(settled)

    @property
    def ends(self) -> dict[Place, int]:
        """The next offset of each partition, as it was read."""
        return {place: offset + 1 for _, place, offset in self.read}


@pytest.fixture
def reader(bootstrap: str, topic: str) -> Callable[[], Reader]:
    group = f"test.{uuid4().hex}"
    return lambda: Reader(bootstrap, topic, group)


@contextmanager
def joined(reader: Reader) -> Iterator[Reader]:
    reader.member.join()
    yield reader
    reader.member.close()


def test_what_was_committed_just_before_leaving_is_not_read_again(
    bootstrap: str, topic: str, reader: Callable[[], Reader]
) -> None:
    publish(bootstrap, topic, numbered(0, 50))
    with joined(reader()) as first:
        first.reads(50)
        for place, end in first.ends.items():
            first.member.commits.commit({place: end - 1})
            first.member.commits.commit({place: end})
    publish(bootstrap, topic, numbered(50, 60))
    with joined(reader()) as second:
        second.reads(10)

    assert first.member.commits.are_settled
    assert sorted(value for value, _, _ in second.read) == sorted(numbered(50, 60))


def test_a_changed_client_loses_what_was_in_hand_and_reads_on_from_the_commits(
    bootstrap: str, topic: str, reader: Callable[[], Reader]
) -> None:
    publish(bootstrap, topic, numbered(0, 50))
    with joined(reader()) as one:
        one.reads(50)
        one.commits()
        publish(bootstrap, topic, numbered(50, 80))
        one.reads(80)
        held = set(one.member.assigned)
        one.member.renew()

        assert one.lost == [held]
        assert not one.member.assigned
        del one.read[50:]
        one.reads(80)
        one.commits()
        assert one.member.commits.done == one.ends

    assert sorted(value for value, _, _ in one.read) == sorted(numbered(0, 80))

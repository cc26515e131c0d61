import logging
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.records import BatchOutcome, DeadLetter, Untaken, next_offsets
from shared.kafka.holds import TELL_EVERY_TRIES, Holds, PutAside
from tests.support.builders import make_record
from tests.support.clock import Clock

TOPIC = "integration.events.order"
ONE, OTHER = (TOPIC, 0), (TOPIC, 1)
MOST_BYTES = 1000


def letter_at(offset: int, partition: int = 0, *, size: int = 3) -> DeadLetter:
    return DeadLetter(make_record(b"x" * size, topic=TOPIC, partition=partition, offset=offset), "NotUtf8", "no text")


def refused(*letters: DeadLetter, error: str = "MSG_SIZE_TOO_LARGE") -> list[Untaken]:
    return [Untaken(letter, error, "too large") for letter in letters]


def outcome_of(offsets: Iterable[int], untaken: Sequence[Untaken] = (), partition: int = 0) -> BatchOutcome:
    records = [make_record(b"", topic=TOPIC, partition=partition, offset=offset) for offset in offsets]
    return BatchOutcome(commit=next_offsets(records), untaken=untaken)


def holds_of(clock: Clock) -> Holds:
    return Holds(PutAside(delay_before=lambda attempt: 10.0 * attempt, most_bytes=MOST_BYTES), clock=clock)


def test_a_partition_is_committed_as_far_as_its_first_letter_that_waits_and_others_wholly() -> None:
    holds = holds_of(Clock())
    both = BatchOutcome(commit={ONE: 9, OTHER: 50}, untaken=refused(letter_at(7), letter_at(5)))

    assert holds.settle(both, set()) == {ONE: 5, OTHER: 50}
    assert holds.places == {ONE}
    assert [one.letter.record.address.offset for one in holds.all()[ONE].untaken] == [5, 7]


def test_what_was_in_hand_behind_it_is_committed_with_it_when_its_letters_are_taken() -> None:
    clock, first, second = Clock(), letter_at(5), letter_at(12)
    holds = holds_of(clock)
    holds.settle(outcome_of(range(9), refused(first)), set())

    assert holds.settle(outcome_of(range(9, 20), refused(second)), set()) == {}
    assert holds.take([first], []) == {ONE: 12}
    assert holds.find_due() == [second]
    assert holds.take([second], []) == {ONE: 20}
    assert holds.places == set()


def test_one_letter_is_tried_while_there_is_no_hope_and_the_pauses_grow() -> None:
    clock, first, second = Clock(), letter_at(5), letter_at(6)
    holds = holds_of(clock)
    holds.settle(outcome_of(range(9), refused(first, second)), set())
    assert (holds.find_due(), holds.seconds_until_due()) == ([], 10.0)

    clock.now += 10
    assert holds.find_due() == [first]
    assert holds.take([first], refused(first)) == {ONE: 5}
    assert holds.seconds_until_due() == 20.0

    clock.now += 20
    holds.take([first], [])
    assert (holds.find_due(), holds.seconds_until_due()) == ([second], 0)


def test_a_refusal_is_an_error_and_an_answer_that_is_only_late_a_warning_unless_it_lasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, letter = Clock(), letter_at(5)
    holds_of(clock).settle(outcome_of(range(9), refused(letter)), set())
    holds = holds_of(clock)
    late = refused(letter, error="_MSG_TIMED_OUT")
    holds.settle(outcome_of(range(9), late), set())
    for _ in range(TELL_EVERY_TRIES):
        holds.take([letter], late)

    told = [(line.message, line.levelno) for line in caplog.records]
    assert told == [("partition.held", level) for level in (logging.ERROR, logging.WARNING, logging.ERROR)]


def test_a_partition_that_went_away_is_forgotten_and_its_letters_hold_nothing_any_more() -> None:
    holds, letter = holds_of(Clock()), letter_at(5)
    holds.settle(outcome_of(range(9), refused(letter)), set())

    holds.drop({ONE, OTHER})

    assert (holds.take([letter], []), holds.seconds_until_due()) == ({}, None)
    assert holds.settle(outcome_of(range(9, 12), refused(letter_at(10))), {ONE}) == {}
    assert holds.places == set()


def test_the_reason_that_is_told_is_the_latest() -> None:
    holds, letter = holds_of(Clock()), letter_at(5)
    holds.settle(outcome_of(range(9), refused(letter)), set())

    holds.take([letter], refused(letter, error="TOPIC_AUTHORIZATION_FAILED"))

    assert holds.all()[ONE].first.error == "TOPIC_AUTHORIZATION_FAILED"


def test_what_waits_has_a_bound() -> None:
    holds = holds_of(Clock())
    holds.settle(outcome_of([0], refused(letter_at(0, size=MOST_BYTES // 2))), set())
    assert not holds.are_full
    large = letter_at(0, 1, size=MOST_BYTES // 2 + 1)
    holds.settle(outcome_of([0], refused(large), partition=1), set())
    assert holds.are_full
    holds.take([large], [])
    assert not holds.are_full


@given(st.lists(st.tuples(st.sets(st.integers(0, 9)), st.booleans()), max_size=6), st.data())
def test_no_commit_passes_a_letter_that_waits_and_none_goes_back(batches: list[tuple[set[int], bool]], data) -> None:
    clock = Clock()
    holds, waiting, committed, end = holds_of(clock), set[int](), 0, 0
    for bad, tries in batches:
        letters = [letter_at(end + number) for number in sorted(bad)]
        waiting |= {letter.record.address.offset for letter in letters}
        commits = [holds.settle(outcome_of(range(end, end + 10), refused(*letters)), set())]
        end += 10
        clock.now += 1000
        if tries and (due := holds.find_due()):
            no = [letter for letter in due if data.draw(st.booleans())]
            waiting -= {letter.record.address.offset for letter in due if letter not in no}
            commits.append(holds.take(due, refused(*no)))
        for at in [commit[ONE] for commit in commits if ONE in commit]:
            assert committed <= at
            committed = at
        assert committed == min(waiting, default=end)

import pytest

from services.ingest.core.limit import DeadLetterLimit
from shared.contracts.errors import DeadLetterLimitReached


def test_a_run_of_dead_letters_stops_the_worker_and_says_what_to_do() -> None:
    limit = DeadLetterLimit(run=5).check([True] * 4)

    with pytest.raises(DeadLetterLimitReached, match=r"5 records in a row.*PONTE_INGEST_DEAD_LETTER_RUN"):
        limit.check([True])


def test_one_good_record_ends_a_run() -> None:
    DeadLetterLimit(run=5).check([True] * 4).check([False]).check([True] * 4)


def test_a_share_of_the_latest_records_stops_the_worker() -> None:
    limit = DeadLetterLimit(run=100, ratio=0.5, window=10).check([True, False] * 4)

    with pytest.raises(DeadLetterLimitReached, match="of the latest 10 records"):
        limit.check([True, True])


def test_dead_letters_that_good_records_lie_between_are_counted_together() -> None:
    limit = DeadLetterLimit(run=100, ratio=0.5, window=10).check([True] * 5).check([False] * 5)

    with pytest.raises(DeadLetterLimitReached, match="5 of the latest 10 records"):
        limit.check([False] * 5 + [True] * 5)


def test_a_share_is_of_the_latest_records_alone() -> None:
    limit = DeadLetterLimit(run=100, ratio=0.5, window=10).check([True] * 5).check([False] * 10)

    limit.check([True] * 4)


def test_a_share_of_few_records_says_nothing_yet() -> None:
    DeadLetterLimit(run=100, ratio=0.5, window=10).check([True] * 9)


def test_a_repeated_batch_is_not_counted_twice() -> None:
    limit = DeadLetterLimit(run=5)

    tries = [limit.check([True] * 4) for _ in range(3)]

    assert limit == DeadLetterLimit(run=5)
    assert [(done.seen, done.in_a_row) for done in tries] == [(4, 4)] * 3

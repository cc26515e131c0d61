from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.reprocessor.core.pace import Pace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_without_a_limit_nothing_waits():
    pace = Pace(None)

    assert pace.limit_batch(500) == 500
    assert pace.reserve(500, now=NOW) == 0.0


def test_the_first_items_go_at_once_and_the_next_wait_for_their_slots():
    pace = Pace(10)

    assert pace.reserve(5, now=NOW) == 0.0
    assert pace.reserve(5, now=NOW) == 0.5
    assert pace.reserve(1, now=NOW) == 1.0


def test_time_that_passed_unused_is_not_saved_up():
    pace = Pace(10)
    pace.reserve(1, now=NOW)

    later = NOW + timedelta(minutes=5)

    assert pace.reserve(10, now=later) == 0.0
    assert pace.reserve(1, now=later) == 1.0


def test_a_slow_job_goes_one_by_one():
    assert Pace(3).limit_batch(500) == 1


def test_another_runner_goes_on_from_the_slot_where_the_last_one_stopped():
    first = Pace(1)
    first.reserve(1, now=NOW)

    assert Pace(1, first.next_at).reserve(1, now=NOW) == 1.0


@given(rate=st.integers(1, 2000), steps=st.integers(1, 200), spent=st.floats(0, 0.05))
def test_over_time_no_more_than_the_rate_goes_out(rate, steps, spent):
    pace, now, sent = Pace(rate), NOW, 0
    for _ in range(steps):
        batch = pace.limit_batch(500)
        now += timedelta(seconds=pace.reserve(batch, now=now))
        sent += batch
        now += timedelta(seconds=spent)

    elapsed = (now - NOW).total_seconds()
    assert sent <= rate * elapsed + pace.limit_batch(500) + 1


def test_a_clock_that_was_set_back_holds_nothing_up():
    pace = Pace(10)
    pace.reserve(1, now=NOW)

    earlier = NOW - timedelta(hours=1)

    assert pace.reserve(1, now=earlier) == 0.0
    assert pace.reserve(1, now=earlier) == 0.1

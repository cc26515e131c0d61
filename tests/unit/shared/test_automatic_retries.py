from datetime import timedelta

import pytest

from shared.contracts.automatic_retries import HORIZON, next_retry_at, tries_of
from tests.support.reprocessing import AT, make_entry

MINUTE = timedelta(minutes=1)
DELAYS = (MINUTE, 5 * MINUTE, 15 * MINUTE)
DOWN, UNNAMED, DEFECT, SLA = ({"code": code, "message": "x"} for code in ("NET-DOWN", "whatever", "SYS-BUG", "ORD-SLA"))


def failed(**changes):
    return make_entry(**{"causes": [DOWN], **changes})


def mark(tries=None, state="answered", at=AT - MINUTE):
    return {"id": "a", "state": state, "claimed_at": at, **({} if tries is None else {"tries": tries})}


def at(entry, delays=DELAYS, now=AT):
    return next_retry_at(entry, delays, now=now)


def test_the_first_retry_comes_a_delay_after_the_failure_was_heard():
    assert at(failed(received_at=AT + MINUTE)) == AT + 2 * MINUTE


@pytest.mark.parametrize(("tries", "delay"), [(1, 5 * MINUTE), (2, 15 * MINUTE)])
def test_each_further_one_waits_longer(tries, delay):
    assert at(failed(reprocess=mark(tries))) == AT + delay


def test_after_the_last_one_it_is_left_to_people():
    assert at(failed(reprocess=mark(3))) is None
    assert at(failed(), delays=()) is None


def test_an_unanswered_retry_counts_from_when_it_was_asked():
    assert at(failed(reprocess=mark(1, "unknown", AT + MINUTE))) == AT + 6 * MINUTE


def test_a_person_or_a_success_begins_the_delays_anew():
    by_person = failed(reprocess=mark())
    worked = failed(reprocess=mark(3), last_success_at=AT - timedelta(seconds=30))
    worked_before = failed(reprocess=mark(3), last_success_at=AT - 2 * MINUTE)

    assert [tries_of(entry) for entry in (by_person, worked, worked_before)] == [0, 0, 3]
    assert at(by_person) == at(worked) == AT + MINUTE


def test_after_a_cancelled_one_there_is_none_until_the_item_is_heard_of_again():
    cancelled = {**mark(1, "unknown"), "cancelled": True}

    assert at(failed(reprocess=cancelled, received_at=AT - MINUTE)) is None
    assert at(failed(reprocess=cancelled)) == AT + 5 * MINUTE


@pytest.mark.parametrize("causes", [[SLA], [DOWN, SLA], []])
def test_what_a_person_must_mend_is_not_tried_by_itself(causes):
    assert at(failed(causes=causes)) is None


def test_causes_that_nobody_named_yet_are_tried():
    assert at(failed(causes=[DOWN, UNNAMED])) == AT + MINUTE


def test_the_catalogue_may_allow_fewer():
    assert at(failed(causes=[DEFECT, DOWN])) == AT + MINUTE
    assert at(failed(causes=[DEFECT, DOWN], reprocess=mark(1))) is None


@pytest.mark.parametrize("changes", [{"status": "success"}, {"status": "processing"}, {"reprocess": mark(1, "sent")}])
def test_what_did_not_fail_or_is_being_tried_has_no_next_retry(changes):
    assert at(failed(**changes)) is None


def test_what_is_long_ago_is_left_to_people():
    assert at(failed(), now=AT + HORIZON - MINUTE) == AT + MINUTE
    assert at(failed(), now=AT + HORIZON) is None

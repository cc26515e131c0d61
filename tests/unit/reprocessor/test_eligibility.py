import pytest

from services.reprocessor.core.eligibility import check, has_gone, is_in_hand, was_refused
from tests.support.reprocessing import AT, make_entry

NOBODY = frozenset()


def mark(job_id, state):
    return {"id": job_id, "state": state, "claimed_at": AT, "requested_by": "ana"}


@pytest.mark.parametrize("state", ["claimed", "sent"])
def test_what_another_job_has_under_way_is_in_progress(state):
    entry = make_entry(reprocess=mark("other", state))

    assert check(entry, job_id="job-1", explicit=True, paused=NOBODY) == "in_progress"


@pytest.mark.parametrize("state", ["answered", "unknown"])
def test_what_another_job_has_finished_may_go_again(state):
    entry = make_entry(reprocess=mark("other", state))

    assert check(entry, job_id="job-1", explicit=True, paused=NOBODY) is None


def test_our_own_claim_does_not_stand_in_our_way():
    entry = make_entry(reprocess=mark("job-1", "claimed"))

    assert check(entry, job_id="job-1", explicit=False, paused=NOBODY) is None
    assert is_in_hand(entry, "job-1")
    assert not has_gone(entry, "job-1")


@pytest.mark.parametrize("state", ["sent", "answered", "unknown"])
def test_what_we_sent_has_gone_whatever_became_of_it(state):
    entry = make_entry(reprocess={**mark("job-1", state), "sent_at": AT})

    assert has_gone(entry, "job-1")
    assert not was_refused(entry, "job-1")


def test_what_we_gave_up_without_sending_it_was_refused_and_has_not_gone():
    entry = make_entry(reprocess=mark("job-1", "unknown"))

    assert was_refused(entry, "job-1")
    assert not has_gone(entry, "job-1")
    assert not was_refused(entry, "job-2")
    assert not was_refused(make_entry(reprocess=mark("job-1", "claimed")), "job-1")


def test_a_paused_integration_gets_no_retries_even_for_named_items():
    assert check(make_entry(), job_id="job-1", explicit=True, paused={"MLC"}) == "paused"
    assert check(make_entry(), job_id="job-1", explicit=True, paused={"AMZ"}) is None


def test_absent_and_successful_entries_are_refused_by_the_shared_rule():
    assert check(None, job_id="job-1", explicit=True, paused=NOBODY) == "not_found"
    assert check(make_entry(status="success"), job_id="job-1", explicit=True, paused=NOBODY) == "not_failed"

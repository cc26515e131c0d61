from datetime import timedelta

import pytest

from services.reprocessor.handlers.rescuing import rescue
from tests.support.reprocessing import make_entry

ENTRY = "loja|order|MLC|2000004567"


def marked(world, state, **ago):
    at = world.clock.at - timedelta(**ago)
    return {"id": "job-1", "state": state, "claimed_at": at, "sent_at": at, "requested_by": "ana"}


async def rescues(world):
    return await rescue(world.entries, world.jobs, world.clock, world.plugs.limits)


@pytest.mark.parametrize("state", ["done", "cancelled", "failed"])
async def test_a_claim_of_a_job_that_ended_is_given_back(world, state):
    await world.asks()
    world.job()["state"] = state
    world.holds(make_entry(reprocess=marked(world, "claimed", seconds=61)))

    rescued = await rescues(world)

    assert (rescued.claims, world.entries.state_of(ENTRY)) == (1, "unknown")


async def test_a_claim_of_a_job_that_is_gone_is_given_back(world):
    world.holds(make_entry(reprocess=marked(world, "claimed", seconds=61)))

    await rescues(world)

    assert world.entries.state_of(ENTRY) == "unknown"


async def test_a_claim_of_a_job_that_still_runs_is_left_to_it(world):
    await world.asks()
    world.holds(make_entry(reprocess=marked(world, "claimed", hours=1)))

    await rescues(world)

    assert world.entries.state_of(ENTRY) == "claimed"


async def test_a_young_claim_is_left_alone(world):
    world.holds(make_entry(reprocess=marked(world, "claimed", seconds=59)))

    await rescues(world)

    assert world.entries.state_of(ENTRY) == "claimed"


async def test_a_retry_that_nobody_answered_may_be_asked_again(world):
    world.holds(make_entry(reprocess=marked(world, "sent", minutes=16)))

    rescued = await rescues(world)
    await world.asks(id="job-2")
    await world.works_on()

    assert rescued.answers == 1
    assert world.counts("job-2")["sent"] == 1


@pytest.mark.parametrize(("state", "minutes"), [("sent", 14), ("answered", 60)])
async def test_a_retry_that_is_young_or_answered_stays(world, state, minutes):
    world.holds(make_entry(reprocess=marked(world, state, minutes=minutes)))

    await rescues(world)

    assert world.entries.state_of(ENTRY) == state

import asyncio
from datetime import timedelta

import pytest

from services.reprocessor.entrypoints.runner import reprocess_jobs, reprocess_loop
from services.reprocessor.handlers.ports import Delivery
from shared.contracts.errors import OutcomeUnknown
from shared.runtime.job_loop import Bell
from tests.support.eventually import eventually_async
from tests.support.reprocessing import make_entry


async def test_a_resting_loop_takes_a_new_job_at_once(world):
    bell = Bell()
    running = asyncio.create_task(reprocess_loop("one", world.plugs, bell, idle=timedelta(seconds=60)).run())
    world.holds(make_entry())
    await world.asks()

    bell.wake()
    await eventually_async(lambda: world.jobs.find("loja", "job-1"), lambda job: job["state"] == "done", within=5)

    bell.stop()
    await asyncio.wait_for(running, 5)


async def test_a_job_that_cannot_move_is_given_back_for_the_next_try(world):
    world.holds(make_entry())
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "timed out")
    await world.asks()

    with pytest.raises(OutcomeUnknown):
        await reprocess_jobs("one", world.plugs, lambda: True).work()

    assert world.job()["leased_by"] is None

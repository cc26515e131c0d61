import asyncio
from datetime import timedelta

import pytest

from services.reprocessor.entrypoints.runner import Runner, Stopping
from services.reprocessor.handlers.ports import Delivery
from shared.contracts.errors import OutcomeUnknown, StoreUnavailable
from tests.support.eventually import eventually_async
from tests.support.reprocessing import make_entry


@pytest.fixture
def stopping():
    return Stopping(asyncio.Event())


def runner_of(world, stopping, name="one", idle=60.0):
    return Runner(name, world.plugs, stopping=stopping, idle=timedelta(seconds=idle))


async def test_a_resting_runner_takes_a_new_job_at_once(world, stopping):
    running = asyncio.create_task(runner_of(world, stopping).run())
    world.holds(make_entry())
    await world.asks()

    stopping.wake.set()
    await eventually_async(lambda: world.jobs.find("loja", "job-1"), lambda job: job["state"] == "done", within=5)

    stopping.ask()
    await asyncio.wait_for(running, 5)


async def test_runners_that_rest_end_when_asked_to_stop(world, stopping):
    running = [asyncio.create_task(runner_of(world, stopping, name).run()) for name in ("one", "two")]
    await asyncio.sleep(0)

    stopping.ask()

    await asyncio.wait_for(asyncio.gather(*running), 5)


async def test_a_job_that_cannot_move_is_given_back_for_the_next_try(world, stopping):
    world.holds(make_entry())
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "timed out")
    await world.asks()

    with pytest.raises(OutcomeUnknown):
        await runner_of(world, stopping).run_once()

    assert world.job()["leased_by"] is None


async def test_a_store_that_is_away_for_a_while_ends_nothing(world, stopping):
    world.holds(make_entry())
    await world.asks()
    lease, failures = world.jobs.lease, [StoreUnavailable("away"), StoreUnavailable("away")]

    async def unreliable(**arguments):
        if failures:
            raise failures.pop()
        return await lease(**arguments)

    world.jobs.lease = unreliable
    running = asyncio.create_task(runner_of(world, stopping, idle=0.01).run())
    await eventually_async(lambda: world.jobs.find("loja", "job-1"), lambda job: job["state"] == "done", within=5)

    stopping.ask()
    await asyncio.wait_for(running, 5)


async def test_a_defect_ends_the_runner(world, stopping):
    async def broken(**_):
        raise ZeroDivisionError

    world.jobs.lease = broken

    with pytest.raises(ZeroDivisionError):
        await runner_of(world, stopping).run()

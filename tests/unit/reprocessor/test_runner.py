import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.reprocessor.entrypoints.runner import reprocess_jobs, reprocess_loop
from services.reprocessor.handlers.accepting import accept_command
from services.reprocessor.handlers.ports import Delivery
from shared.contracts.errors import OutcomeUnknown
from shared.runtime.clock import now
from shared.runtime.job_loop import Bell
from tests.support.eventually import eventually_async
from tests.support.reprocessing import make_command, make_entry


async def test_a_resting_loop_takes_a_new_job_at_once(world):
    bell = Bell()
    running = asyncio.create_task(reprocess_loop("one", world.plugs, bell, idle=timedelta(seconds=60)).run())
    world.holds(make_entry())
    await world.asks()

    bell.wake()
    await eventually_async(lambda: world.jobs.find("loja", "job-1"), lambda job: job["state"] == "done", within=5)

    bell.stop()
    await asyncio.wait_for(running, 5)


async def test_a_batch_that_takes_longer_than_the_lease_stays_with_its_runner(world):
    world.holds(make_entry())
    world.limit(lease=timedelta(seconds=0.3), publish_timeout=timedelta(milliseconds=1))
    world.plugs = replace(world.plugs, clock=now)
    began, may_end, publish = asyncio.Event(), asyncio.Event(), world.topics.publish

    async def publish_slowly(kind, messages, **conditions):
        began.set()
        await may_end.wait()
        return await publish(kind, messages, **conditions)

    world.topics.publish = publish_slowly
    await accept_command(make_command(), world.jobs, now)

    working = asyncio.create_task(reprocess_jobs("one", world.plugs, lambda: True).work())
    await began.wait()
    first_lease = world.job()["leased_until"]
    await eventually_async(lambda: world.jobs.find("loja", "job-1"), lambda _: now() > first_lease, within=5)
    may_end.set()
    another = await reprocess_jobs("two", world.plugs, lambda: True).work()
    await working

    assert (another, len(world.topics.event_ids)) == (False, 1)
    assert (world.job()["state"], world.counts()["sent"]) == ("done", 1)


async def test_a_job_that_cannot_move_is_given_back_for_the_next_try(world):
    world.holds(make_entry())
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "timed out")
    await world.asks()

    with pytest.raises(OutcomeUnknown):
        await reprocess_jobs("one", world.plugs, lambda: True).work()

    assert world.job()["leased_by"] is None


async def test_a_defect_ends_its_own_job_and_the_next_one_is_worked(world, caplog):
    world.holds(make_entry(), make_entry("poison"))
    await world.asks(id="bad", items=[{"affiliate": "MLC", "code": "poison"}])
    await world.asks(id="unreadable")
    world.job("unreadable")["progress"] = {"next_at": "yesterday"}
    await world.asks(id="good")
    publish = world.topics.publish

    async def stumble(kind, messages, **_):
        if messages[0].key.endswith("poison"):
            raise ZeroDivisionError("division by zero")
        return await publish(kind, messages)

    world.topics.publish = stumble
    jobs = reprocess_jobs("one", world.plugs, lambda: True)

    assert [await jobs.work() for _ in range(4)] == [True, True, True, False]
    states = {name: world.job(name)["state"] for name in ("bad", "unreadable", "good")}
    assert states == {"bad": "failed", "unreadable": "failed", "good": "done"}
    assert world.job("bad")["error"] == "a defect of the reprocessor: ZeroDivisionError: division by zero"
    assert world.job("unreadable")["error"].startswith("a defect of the reprocessor: ")
    assert (world.status.told[1]["id"], world.status.told[1]["state"]) == ("bad", "failed")
    logged = [(line.getMessage(), line.exc_info[0]) for line in caplog.records]
    assert logged[0] == ("job.failed", ZeroDivisionError)
    assert len(logged) == 2

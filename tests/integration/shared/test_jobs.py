import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.errors import LeaseLost
from shared.contracts.names import EXPORTS
from shared.mongo.jobs import Jobs

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SLICE = timedelta(seconds=20)


@pytest.fixture
def jobs(database):
    return Jobs(database, EXPORTS)


def command(job_id="1", account="loja"):
    return {"id": job_id, "account": account, "filter": {"status": ["error"]}}


async def test_a_command_that_comes_twice_is_one_job(jobs):
    first = await jobs.insert(command(), now=NOW)
    again = await jobs.insert(command() | {"filter": {}}, now=NOW + SLICE)
    assert again["command"] == first["command"]
    assert len(await jobs.list_jobs("loja", limit=50)) == 1


async def test_each_account_has_its_own_ids(jobs):
    await jobs.insert(command(account="loja"), now=NOW)
    await jobs.insert(command(account="outra"), now=NOW)
    assert (await jobs.find("loja", "1"))["account"] == "loja"
    assert await jobs.find("terceira", "1") is None


async def test_a_job_has_one_holder_however_many_ask(jobs):
    for n in range(5):
        await jobs.insert(command(str(n)), now=NOW)
    leases = await asyncio.gather(*(jobs.lease(worker=f"w{n}", now=NOW, lease_for=SLICE) for n in range(20)))
    held = [job["id"] for job in leases if job]
    assert sorted(held) == ["0", "1", "2", "3", "4"]


async def test_a_lease_that_ran_out_goes_to_the_next_worker_and_the_old_one_learns_it(jobs):
    await jobs.insert(command(), now=NOW)
    job = await jobs.lease(worker="old", now=NOW, lease_for=SLICE)
    await jobs.record_progress(job, {"rows_done": 5}, worker="old", now=NOW, lease_for=SLICE)
    assert await jobs.lease(worker="new", now=NOW + SLICE / 2, lease_for=SLICE) is None
    taken = await jobs.lease(worker="new", now=NOW + 2 * SLICE, lease_for=SLICE)
    assert taken["progress"] == {"rows_done": 5}
    with pytest.raises(LeaseLost):
        await jobs.record_progress(job, {"rows_done": 9}, worker="old", now=NOW, lease_for=SLICE)
    assert await jobs.finish(job, "done", worker="old", now=NOW) is None


async def test_a_released_job_is_free_at_once(jobs):
    await jobs.insert(command(), now=NOW)
    job = await jobs.lease(worker="a", now=NOW, lease_for=SLICE)
    await jobs.release(job, worker="a", now=NOW)
    assert (await jobs.lease(worker="b", now=NOW, lease_for=SLICE))["leased_by"] == "b"


async def test_a_finished_job_is_never_leased_again(jobs):
    await jobs.insert(command(), now=NOW)
    job = await jobs.lease(worker="a", now=NOW, lease_for=SLICE)
    done = await jobs.finish(job, "done", worker="a", now=NOW, progress={"rows": 3})
    assert (done["state"], done["progress"], done["finished_at"]) == ("done", {"rows": 3}, NOW)
    assert await jobs.lease(worker="a", now=NOW + 10 * SLICE, lease_for=SLICE) is None


async def test_cancelling_flags_a_queued_job_that_nobody_asked_for_and_leaves_its_end_to_the_worker(jobs):
    await jobs.insert(command("automatic:order:1:1"), now=NOW, keep_for=10 * SLICE)
    flagged = await jobs.request_cancel("loja", "automatic:order:1:1", now=NOW)
    assert (flagged["state"], flagged["cancel_requested"]) == ("queued", True)
    assert (await jobs.lease(worker="a", now=NOW, lease_for=SLICE))["cancel_requested"]


async def test_a_job_rests_as_long_as_it_is_told_or_until_it_is_cancelled(jobs):
    for name in ("rests", "cancelled"):
        await jobs.insert(command(name), now=NOW)
        job = await jobs.lease(worker="a", now=NOW, lease_for=SLICE)
        await jobs.release(job, worker="a", now=NOW, rest_for=3 * SLICE)
    assert await jobs.lease(worker="b", now=NOW + 2 * SLICE, lease_for=SLICE) is None

    await jobs.request_cancel("loja", "cancelled", now=NOW + 2 * SLICE)

    assert (await jobs.lease(worker="b", now=NOW + 2 * SLICE, lease_for=SLICE))["id"] == "cancelled"
    assert (await jobs.lease(worker="b", now=NOW + 3 * SLICE, lease_for=SLICE))["id"] == "rests"


async def test_cancelling_ends_a_queued_job_and_flags_a_running_one(jobs):
    await jobs.insert(command("queued"), now=NOW)
    assert (await jobs.request_cancel("loja", "queued", now=NOW))["state"] == "cancelled"
    await jobs.insert(command("running"), now=NOW)
    await jobs.lease(worker="a", now=NOW, lease_for=SLICE)
    flagged = await jobs.request_cancel("loja", "running", now=NOW)
    assert (flagged["state"], flagged["cancel_requested"]) == ("running", True)
    assert await jobs.request_cancel("outra", "running", now=NOW) is None

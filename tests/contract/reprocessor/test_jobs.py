from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.errors import LeaseLost
from shared.contracts.names import REPROCESS_REQUESTS
from shared.mongo.jobs import Jobs
from tests.support.fakes.reprocessor import FakeJobs
from tests.support.reprocessing import AT

MINUTE = timedelta(minutes=1)


def command_of(job_id, **changes):
    return {"account": "loja", "id": job_id, "kind": "order", "filter": {}, **changes}


class JobsSuite:
    """What the reprocessor needs of jobs; `jobs` comes from the implementation's class."""

    jobs: Any

    async def test_the_first_command_of_an_id_wins(self):
        await self.jobs.insert(command_of("a"), now=AT)

        stored = await self.jobs.insert(command_of("a", kind="price"), now=AT)

        assert (stored["command"]["kind"], stored["state"], stored["progress"]) == ("order", "queued", {})

    async def test_a_leased_job_is_nobody_elses_until_the_lease_ends(self):
        await self.jobs.insert(command_of("a"), now=AT)

        first = await self.jobs.lease(worker="one", now=AT, lease_for=MINUTE)
        meanwhile = await self.jobs.lease(worker="two", now=AT, lease_for=MINUTE)
        later = await self.jobs.lease(worker="two", now=AT + MINUTE, lease_for=MINUTE)

        assert (first["state"], meanwhile, later["_id"]) == ("running", None, first["_id"])
        with pytest.raises(LeaseLost):
            await self.jobs.record_progress(first, {"sent": 1}, worker="one", now=AT, lease_for=MINUTE)

    async def test_the_job_that_waits_longest_has_its_turn(self):
        await self.jobs.insert(command_of("large"), now=AT)
        await self.jobs.insert(command_of("small"), now=AT + timedelta(seconds=1))
        large = await self.jobs.lease(worker="one", now=AT + timedelta(seconds=2), lease_for=MINUTE)
        await self.jobs.release(large, worker="one", now=AT + timedelta(seconds=3))

        following = await self.jobs.lease(worker="one", now=AT + timedelta(seconds=3), lease_for=MINUTE)

        assert following["command"]["id"] == "small"

    async def test_progress_is_kept_and_the_job_shows_a_wish_to_cancel(self):
        await self.jobs.insert(command_of("a"), now=AT)
        job = await self.jobs.lease(worker="one", now=AT, lease_for=MINUTE)

        progress = {"sent": 3, "skipped": {"never": 2}, "next_at": None, "last_id": "x|$.|y"}
        job = await self.jobs.record_progress(job, progress, worker="one", now=AT, lease_for=MINUTE)

        assert job["progress"] == progress
        assert job["cancel_requested"] is False

    async def test_an_ended_job_is_never_leased_again(self):
        await self.jobs.insert(command_of("a"), now=AT)
        job = await self.jobs.lease(worker="one", now=AT, lease_for=MINUTE)

        await self.jobs.finish(job, "failed", worker="one", now=AT, error="why")

        assert await self.jobs.lease(worker="two", now=AT + 2 * MINUTE, lease_for=MINUTE) is None
        found = await self.jobs.find("loja", "a")
        assert (found["state"], found["error"]) == ("failed", "why")

    async def test_another_accounts_job_is_another_job(self):
        await self.jobs.insert(command_of("a"), now=AT)

        assert await self.jobs.find("outra", "a") is None

    async def test_a_job_that_has_not_ended_is_found_by_how_its_id_begins(self):
        await self.jobs.insert(command_of("automatic:order:1:7"), now=AT)
        told = [
            await self.jobs.has_unfinished("loja", prefix) for prefix in ("automatic:order:1:", "automatic:order:2:")
        ]
        elsewhere = await self.jobs.has_unfinished("outra", "automatic:order:1:")
        job = await self.jobs.lease(worker="one", now=AT, lease_for=MINUTE)
        running = await self.jobs.has_unfinished("loja", "automatic:order:1:")

        await self.jobs.finish(job, "done", worker="one", now=AT)

        assert (told, elsewhere, running) == ([True, False], False, True)
        assert not await self.jobs.has_unfinished("loja", "automatic:order:1:")


class TestFakeJobs(JobsSuite):
    @pytest.fixture(autouse=True)
    def plug(self):
        self.jobs = FakeJobs()


class TestMongoJobs(JobsSuite):
    @pytest.fixture(autouse=True)
    async def plug(self, database):
        self.jobs = Jobs(database, REPROCESS_REQUESTS)

    async def test_a_job_of_a_while_says_until_when_it_is_kept(self, database):
        await self.jobs.insert(command_of("short"), now=AT, keep_for=MINUTE)
        await self.jobs.insert(command_of("for ever"), now=AT)

        kept = {job["id"]: job.get("expires_at") async for job in database[REPROCESS_REQUESTS].find()}

        assert kept == {"short": AT + MINUTE, "for ever": None}

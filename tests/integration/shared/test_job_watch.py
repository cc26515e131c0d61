"""What operators hear of jobs, on a real MongoDB."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.names import EXPORTS
from shared.mongo.client import Database
from shared.runtime.job_watch import ENDS, CountedJobs, JobWatch
from shared.runtime.metrics import JOBS_ENDED, JOBS_WAITING

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SLICE = timedelta(seconds=20)


@pytest.fixture
def jobs(database: Database, account: str) -> CountedJobs:
    return CountedJobs(database, EXPORTS, service=account)


def ended(jobs: CountedJobs) -> list[float]:
    return [JOBS_ENDED.labels(jobs.service, state)._value.get() for state in ENDS]


async def waiting(jobs: CountedJobs, now: datetime) -> float:
    await JobWatch(jobs, clock=lambda: now).run_once()
    return JOBS_WAITING.labels(jobs.service)._value.get()


async def test_an_end_is_counted_once_by_whoever_brought_it_about(jobs: CountedJobs) -> None:
    await jobs.insert({"id": "1", "account": "loja"}, now=NOW)
    job = await jobs.lease(worker="a", now=NOW, lease_for=SLICE)
    assert job is not None
    assert ended(jobs) == [0, 0, 0]

    await jobs.finish(job, "failed", worker="somebody else", now=NOW)
    await jobs.finish(job, "failed", worker="a", now=NOW, error="no rights")
    await jobs.finish(job, "failed", worker="a", now=NOW, error="no rights")

    assert ended(jobs) == [0, 1, 0]


async def test_a_job_waits_until_somebody_holds_it_and_again_when_that_lease_is_over(jobs: CountedJobs) -> None:
    assert await waiting(jobs, NOW) == 0

    await jobs.insert({"id": "1", "account": "loja"}, now=NOW)
    assert await waiting(jobs, NOW + SLICE) == 20

    await jobs.lease(worker="a", now=NOW + SLICE, lease_for=SLICE)
    assert await waiting(jobs, NOW + SLICE) == 0
    assert await waiting(jobs, NOW + 5 * SLICE) == 60


async def test_a_job_that_rests_or_has_ended_does_not_wait(jobs: CountedJobs) -> None:
    for job_id in ("1", "2"):
        await jobs.insert({"id": job_id, "account": "loja"}, now=NOW)
    ends, rests = [await jobs.lease(worker="a", now=NOW, lease_for=SLICE) for _ in range(2)]
    assert ends is not None
    assert rests is not None

    await jobs.finish(ends, "done", worker="a", now=NOW)
    await jobs.release(rests, worker="a", now=NOW, rest_for=3 * SLICE)

    assert await waiting(jobs, NOW + 2 * SLICE) == 0

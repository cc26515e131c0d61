import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.errors import Defect, StoreUnavailable
from shared.runtime.job_loop import Bell, JobLoop, LeasedJobs, name_worker
from shared.runtime.metrics import JOBS_RUNNING
from tests.support.eventually import eventually_async

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LEASE = timedelta(seconds=20)


class Work:
    """What a loop is given to do: `left` pieces of it, `failures` before that."""

    def __init__(self, left: int = 0, *failures: Exception) -> None:
        self.left = left
        self.failures = list(failures)
        self.looks = 0

    async def __call__(self) -> bool:
        self.looks += 1
        if self.failures:
            raise self.failures.pop(0)
        self.left -= 1
        return self.left >= 0


class Leases:
    """One job that may be leased, and what was asked."""

    def __init__(self, *jobs: dict[str, Any]) -> None:
        self.jobs = list(jobs)
        self.leased: list[tuple[str, datetime, timedelta]] = []
        self.released: list[str] = []
        self.is_away = False

    async def lease(self, *, worker: str, now: datetime, lease_for: timedelta) -> dict[str, Any] | None:
        self.leased.append((worker, now, lease_for))
        return self.jobs.pop(0) if self.jobs else None

    async def release(self, job: dict[str, Any], *, worker: str, now: datetime) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        self.released.append(job["_id"])


def loop_of(work: Work, bell: Bell, *, idle: float = 600.0) -> JobLoop:
    return JobLoop("one", work, bell=bell, idle_seconds=idle, postponed="work.postponed")


def jobs_of(leases: Leases, work_slice: Callable[[dict[str, Any]], Awaitable[None]]) -> LeasedJobs:
    return LeasedJobs("one", leases, work_slice, service="test", clock=lambda: NOW, lease_for=LEASE)


async def looked(work: Work, times: int) -> None:
    async def seen() -> int:
        return work.looks

    await eventually_async(seen, lambda looks: looks >= times, within=10)


async def ended(running: "asyncio.Task[None]", bell: Bell) -> None:
    bell.stop()
    await asyncio.wait_for(running, 5)


async def test_there_is_no_rest_while_there_is_work_and_one_when_there_is_none() -> None:
    work, bell = Work(3), Bell()
    running = asyncio.create_task(loop_of(work, bell).run())

    await looked(work, 4)
    await asyncio.sleep(0)
    assert work.looks == 4

    bell.wake()
    await looked(work, 5)
    await ended(running, bell)


async def test_it_looks_by_itself_after_a_while() -> None:
    work, bell = Work(), Bell()
    running = asyncio.create_task(loop_of(work, bell, idle=0.001).run())
    await looked(work, 3)
    await ended(running, bell)


async def test_all_loops_that_rest_end_when_asked_to_stop() -> None:
    bell = Bell()
    works = Work(), Work()
    running = [asyncio.create_task(loop_of(work, bell).run()) for work in works]
    for work in works:
        await looked(work, 1)

    bell.stop()

    await asyncio.wait_for(asyncio.gather(*running), 5)
    assert not bell.may_go_on()


async def test_a_stop_during_a_piece_of_work_lets_it_end_and_begins_no_other() -> None:
    bell, entered, go = Bell(), asyncio.Event(), asyncio.Event()
    done = []

    async def work() -> bool:
        entered.set()
        await go.wait()
        done.append(1)
        return True

    running = asyncio.create_task(JobLoop("one", work, bell=bell, idle_seconds=600, postponed="work.postponed").run())
    await entered.wait()
    bell.stop()
    go.set()

    await asyncio.wait_for(running, 5)
    assert done == [1]


async def test_a_loop_that_was_working_when_another_heard_the_stop_does_not_rest_first() -> None:
    bell, entered, go = Bell(), asyncio.Event(), asyncio.Event()

    async def find_nothing() -> bool:
        entered.set()
        await go.wait()
        return False

    resting = Work()
    loops = (
        loop_of(resting, bell),
        JobLoop("two", find_nothing, bell=bell, idle_seconds=600, postponed="work.postponed"),
    )
    running = [asyncio.create_task(loop.run()) for loop in loops]
    await looked(resting, 1)
    await entered.wait()

    bell.stop()
    await asyncio.wait_for(running[0], 5)
    go.set()

    await asyncio.wait_for(running[1], 5)


async def test_a_server_that_is_away_is_waited_for_and_told(caplog: pytest.LogCaptureFixture) -> None:
    work, bell = Work(1, StoreUnavailable("away"), StoreUnavailable("away")), Bell()
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(loop_of(work, bell).run())
        await looked(work, 4)
        await ended(running, bell)

    told = [record for record in caplog.records if record.message == "work.postponed"]
    assert [(one.facts["runner"], one.facts["failures"], one.facts["why"]) for one in told] == [
        ("one", 1, "away"),
        ("one", 2, "away"),
    ]


async def test_a_defect_ends_the_loop() -> None:
    with pytest.raises(Defect):
        await loop_of(Work(0, Defect("ours")), Bell()).run()


async def test_a_slice_is_worked_under_a_lease_and_counted_meanwhile() -> None:
    leases, counted = Leases({"_id": "a"}), []

    async def work_slice(job: dict[str, Any]) -> None:
        counted.append((job["_id"], JOBS_RUNNING.labels("test")._value.get()))

    jobs = jobs_of(leases, work_slice)
    assert (await jobs.work(), await jobs.work()) == (True, False)

    assert counted == [("a", 1)]
    assert leases.leased[0] == ("one", NOW, LEASE)
    assert (JOBS_RUNNING.labels("test")._value.get(), leases.released) == (0, [])


@pytest.mark.parametrize("released", [["a"], []], ids=["given back", "left to its lease"])
async def test_a_job_that_cannot_go_on_now_is_given_back_or_left_to_its_lease(released: list[str]) -> None:
    leases = Leases({"_id": "a"})
    leases.is_away = not released

    async def work_slice(_: dict[str, Any]) -> None:
        raise StoreUnavailable("away in the middle")

    with pytest.raises(StoreUnavailable, match="in the middle"):
        await jobs_of(leases, work_slice).work()

    assert leases.released == released


def test_no_two_loops_have_the_same_name() -> None:
    assert name_worker() != name_worker()


async def test_a_loop_whose_cancel_was_lost_ends_by_itself() -> None:
    asked = asyncio.Event()

    async def lose_a_cancel() -> bool:
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return True

    loop = JobLoop("one", lose_a_cancel, bell=Bell(), idle_seconds=600, postponed="work.postponed")
    task = asyncio.create_task(loop.run())
    await asked.wait()
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()

"""Reprocess jobs → the story, a slice at a time; several loops may run, here and elsewhere."""

from collections.abc import Callable
from datetime import timedelta

from services.reprocessor.handlers.ports import Document, Plugs
from services.reprocessor.handlers.reprocessing import reprocess_slice
from shared.runtime.job_loop import Bell, JobLoop, LeasedJobs


def reprocess_loop(name: str, plugs: Plugs, bell: Bell, *, idle: timedelta) -> JobLoop:
    """Return a loop that works on reprocess jobs under that name."""
    work = reprocess_jobs(name, plugs, bell.may_go_on).work
    return JobLoop(name, work, bell=bell, idle_seconds=idle.total_seconds(), postponed="slice.postponed")


def reprocess_jobs(name: str, plugs: Plugs, may_go_on: Callable[[], bool]) -> LeasedJobs:
    """Return what works one slice of one reprocess job after the other."""

    async def work_slice(job: Document) -> None:
        await reprocess_slice(job, plugs, worker=name, may_go_on=may_go_on)

    return LeasedJobs(
        name, plugs.jobs, work_slice, service="reprocessor", clock=plugs.clock, lease_for=plugs.limits.lease
    )

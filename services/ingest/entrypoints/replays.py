"""Jobs that send dead letters back → the story, a slice at a time, beside the intakes."""

from collections.abc import Callable
from typing import Final

from services.ingest.handlers.ports import Document
from services.ingest.handlers.replaying import ReplayPlugs, replay_slice
from shared.runtime.job_loop import Bell, JobLoop, LeasedJobs

IDLE_SECONDS: Final = 5.0
"""So often it looks by itself for a job whose command never came."""


def replay_loop(name: str, plugs: ReplayPlugs, bell: Bell) -> JobLoop:
    """Return the loop that works on replay jobs under that name."""
    work = replay_jobs(name, plugs, bell.may_go_on).work
    return JobLoop(name, work, bell=bell, idle_seconds=IDLE_SECONDS, postponed="replay.postponed")


def replay_jobs(name: str, plugs: ReplayPlugs, may_go_on: Callable[[], bool]) -> LeasedJobs:
    """Return what works one slice of one replay job after the other."""

    async def work_slice(job: Document) -> None:
        await replay_slice(job, plugs, worker=name, may_go_on=may_go_on)

    return LeasedJobs(name, plugs.jobs, work_slice, service="ingest", clock=plugs.clock, lease_for=plugs.lease_for)

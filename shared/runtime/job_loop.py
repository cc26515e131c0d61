"""The loop of whoever works on jobs: one piece of work after the other; rest when there is none, back off while a server is away.

    bell = Bell()
    loop = JobLoop("host:1:a", LeasedJobs("host:1:a", jobs, work_slice, …).work, bell=bell, idle_seconds=5, postponed="slice.postponed")
    worker.add_main("runner", loop.run, stop=bell.stop)     # bell.wake: a command came

Several may run, here and elsewhere: a job is leased, not taken, and survives whatever happens to its worker.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from shared.contracts.errors import Transient
from shared.runtime.clock import Clock
from shared.runtime.ending import heed
from shared.runtime.logging import get_logger
from shared.runtime.metrics import JOBS_RUNNING
from shared.runtime.retry import delay_before

Document = dict[str, Any]

log = get_logger(__name__)


def name_worker() -> str:
    """Return a name that no other loop of any process has: a lease belongs to a name."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


class Bell:
    """Wakes the loops of a process that rest: there may be work, or they are asked to end."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._is_stopping = False

    def wake(self) -> None:
        """Look for work now."""
        self._rung.set()

    def stop(self) -> None:
        """Ask the loops to end after the piece of work in hand; safe to repeat."""
        self._is_stopping = True
        self._rung.set()

    def may_go_on(self) -> bool:
        """Say whether nobody asked to stop."""
        return not self._is_stopping

    async def rest(self, seconds: float) -> None:
        """Return after so long, or when it rings; at once when it has rung for the end, whoever else heard that."""
        if self._is_stopping:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        self._rung.clear()


class JobLoop:
    """Calls `work` again and again; it returns whether there was any. `postponed` is the log's event when a server is away."""

    def __init__(
        self, name: str, work: Callable[[], Awaitable[bool]], *, bell: Bell, idle_seconds: float, postponed: str
    ) -> None:
        self._name = name
        self._work = work
        self._bell = bell
        self._idle_seconds = idle_seconds
        self._postponed = postponed

    async def run(self) -> None:
        """Work until the bell says stop. What may pass is waited for; any other error is raised, and ends the worker."""
        failures = 0
        while self._bell.may_go_on():
            try:
                worked, failures = await self._work(), 0
            except Transient as error:
                failures += 1
                await self._back_off(failures, error)
            else:
                if not worked:
                    await self._bell.rest(self._idle_seconds)
            heed()

    async def _back_off(self, failures: int, error: Transient) -> None:
        delay = delay_before(failures)
        facts = {"runner": self._name, "failures": failures, "delay_seconds": round(delay, 2), "why": str(error)}
        log.warning(self._postponed, extra={"facts": facts})
        await self._bell.rest(delay)


class Leases(Protocol):
    """What is asked of the jobs (see shared/mongo/jobs.py)."""

    async def lease(self, *, worker: str, now: datetime, lease_for: timedelta) -> Document | None:
        """Take the job that waits longest; None when there is none."""

    async def release(self, job: Document, *, worker: str, now: datetime) -> Mapping[str, Any] | None:
        """Give the lease back."""


class LeasedJobs:
    """Leases a job of `service`, lets `work_slice` work on it, and gives it back when that could not go on."""

    def __init__(
        self,
        name: str,
        jobs: Leases,
        work_slice: Callable[[Document], Awaitable[None]],
        *,
        service: str,
        clock: Clock,
        lease_for: timedelta,
    ) -> None:
        self._name = name
        self._jobs = jobs
        self._work_slice = work_slice
        self._service = service
        self._clock = clock
        self._lease_for = lease_for

    async def work(self) -> bool:
        """Work one slice of one job; return whether there was one. Raise what the slice raises."""
        job = await self._jobs.lease(worker=self._name, now=self._clock(), lease_for=self._lease_for)
        if job is None:
            return False
        with JOBS_RUNNING.labels(self._service).track_inprogress():
            try:
                await self._work_slice(job)
            except Transient:
                with contextlib.suppress(Transient):  # then the lease ends by time
                    await self._jobs.release(job, worker=self._name, now=self._clock())
                raise
        return True

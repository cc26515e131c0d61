"""The runner: leases a job, works a slice of it, gives it back; again and again. Several may run, here and elsewhere."""

import asyncio
import contextlib
from datetime import timedelta

from services.reprocessor.handlers.ports import Document, Plugs
from services.reprocessor.handlers.reprocessing import reprocess_slice
from shared.contracts.errors import Transient
from shared.runtime.logging import get_logger
from shared.runtime.metrics import JOBS_RUNNING
from shared.runtime.retry import delay_before

log = get_logger(__name__)


class Stopping:
    """Asks the runners of a process to end after the batch in hand, and wakes those that rest. `wake` also means new work."""

    def __init__(self, wake: asyncio.Event) -> None:
        self.wake = wake
        self.asked = False

    def ask(self) -> None:
        """Ask; safe to repeat."""
        self.asked = True
        self.wake.set()


class Runner:
    """One loop. `name` is its own among all runners of all processes: a lease belongs to a name."""

    def __init__(self, name: str, plugs: Plugs, *, stopping: Stopping, idle: timedelta) -> None:
        self._name = name
        self._plugs = plugs
        self._stopping = stopping
        self._idle = idle.total_seconds()
        self._failures = 0

    async def run(self) -> None:
        """Work until asked to stop. What may pass is waited for; any other error ends the worker."""
        while not self._stopping.asked:
            try:
                worked = await self.run_once()
            except Transient as error:
                await self._back_off(error)
            else:
                self._failures = 0
                if not worked:
                    await self._rest(self._idle)

    async def run_once(self) -> bool:
        """Work one slice of one job; return whether there was one."""
        plugs = self._plugs
        job = await plugs.jobs.lease(worker=self._name, now=plugs.clock(), lease_for=plugs.limits.lease)
        if job is None:
            return False
        with JOBS_RUNNING.labels("reprocessor").track_inprogress():
            try:
                await reprocess_slice(job, plugs, worker=self._name, may_go_on=lambda: not self._stopping.asked)
            except Transient:
                await self._give_back(job)
                raise
        return True

    async def _give_back(self, job: Document) -> None:
        with contextlib.suppress(Transient):  # then the lease ends by time
            await self._plugs.jobs.release(job, worker=self._name, now=self._plugs.clock())

    async def _back_off(self, error: Transient) -> None:
        self._failures += 1
        delay = delay_before(self._failures)
        facts = {"runner": self._name, "failures": self._failures, "delay_seconds": round(delay, 2), "why": str(error)}
        log.warning("slice.postponed", extra={"facts": facts})
        await self._rest(delay)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wake.wait(), seconds)
        self._stopping.wake.clear()

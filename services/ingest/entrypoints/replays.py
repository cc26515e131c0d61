"""The runner of replay jobs: leases one, works a slice of it, gives it back; again and again, beside the intake."""

import asyncio
import contextlib
from typing import Final

from services.ingest.handlers.ports import Document
from services.ingest.handlers.replaying import LEASE, ReplayPlugs, replay_slice
from shared.contracts.errors import Transient
from shared.runtime.logging import get_logger
from shared.runtime.metrics import JOBS_RUNNING
from shared.runtime.retry import delay_before

log = get_logger(__name__)

IDLE_SECONDS: Final = 5.0
"""So often it looks by itself for a job whose command never came."""


class ReplayRunner:
    """One loop. `name` is its own among all runners of all processes: a lease belongs to a name."""

    def __init__(self, name: str, plugs: ReplayPlugs) -> None:
        self._name = name
        self._plugs = plugs
        self._news = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Look for a job now."""
        self._news.set()

    def stop(self) -> None:
        """Ask the loop to end after the batch in hand."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Work until asked to stop. What may pass is waited for; any other error ends the worker."""
        failures = 0
        while not self._stopping:
            try:
                worked, failures = await self.run_once(), 0
            except Transient as error:
                failures += 1
                log.warning("replay.postponed", extra={"facts": {"failures": failures, "why": str(error)}})
                await self._rest(delay_before(failures))
            else:
                if not worked:
                    await self._rest(IDLE_SECONDS)

    async def run_once(self) -> bool:
        """Work one slice of one job; return whether there was one."""
        plugs = self._plugs
        job = await plugs.jobs.lease(worker=self._name, now=plugs.clock(), lease_for=LEASE)
        if job is None:
            return False
        with JOBS_RUNNING.labels("ingest").track_inprogress():
            try:
                await replay_slice(job, plugs, worker=self._name, may_go_on=lambda: not self._stopping)
            except Transient:
                await self._give_back(job)
                raise
        return True

    async def _give_back(self, job: Document) -> None:
        with contextlib.suppress(Transient):  # then the lease ends by time
            await self._plugs.jobs.release(job, worker=self._name, now=self._plugs.clock())

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        self._news.clear()

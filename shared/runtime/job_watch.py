"""What operators hear of a service's jobs: how they end, and for how long the next one waits."""

import contextlib
from typing import Final

from shared.contracts.errors import Transient
from shared.mongo.client import Database
from shared.mongo.jobs import Jobs
from shared.runtime.clock import Clock
from shared.runtime.ending import rest
from shared.runtime.metrics import JOBS_ENDED, JOBS_WAITING

EVERY_SECONDS: Final = 15.0
ENDS: Final = ("done", "failed", "cancelled")


class CountedJobs(Jobs):
    """The jobs of `service`, counted as its workers end them."""

    def __init__(self, database: Database, collection: str, *, service: str) -> None:
        super().__init__(database, collection, on_end=lambda state: JOBS_ENDED.labels(service, state).inc())
        self.service = service
        for state in ENDS:  # from the start, at 0: else the first one would be no increase to whoever watches
            JOBS_ENDED.labels(service, state)


class JobWatch:
    """Measures for a worker's life for how long the next job waits; all workers of a service come to the same.

    A service with several kinds of jobs has one watch: of all its jobs the one that waits longest counts.
    """

    def __init__(self, *jobs: CountedJobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock

    async def run(self) -> None:
        """Measure, rest, for ever; the worker cancels it."""
        while True:
            with contextlib.suppress(Transient):  # the last measure stands
                await self.run_once()
            await rest(EVERY_SECONDS)

    async def run_once(self) -> None:
        """Measure once. Raise Transient."""
        now = self._clock()
        waits = [since for jobs in self._jobs if (since := await jobs.waiting_since(now=now))]
        JOBS_WAITING.labels(self._jobs[0].service).set((now - min(waits)).total_seconds() if waits else 0)

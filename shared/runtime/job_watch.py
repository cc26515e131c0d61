"""What operators hear of a service's jobs: how they end, and for how long the next one waits."""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from shared.contracts.errors import Transient
from shared.mongo.client import Database, Document
from shared.mongo.jobs import Jobs
from shared.runtime.clock import Clock
from shared.runtime.ending import rest
from shared.runtime.metrics import JOBS_ENDED, JOBS_WAITING

EVERY_SECONDS: Final = 15.0
ENDS: Final = ("done", "failed", "cancelled")


class CountedJobs(Jobs):
    """The jobs of `service`, counted as its workers end them."""

    def __init__(self, database: Database, collection: str, *, service: str) -> None:
        super().__init__(database, collection)
        self.service = service
        for state in ENDS:  # from the start, at 0: else the first one would be no increase to whoever watches
            JOBS_ENDED.labels(service, state)

    async def finish(  # noqa: D102  # as in Jobs
        self,
        job: Document,
        state: str,
        *,
        worker: str,
        now: datetime,
        progress: Mapping[str, Any] | None = None,
        error: str | None = None,
        unless_cancelled: bool = False,
    ) -> Document | None:
        ended = await super().finish(
            job, state, worker=worker, now=now, progress=progress, error=error, unless_cancelled=unless_cancelled
        )
        if ended is not None:
            JOBS_ENDED.labels(self.service, state).inc()
        return ended


class JobWatch:
    """Measures for a worker's life for how long the next job waits; all workers of a service come to the same."""

    def __init__(self, jobs: CountedJobs, clock: Clock) -> None:
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
        since = await self._jobs.waiting_since(now=now)
        JOBS_WAITING.labels(self._jobs.service).set((now - since).total_seconds() if since else 0)

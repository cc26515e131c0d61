"""A reprocessor on fakes, and what a test does with it."""

from dataclasses import replace
from typing import Any

from services.reprocessor.handlers.accepting import accept_command
from services.reprocessor.handlers.ports import Plugs
from services.reprocessor.handlers.reprocessing import reprocess_slice
from shared.contracts.entries import LogEntry
from tests.support.reprocessing import make_command


class World:
    """The plugs (all fakes), and short words for given, when and then."""

    def __init__(self, plugs: Plugs) -> None:
        self.plugs = plugs
        self.entries: Any = plugs.entries
        self.topics: Any = plugs.topics
        self.jobs: Any = plugs.jobs
        self.clock: Any = plugs.clock
        self.status: Any = plugs.status
        self.integrations: Any = plugs.integrations
        self.runners = 0

    def holds(self, *entries: LogEntry) -> None:
        for entry in entries:
            self.entries.put(entry)

    def limit(self, **limits: Any) -> None:
        self.plugs = replace(self.plugs, limits=replace(self.plugs.limits, **limits))

    async def asks(self, **command: Any) -> None:
        await accept_command(make_command(**command), self.jobs, self.clock)

    async def works(self, *, may_go_on: bool = True) -> bool:
        """Let a new runner work one slice; False when there is no job to lease."""
        self.runners += 1
        worker = f"runner-{self.runners}"
        job = await self.jobs.lease(worker=worker, now=self.clock(), lease_for=self.plugs.limits.lease)
        if job is not None:
            await reprocess_slice(job, self.plugs, worker=worker, may_go_on=lambda: may_go_on)
        return job is not None

    async def works_on(self) -> None:
        """Let runners work until nothing is left."""
        while await self.works():
            pass

    def job(self, job_id: str = "job-1", account: str = "loja") -> dict[str, Any]:
        return self.jobs.jobs[f"{account}|{job_id}"]

    def counts(self, job_id: str = "job-1") -> dict[str, Any]:
        progress = self.job(job_id)["progress"]
        return {name: progress[name] for name in ("matched", "sent", "skipped", "failed")}

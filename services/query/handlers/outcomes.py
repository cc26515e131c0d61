"""How a reprocess job ended for its items: what the connectors answered, and what they still owe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.query.core.jobs import Job
from services.query.core.permissions import Caller
from services.query.handlers.commanding import JobStore, get_reprocess
from shared.contracts.names import Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """Entries that carry the job's mark: `waiting` for an answer, `answered` by what their status is now, `unknown`.

    An entry that a later job marked is that job's, and counted here no more.
    """

    waiting: int
    answered: Mapping[str, int]
    unknown: int

    @property
    def marked(self) -> int:
        """How many entries carry the mark."""
        return self.waiting + sum(self.answered.values()) + self.unknown


class OutcomeCounter(Protocol):
    """What became of the entries that a job marked. Raises StoreUnavailable."""

    async def count_outcome(self, account: str, kind: Kind, job_id: str) -> Outcome | None:
        """Count the entries of one kind that carry the job's mark, every status told; None when that takes too long."""
        ...


async def follow_reprocess(
    jobs: JobStore, outcomes: OutcomeCounter, caller: Caller, job_id: str
) -> tuple[Job, Outcome | None]:
    """Return a reprocess job of the caller's account and its outcome so far. Raise NotFound."""
    job = await get_reprocess(jobs, caller, job_id)
    return job, await outcomes.count_outcome(caller.account, job.command["kind"], job.id)

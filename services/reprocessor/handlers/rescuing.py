"""What waits too long is given back: claims of jobs that ended, and retries that no connector answered."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from services.reprocessor.handlers.ports import Jobs, Limits, PendingEntries, StaleClaim
from shared.contracts.commands import FINAL_STATES
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many entries may be reprocessed again: claims given back, retries never answered."""

    claims: int = 0
    answers: int = 0


async def rescue(entries: PendingEntries, jobs: Jobs, clock: Clock, limits: Limits) -> Rescued:
    """Set to unknown what nobody will move on. A job that still runs sends its own claims again, whoever leases it."""
    now, claims = clock(), 0
    async for stale in entries.stream_stale_claims(now - limits.rescue_after):
        for (account, job_id), ids in _by_job(stale).items():
            if await _has_ended(jobs, account, job_id):
                claims += await entries.give_up_claims(ids, job_id)
    return Rescued(claims, await entries.give_up_answers(now - limits.answer_timeout))


async def _has_ended(jobs: Jobs, account: str, job_id: str) -> bool:
    job = await jobs.find(account, job_id)
    return job is None or job["state"] in FINAL_STATES


def _by_job(stale: Sequence[StaleClaim]) -> dict[tuple[str, str], list[str]]:
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for claim in stale:
        grouped[claim.account, claim.job_id].append(claim.entry_id)
    return grouped

"""What failed and may pass by itself is tried again after a while: found, then asked for by a job like a person's.

The job does the rest (reprocessing.py). It checks once more that an entry is due, so an entry that two workers found, or that a
person was faster to reprocess, is not sent twice.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.reprocessor.core.automatic import automatic_retry, job_prefix, shares
from services.reprocessor.core.eligibility import due_retry
from services.reprocessor.handlers.ports import FailedEntries, Integrations, Jobs, Limits
from shared.contracts.automatic_retries import HORIZON
from shared.contracts.entries import LogEntry
from shared.contracts.errors import Transient
from shared.contracts.names import KINDS, Kind
from shared.runtime.clock import Clock

MOST_ITEMS: Final = 1000
"""Of one job. What else is due of the account and kind waits until all of its jobs have ended: nobody's connector is flooded."""

KEEP_JOBS_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RetryPlugs:
    """What the automatic retries are plugged into."""

    entries: FailedEntries
    jobs: Jobs
    integrations: Integrations
    clock: Clock
    limits: Limits


async def retry_due(plugs: RetryPlugs, postponed: Callable[[str, Kind, Transient], object]) -> int:
    """Ask for whatever is due, of every account; return how many items that are. Raise Transient.

    `postponed` hears of what could not be looked through: the next look is soon, and the others are asked for all the same.
    """
    if not plugs.limits.retry_delays:
        return 0
    asked = 0
    for account in await plugs.entries.list_accounts():
        for kind in KINDS:
            try:
                asked += await _retry_due_of(account, kind, plugs)
            except Transient as error:
                postponed(account, kind, error)
    return asked


async def _retry_due_of(account: str, kind: Kind, plugs: RetryPlugs) -> int:
    if await plugs.jobs.has_unfinished(account, job_prefix(kind)):
        return 0
    due = await _find_due(account, kind, plugs)
    per_second, asked = plugs.limits.retries_per_second, 0
    longest_first = sorted(due.items(), key=lambda batch: min(entry.received_at for entry in batch[1]))[:per_second]
    paces = shares([len(entries) for _, entries in longest_first], per_second)
    for (tries, entries), pace in zip(longest_first, paces, strict=True):
        now = plugs.clock()
        retry = automatic_retry(kind, entries, tries, now=now, per_second=pace)
        command = retry.model_dump(mode="json")
        job = await plugs.jobs.insert(command, now=now, keep_for=KEEP_JOBS_FOR)
        asked += len(entries) if job["command"] == command else 0
    return asked


async def _find_due(account: str, kind: Kind, plugs: RetryPlugs) -> dict[int, list[LogEntry]]:
    """Return at most MOST_ITEMS entries for each number of the retry that they are due for."""
    now, delays = plugs.clock(), plugs.limits.retry_delays
    unasked = await plugs.integrations.list_unasked(account, kind)
    due: dict[int, list[LogEntry]] = defaultdict(list)
    async for entry in plugs.entries.stream_retriable(
        account, kind, since=now - HORIZON, heard_before=now - min(delays)
    ):
        tries = due_retry(entry, delays, now=now)
        if tries is None or entry.affiliate in unasked:
            continue
        same = due[tries]
        if len(same) < MOST_ITEMS:
            same.append(entry)
    return due

"""May this entry go again, for this job? The shared rule, and what only a running job knows."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from shared.contracts.automatic_retries import next_retry_at, tries_of
from shared.contracts.eligibility import Refusal, refusal
from shared.contracts.entries import LogEntry
from shared.contracts.times import aware

Reason = Refusal | Literal["paused", "not_due"]


def is_in_hand(entry: LogEntry | None, job_id: str) -> bool:
    """Say whether this very job has claimed the entry, and may or may not have sent it: its runner died in between."""
    return _is_ours(entry, job_id) and _state(entry) == "claimed"


def has_gone(entry: LogEntry | None, job_id: str) -> bool:
    """Say whether this very job sent the entry, whatever became of it since."""
    return _is_ours(entry, job_id) and _state(entry) != "claimed" and not was_refused(entry, job_id)


def was_refused(entry: LogEntry | None, job_id: str) -> bool:
    """Say whether this very job could not send the entry, and gave it up: it has been given up and was never sent."""
    mark = (entry.reprocess if entry else None) or {}
    return _is_ours(entry, job_id) and mark.get("state") == "unknown" and "sent_at" not in mark


def check(entry: LogEntry | None, *, job_id: str, explicit: bool, paused: AbstractSet[str]) -> Reason | None:
    """Return why the job may not send `entry`, None when it may. `paused`: affiliates whose integration is switched off."""
    if entry is not None and _is_ours(entry, job_id):
        entry = replace(entry, reprocess=None)
    if reason := refusal(entry, explicit=explicit):
        return reason
    return "paused" if entry is not None and entry.affiliate in paused else None


def due_retry(entry: LogEntry | None, delays: Sequence[timedelta], *, now: datetime) -> int | None:
    """Return the number of the automatic retry that is due, 1 the first; None when none is."""
    at = None if entry is None else next_retry_at(entry, delays, now=now)
    return None if entry is None or at is None or at > now else tries_of(entry) + 1


def claimed_at(entry: LogEntry) -> datetime:
    """Return when an entry that has a mark was claimed."""
    mark = entry.reprocess or {}
    return aware(mark["claimed_at"])


def _is_ours(entry: LogEntry | None, job_id: str) -> bool:
    return entry is not None and entry.reprocess is not None and entry.reprocess.get("id") == job_id


def _state(entry: LogEntry | None) -> object:
    return None if entry is None or entry.reprocess is None else entry.reprocess.get("state")

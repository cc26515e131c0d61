"""When an item that failed is tried again by itself: one rule for the reprocessor, which does it, and for the API, which tells it.

An item is retried while every cause of its newest event says `auto` (advice.py), after growing delays, each counted from what was
heard or asked last. A success, or a person who reprocesses, begins the delays anew. The reprocessor's mark on the entry keeps the
count: `reprocess.tries`. `reprocess.cancelled`: somebody cancelled the retry, so there is none before the item is heard of again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.contracts.advice import advice_of
from shared.contracts.catalogue import find
from shared.contracts.eligibility import FAILED_STATUSES, UNDER_WAY
from shared.contracts.entries import LogEntry
from shared.contracts.times import aware

HORIZON: Final = timedelta(days=7)
"""An item whose newest event is older is left to people, so what has to be looked through does not grow for ever."""

AUTOMATIC: Final = "automatic:"
"""How the ids of the jobs begin that ask for them."""


def tries_of(entry: LogEntry) -> int:
    """Return how many automatic retries were asked for since the item last worked, or a person reprocessed it."""
    asked_at = _asked_at(entry)
    if asked_at is None or (entry.last_success_at is not None and entry.last_success_at > asked_at):
        return 0
    return int((entry.reprocess or {}).get("tries", 0))


def next_retry_at(entry: LogEntry, delays: Sequence[timedelta], *, now: datetime) -> datetime | None:
    """Return when `entry` is tried again by itself, an instant in the past if it is due; None when it is not, or is being tried."""
    if entry.status not in FAILED_STATUSES or (entry.reprocess or {}).get("state") in UNDER_WAY:
        return None
    tries = tries_of(entry)
    if tries >= _most_tries(entry, delays) or entry.processed_at <= now - HORIZON or _is_left_alone(entry):
        return None
    return max(entry.received_at, _asked_at(entry) or entry.received_at) + delays[tries]


def _is_left_alone(entry: LogEntry) -> bool:
    asked_at = _asked_at(entry)
    return bool((entry.reprocess or {}).get("cancelled")) and asked_at is not None and entry.received_at <= asked_at


def _most_tries(entry: LogEntry, delays: Sequence[timedelta]) -> int:
    codes = [cause.get("code") for cause in entry.causes]
    if not codes or any(advice_of(code) != "auto" for code in codes):
        return 0
    rows = [find(code) for code in codes if isinstance(code, str)]
    return min([len(delays), *(row.automatic_retries for row in rows if row and row.automatic_retries is not None)])


def _asked_at(entry: LogEntry) -> datetime | None:
    mark = entry.reprocess or {}
    return aware(mark["claimed_at"]) if "claimed_at" in mark else None

"""When an item will be tried again by itself, as far as its integration lets it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.query.core.integration import Marketplaces
from shared.contracts.automatic_retries import next_retry_at
from shared.contracts.entries import LogEntry


def coming_retry(
    entry: LogEntry, marketplaces: Marketplaces, delays: Sequence[timedelta], *, now: datetime
) -> datetime | None:
    """Return when the reprocessor tries `entry` again unasked; None when it does not, or nothing may be sent to its connector."""
    return next_retry_at(entry, delays, now=now) if marketplaces.may_retry(entry.affiliate, entry.kind) else None

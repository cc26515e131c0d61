"""Which entries may be sent to their connector again: one rule for the reprocessor and for the dry run of the API."""

from typing import Final, Literal

from shared.contracts.catalogue import find
from shared.contracts.entries import LogEntry

Refusal = Literal["not_found", "not_failed", "in_progress", "never"]

FAILED_STATUSES: Final = frozenset({"error", "warning"})
UNDER_WAY: Final = frozenset({"claimed", "sent"})
"""States of `reprocess` in which a second send could run beside the first."""


def refusal(entry: LogEntry | None, *, explicit: bool) -> Refusal | None:
    """Return why `entry` may not be reprocessed, None when it may. `explicit`: a person named this very item.

    A named item is tried even when its causes say that trying cannot help: the person may know better.
    """
    if entry is None:
        return "not_found"
    if entry.status not in FAILED_STATUSES:
        return "not_failed"
    if entry.reprocess is not None and entry.reprocess.get("state") in UNDER_WAY:
        return "in_progress"
    if not explicit and _is_hopeless(entry):
        return "never"
    return None


def _is_hopeless(entry: LogEntry) -> bool:
    advice = [_advice(cause.get("code")) for cause in entry.causes]
    return bool(advice) and all(retry == "never" for retry in advice)


def _advice(code: object) -> str | None:
    found = find(code) if isinstance(code, str) else None
    return None if found is None else found.retry

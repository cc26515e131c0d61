"""Entries and attempts as they may be seen: personal data masked. The rules are shared with reports: shared/contracts/masking."""

from dataclasses import replace
from typing import TypeVar

from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.groups import group_of
from shared.contracts.masking import mask_causes, mask_content, mask_text

T = TypeVar("T", LogEntry, Attempt)


def mask_entry(entry: LogEntry) -> LogEntry:
    """Return the entry with payload, evidence and messages masked. Its code and aliases are how people find it: they stay."""
    return _grouped(entry, _masked(entry))


def reveal_entry(entry: LogEntry) -> LogEntry:
    """Return the entry as it is, its causes with their groups."""
    return _grouped(entry, entry)


def _grouped(entry: LogEntry, shown: LogEntry) -> LogEntry:
    """Return `shown` with the group of each cause of `entry`: it follows from the message, before that is masked."""
    if not entry.groups:
        return shown
    groups = [group_of(entry.kind, cause.get("code"), cause.get("message") or "") for cause in entry.causes]
    told = [group if group in entry.groups else None for group in groups]
    return replace(shown, causes=[{**cause, "group": group} for cause, group in zip(shown.causes, told, strict=True)])


def mask_attempt(attempt: Attempt) -> Attempt:
    """Return the attempt, masked the same way."""
    return _masked(attempt)


def _masked(shown: T) -> T:
    if not shown.causes and shown.payload is None and shown.payload_preview is None:
        return shown
    preview = shown.payload_preview
    return replace(
        shown,
        causes=mask_causes(shown.causes),
        payload=mask_content(shown.payload),
        payload_preview=None if preview is None else mask_text(preview),
    )

"""Entries and attempts as they may be seen: personal data masked. The rules are shared with reports: shared/contracts/masking."""

from dataclasses import replace
from typing import TypeVar

from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.masking import mask_causes, mask_content, mask_text

T = TypeVar("T", LogEntry, Attempt)


def mask_entry(entry: LogEntry) -> LogEntry:
    """Return the entry with payload, evidence and messages masked. Its code and aliases are how people find it: they stay."""
    return _masked(entry)


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

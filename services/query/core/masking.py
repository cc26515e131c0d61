"""Entries and attempts as they may be seen: personal data masked. The rules are shared with reports: shared/contracts/masking."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.contracts.entries import Attempt, LogEntry, with_causes
from shared.contracts.groups import group_of
from shared.contracts.masking import mask_causes, mask_content, mask_text
from shared.contracts.masking.values import HIDDEN

Causes = Sequence[Mapping[str, Any]]


def mask_entry(entry: LogEntry) -> LogEntry:
    """Return the entry with payload, log, evidence and messages masked. Its code and aliases are how people find it: they stay."""
    shown = with_causes(entry, _grouped(entry, mask_causes(entry.causes))) if entry.causes else entry
    is_bare = entry.payload is None and entry.payload_preview is None and entry.log is None
    return shown if is_bare else replace(shown, **_masked(entry))


def reveal_entry(entry: LogEntry) -> LogEntry:
    """Return the entry as it is, its causes with their groups."""
    return with_causes(entry, _grouped(entry, entry.causes))


def mask_attempt(attempt: Attempt, kind: str) -> Attempt:
    """Return the attempt of an entry of that kind, masked the same way."""
    causes = _named(kind, attempt.causes, mask_causes(attempt.causes))
    return replace(attempt, **_masked(attempt) | {"causes": causes})


def reveal_attempt(attempt: Attempt, kind: str) -> Attempt:
    """Return the attempt of an entry of that kind as it is, its causes with their groups."""
    return replace(attempt, causes=_named(kind, attempt.causes, attempt.causes))


def hides(shown: object) -> bool:
    """Say whether something of a masked value, JSON or a part of an entry, is masked."""
    return HIDDEN in repr(shown)


def _grouped(entry: LogEntry, shown: Causes) -> Causes:
    """Return `shown` with the group of each cause of `entry`: it follows from the message, before that is masked."""
    if not entry.groups:
        return shown
    if len(entry.groups) == 1:
        return [{**cause, "group": entry.groups[0]} for cause in shown]
    named = _named(entry.kind, entry.causes, shown)
    return [{**cause, "group": cause["group"] if cause["group"] in entry.groups else None} for cause in named]


def _named(kind: str, causes: Causes, shown: Causes) -> Causes:
    """Return `shown` with the groups that `causes` have by the rule of today: attempts are not searched, so theirs are not stored."""
    groups = [group_of(kind, cause.get("code"), cause.get("message") or "") for cause in causes]
    return [{**cause, "group": group} for cause, group in zip(shown, groups, strict=True)]


def _masked(shown: LogEntry | Attempt) -> dict[str, Any]:
    preview = shown.payload_preview
    return {
        "payload": mask_content(shown.payload),
        "payload_preview": None if preview is None else mask_text(preview),
        "log": mask_content(shown.log),
    }

"""What the stories need of the world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.ingest.core.fold import EntryUpdate
from services.ingest.core.plan import Applied, PlannedAttempt
from shared.contracts.records import Address, DeadLetter, Record


@dataclass(frozen=True, slots=True)
class AttemptsRecorded:
    """Ids of attempts that were there before, and of those that cannot be stored, with the reason."""

    present: frozenset[str] = frozenset()
    unstorable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntriesWritten:
    """(entry id, partition) of updates whose guard failed, and of those that cannot be stored, with the reason."""

    conflicts: frozenset[tuple[str, int]] = frozenset()
    unstorable: Mapping[tuple[str, int], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An event that carries the id of a reprocess job, and when it was taken in."""

    entry_id: str
    reprocess_id: str
    answered_at: datetime


class LogStore(Protocol):
    """Where attempts and log entries live. Every call is safe to repeat, durable when it returns, and raises only Transient
    errors (nothing, a part or all of it may then be done) or a Defect.
    """

    async def record_attempts(self, attempts: Sequence[PlannedAttempt]) -> AttemptsRecorded:
        """Insert those that are not there yet; an attempt that is there stays as it is."""

    async def find_addresses(self, attempt_ids: Sequence[str]) -> Mapping[str, Address]:
        """Return where each attempt was first delivered; absent attempts are left out."""

    async def forget_attempts(self, attempt_ids: Sequence[str]) -> None:
        """Delete these attempts; absent ones are no error."""

    async def find_applied(self, entry_ids: Sequence[str]) -> Applied:
        """Return what each entry has counted; absent entries are left out."""

    async def write_entries(self, updates: Sequence[EntryUpdate]) -> EntriesWritten:
        """Apply each update alone. A counted one whose first offset the entry has counted already changes nothing and is a
        conflict; so may be one that met another writer creating the same entry. One that is not counted creates nothing.
        """

    async def mark_answered(self, answers: Sequence[Answer]) -> None:
        """Set the reprocess mark of each entry to `answered`, if it is that job's and not answered yet."""


class DeadLetters(Protocol):
    """Where records go that cannot be used."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Return when all are durable. Raise Transient otherwise."""


class DeadLetterShelf(Protocol):
    """The dead letters as they stand, to take one back."""

    async def get(self, partition: int, offset: int) -> Record | None:
        """Return the record at that place of the dead-letter topic, or None. Raise Transient."""


class Topics(Protocol):
    """Where a replayed record goes."""

    async def republish(self, topic: str, record: Record) -> None:
        """Send key, value and headers of `record` to `topic`; return when the broker has them. Raise Transient."""

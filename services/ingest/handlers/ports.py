"""What the stories need of the world."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from services.ingest.core.fold import Held, PastAttempt
from services.ingest.core.plan import Change, Stored, Unordered
from services.ingest.core.replay import Walk
from shared.contracts.dead_letters import Letter
from shared.contracts.records import DeadLetter, Record, Untaken

Document = dict[str, Any]
Fate = Literal["sent", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class AttemptsStored:
    """Ids of attempts with an address that somebody else had stored meanwhile, and of those that cannot be stored, with the reason."""

    present: frozenset[str] = frozenset()
    unstorable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangesWritten:
    """Ids of entries that somebody else changed meanwhile, and of those that cannot be stored, with the reason."""

    conflicts: frozenset[str] = frozenset()
    unstorable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An event that carries the id of a reprocess job, and when it was taken in."""

    entry_id: str
    reprocess_id: str
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What is held of entries, by id; absent ones are left out. `left`: ids that were not looked at; never all that were asked for."""

    held: Mapping[str, Held] = field(default_factory=dict)
    left: Collection[str] = ()


class LogStore(Protocol):
    """Where attempts and log entries live. Every call is safe to repeat and raises only Transient errors (nothing, a part or all
    of it may then be done) or a Defect. What a call has written is durable when it returns; what it has read was durable before.
    """

    async def find_entries(self, entry_ids: Sequence[str]) -> Found:
        """Return what is held of each entry, and which were not looked at, since those before them fill the memory for it."""

    async def find_attempts(self, attempt_ids: Sequence[str]) -> Stored:
        """Return the address of each stored attempt; absent ones are left out."""

    async def store_attempts(self, attempts: Sequence[PastAttempt]) -> AttemptsStored:
        """Insert those that are not there yet. That of a state takes the address of one that is there, and gives it its `entry`.

        What cannot be stored harms no other.
        """

    async def put_in_order(self, histories: Sequence[Unordered]) -> None:
        """Set `entry` of these attempts where it is missing; absent ones are no error."""

    async def write_entries(self, changes: Sequence[Change]) -> ChangesWritten:
        """Write each entry that is still as it was found."""

    async def forget_attempts(self, attempt_ids: Sequence[str]) -> None:
        """Delete these attempts; absent ones are no error."""

    async def mark_answered(self, answers: Sequence[Answer]) -> None:
        """Set the reprocess mark of each entry to `answered`, if it is that job's and not answered yet."""


class Integrations(Protocol):
    """What the registry says of integrations."""

    async def list_masked(self) -> frozenset[tuple[str, str]]:
        """Return (account, affiliate) of those whose content is masked before it is stored. Raise Transient."""


class DeadLetters(Protocol):
    """Where records go that cannot be used."""

    async def offer(self, letters: Sequence[DeadLetter]) -> Sequence[Untaken]:
        """Return those that are not durable, with the reason; all others are. Never raises for a letter's sake."""


class DeadLetterShelf(Protocol):
    """The dead letters as they stand, to take one back."""

    async def get(self, partition: int, offset: int) -> Record | None:
        """Return the record at that place of the dead-letter topic, or None. Raise Transient."""


class Topics(Protocol):
    """Where a replayed record goes."""

    async def republish(self, topic: str, record: Record) -> None:
        """Send key, value and headers of `record` to `topic`; return when the broker has them. Raise Transient."""

    async def republish_all(self, records: Sequence[Record]) -> Sequence[Fate]:
        """Send each record to the topic of its address and return, in order, what became of each.

        `refused` is for good (the broker takes no record of that size), `unknown` may work later. Never raises for a record's sake.
        """


@dataclass(frozen=True, slots=True)
class Replayed:
    """When, by whom and by which job letters were sent back."""

    at: datetime
    by: str
    job_id: str


class LetterBook(Protocol):
    """The dead letters that are kept to be read. Every call is safe to repeat and raises only Transient errors or a Defect."""

    async def keep(self, letters: Sequence[Document]) -> int:
        """Insert the letters that are not there yet and return how many; tell the letters that they are the return of."""

    async def survey(self) -> tuple[int, datetime | None]:
        """Return how many letters are kept, roughly, and since when the one that vanishes first is here."""

    async def count_open(self, walk: Walk) -> int:
        """Return how many open letters the walk would pass, from its beginning."""

    async def next_open(self, walk: Walk, *, limit: int, max_bytes: int) -> Sequence[Letter]:
        """Return the next open letters of the walk, whole: at most `limit`, and no more after `max_bytes` are reached."""

    async def mark_replayed(self, account: str, ids: Sequence[str], replayed: Replayed) -> None:
        """Mark those letters of the account that are open."""

    async def count_replayed(self, walk: Walk, job_id: str) -> int:
        """Return how many letters of the walk, from its beginning, that job has marked."""


class ReplayJobs(Protocol):
    """The replay jobs (see shared/mongo/jobs.py)."""

    async def insert(self, command: Mapping[str, Any], *, now: datetime) -> Document:
        """Store a queued job and return it; the one already stored under the same id wins."""

    async def lease(self, *, worker: str, now: datetime, lease_for: timedelta) -> Document | None:
        """Take the job that waits longest; None when there is none."""

    async def record_progress(
        self, job: Document, progress: Mapping[str, Any], *, worker: str, now: datetime, lease_for: timedelta
    ) -> Document:
        """Set `progress.*` and keep the lease. Raise LeaseLost."""

    async def release(self, job: Document, *, worker: str, now: datetime) -> Document | None:
        """Give the lease back."""

    async def finish(
        self, job: Document, state: str, *, worker: str, now: datetime, error: str | None = None
    ) -> Document | None:
        """End the job."""

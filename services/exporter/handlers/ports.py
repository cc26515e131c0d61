"""What the exporter needs of the world. Each comment is the contract; `tests/contract` holds fakes and real adapters to it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from services.exporter.core.report import Report
from services.exporter.core.tally import Tally
from shared.contracts.commands import Command
from shared.contracts.entries import LogEntry
from shared.contracts.filters import LogFilter
from shared.contracts.imports import ImportRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job under lease. `token` names this lease; `starts` counts how often the job was begun, this time included."""

    id: str
    account: str
    token: str
    command: Mapping[str, Any]
    starts: int
    cancel_requested: bool = False

    @property
    def prefix(self) -> str:
        """What the ids of all files of this job begin with."""
        return f"{self.account}|{self.id}|"

    @property
    def file_id(self) -> str:
        """Id of the file that this start writes; no other start has it."""
        return f"{self.prefix}{self.token}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedFile:
    """A complete file in the making's own nameless temporary file. `stream` stands at its first byte."""

    stream: BinaryIO
    bytes: int
    sha256: str


class Reading(Protocol):
    """One pass over the chosen entries of an account."""

    @property
    def is_one_moment(self) -> bool:
        """Whether everything read so far is as it stood at one moment; turns False when the store gave that moment up."""
        ...

    async def marketplaces(self) -> Mapping[str, str]:
        """Return affiliate → marketplace name, of those that are registered."""
        ...

    async def count(self) -> int | None:
        """Return how many entries `batches` will yield; None when counting takes too long. Raise StoreUnavailable."""
        ...

    def batches(self) -> AsyncIterator[list[LogEntry]]:
        """Yield the entries, each once, by kind, then by id; bounded in rows and in size, none empty. No payloads, no evidence.

        An interrupted read goes on after the last entry; StoreUnavailable when that did not help for some time.
        """
        ...


class EntryReader(Protocol):
    """Reads log entries."""

    def read(self, account: str, rows: LogFilter) -> AbstractAsyncContextManager[Reading]:
        """Open a pass over the entries of `account`, and of no other, that `rows` lets pass."""
        ...


class Workbook(Protocol):
    """One report in the making, in constant memory. Synchronous: one thread at a time, never the event loop's."""

    def append(self, entries: Sequence[LogEntry]) -> None:
        """Add a row for each entry, whatever it holds. Raise OSError when the disk is full."""
        ...

    def finish(self, tally: Tally, *, is_one_moment: bool) -> FinishedFile:
        """Complete the file; a report without rows is complete too. Call it once, at the end; `close` ends the file's life."""
        ...

    def close(self) -> None:
        """Leave nothing on the disk; safe to repeat, at any point."""
        ...


OpenWorkbook = Callable[[Report], Workbook]


class JobStore(Protocol):
    """The jobs of one kind: exports, or imports. Raises StoreUnavailable when it cannot be asked."""

    async def take_in(self, command: Command) -> bool:
        """Store the command as a queued job; False when a job of that account and id is there already, which then stays."""
        ...

    async def lease(self) -> Job | None:
        """Take the oldest unfinished job that nobody holds; None when there is none."""
        ...

    async def record(self, job: Job, progress: Mapping[str, Any]) -> bool:
        """Set fields of the progress, keep the lease, say whether someone asked to cancel. Raise LeaseLost."""
        ...

    async def finish(
        self, job: Job, state: str, *, progress: Mapping[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """End the job; False, with nothing changed, when the lease was lost, or when a cancel came before it was done.

        Safe to repeat: True as well where this lease has ended it as done before.
        """
        ...

    async def give_back(self, job: Job) -> None:
        """Let any worker take the job at once. The start does not count, also where the lease was lost; no more happens then."""
        ...

    async def expire(self, *, finished_before: datetime) -> list[str]:
        """Set the jobs that were done before that instant to `expired`; return the ids of their files."""
        ...

    async def is_wanted(self, file_id: str) -> bool:
        """Say whether the file belongs to a job: the file of a done one, or any of one under way."""
        ...


class FileStore(Protocol):
    """The finished files. A file that can be opened is whole."""

    async def put(self, file_id: str, file: FinishedFile, *, name: str, facts: Mapping[str, Any]) -> None:
        """Store the file; when this raises or is cancelled, no file can be opened, though pieces may remain."""
        ...

    async def delete(self, file_id: str) -> None:
        """Remove the file or its pieces; nothing happens when there are none."""
        ...

    async def list_ids(self, prefix: str = "") -> list[str]:
        """Return the ids that begin with `prefix`, of files and of pieces that no file claims."""
        ...


class ReturnedFiles(FileStore, Protocol):
    """Reports that came back, and their previews, which are no files but have an id like one: `delete` and `list_ids` know both."""

    async def put_rows(self, file_id: str, account: str, rows: Sequence[ImportRow]) -> None:
        """Store the preview of that id; when this raises or is cancelled, some of its rows may remain."""
        ...

    async def load(self, file_id: str, into: BinaryIO) -> bool:
        """Write the file's bytes to `into`; False when it is not there whole."""
        ...

    async def is_fresh(self, file_id: str, *, since: datetime) -> bool:
        """Say whether the file, or its first piece, was written after `since`."""
        ...


class EntryLookup(Protocol):
    """Log entries by name."""

    async def find_entries(self, identities: Sequence[str]) -> Mapping[str, LogEntry]:
        """Return the entries among `identities`, by id, with what decides whether they may be reprocessed. Raise StoreUnavailable."""
        ...

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        """Return the affiliates to whose connectors nothing of `kind` is sent."""
        ...

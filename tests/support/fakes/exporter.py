"""The exporter's world in memory, and the plain openpyxl writer that the streamed one is compared with."""

import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import uuid4

import openpyxl

from services.exporter.adapters.spool import finished
from services.exporter.adapters.xlsx_frame import look_of, make_frame, put
from services.exporter.core.cells import is_active, safe_cell
from services.exporter.core.columns import headers_of, values_of
from services.exporter.core.report import Report
from services.exporter.core.tally import Tally
from services.exporter.handlers.ports import FinishedFile, Job
from shared.contracts.commands import FINAL_STATES, Command
from shared.contracts.entries import LogEntry
from shared.contracts.errors import LeaseLost
from shared.contracts.filters import LogFilter
from shared.contracts.imports import UPLOAD, ImportRow
from shared.contracts.names import KINDS
from tests.support.passing import lets_pass


@dataclass
class MemoryReading:
    entries: Sequence[LogEntry]
    names: Mapping[str, str]
    batch_rows: int
    before_batch: Callable[[int], None]
    before_count: Callable[[], Awaitable[None]] | None
    is_one_moment: bool = True

    async def marketplaces(self) -> Mapping[str, str]:
        return self.names

    async def count(self) -> int | None:
        if self.before_count is not None:
            await self.before_count()
        return len(self.entries)

    async def batches(self) -> AsyncIterator[list[LogEntry]]:
        for start in range(0, len(self.entries), self.batch_rows):
            self.before_batch(start)
            yield list(self.entries[start : start + self.batch_rows])


@dataclass
class MemoryEntryReader:
    entries: list[LogEntry] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    batch_rows: int = 2
    before_batch: Callable[[int], None] = lambda start: None
    before_count: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def read(self, account: str, rows: LogFilter) -> AsyncIterator[MemoryReading]:
        chosen = [entry for entry in self.entries if entry.account == account and lets_pass(rows, entry)]
        chosen.sort(key=lambda entry: (KINDS.index(entry.kind), entry.id.encode()))
        yield MemoryReading(chosen, self.names, self.batch_rows, self.before_batch, self.before_count)


@dataclass
class MemoryExportStore:
    clock: Callable[[], datetime]
    lease_for: timedelta = timedelta(seconds=15)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def take_in(self, command: Command) -> bool:
        identity = f"{command.account}|{command.id}"
        if identity in self.jobs:
            return False
        self.jobs[identity] = {
            "account": command.account, "id": command.id, "state": "queued", "command": command.model_dump(mode="json"),
            "progress": {}, "token": None, "until": self.clock(), "cancel": False, "error": None, "finished_at": None,
        }  # fmt: skip
        return True

    def _held(self, job: Job) -> dict[str, Any] | None:
        stored = self.jobs[f"{job.account}|{job.id}"]
        return stored if stored["token"] == job.token and stored["state"] == "running" else None

    async def lease(self) -> Job | None:
        for stored in self.jobs.values():
            if stored["state"] not in FINAL_STATES and stored["until"] <= self.clock():
                starts = stored["progress"].get("starts", 0) + 1
                stored.update(state="running", token=uuid4().hex, until=self.clock() + self.lease_for)
                stored["progress"].update(starts=starts, rows=None, rows_done=0)
                return Job(
                    id=stored["id"], account=stored["account"], token=stored["token"], command=stored["command"],
                    starts=starts, cancel_requested=stored["cancel"],
                )  # fmt: skip
        return None

    async def record(self, job: Job, progress: Mapping[str, Any]) -> bool:
        if (stored := self._held(job)) is None:
            raise LeaseLost
        stored["progress"].update(progress)
        stored["until"] = self.clock() + self.lease_for
        return bool(stored["cancel"])

    async def finish(
        self, job: Job, state: str, *, progress: Mapping[str, Any] | None = None, error: str | None = None
    ) -> bool:
        if (stored := self._held(job)) is None or (stored["cancel"] and state == "done"):
            known = self.jobs[f"{job.account}|{job.id}"]
            return bool(state == known["state"] == "done" and known["progress"].get("file_id") == job.file_id)
        stored.update(state=state, error=error, finished_at=self.clock(), token=None)
        stored["progress"].update(progress or {})
        return True

    async def give_back(self, job: Job) -> None:
        known = self.jobs[f"{job.account}|{job.id}"]["progress"]
        known["starts"] = max(0, known["starts"] - 1)
        if (stored := self._held(job)) is not None:
            stored.update(token=None, until=self.clock())

    async def expire(self, *, finished_before: datetime) -> list[str]:
        gone = []
        for stored in self.jobs.values():
            if stored["state"] == "done" and stored["finished_at"] < finished_before:
                stored["state"] = "expired"
                gone.append(stored["progress"]["file_id"])
        return gone

    async def is_wanted(self, file_id: str) -> bool:
        stored = self.jobs.get(file_id.rpartition("|")[0])
        if stored is None:
            return False
        is_its_file = stored["state"] == "done" and stored["progress"].get("file_id") == file_id
        return stored["state"] == "running" or is_its_file


@dataclass
class MemoryFileStore:
    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    pieces: set[str] = field(default_factory=set)

    async def put(self, file_id: str, file: FinishedFile, *, name: str, facts: Mapping[str, Any]) -> None:
        self.pieces.add(file_id)
        self.files[file_id] = file.stream.read()
        self.facts[file_id] = {**facts, "name": name}

    async def delete(self, file_id: str) -> None:
        self.files.pop(file_id, None)
        self.pieces.discard(file_id)

    async def list_ids(self, prefix: str = "") -> list[str]:
        return sorted(file_id for file_id in {*self.files, *self.pieces} if file_id.startswith(prefix))


@dataclass
class MemoryImportStore(MemoryExportStore):
    async def is_wanted(self, file_id: str) -> bool:
        identity, _, part = file_id.rpartition("|")
        if (stored := self.jobs.get(identity)) is None:
            return False
        is_its_own = part == UPLOAD or stored["progress"].get("file_id") == file_id
        return stored["state"] in {"queued", "running"} or (stored["state"] == "done" and is_its_own)


@dataclass
class MemoryReturnedFiles(MemoryFileStore):
    """`fresh`: the ids of files that were written just now."""

    previews: dict[str, Sequence[ImportRow]] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)

    async def put_rows(self, file_id: str, account: str, rows: Sequence[ImportRow]) -> None:
        self.previews[file_id] = rows

    async def delete(self, file_id: str) -> None:
        await super().delete(file_id)
        self.previews.pop(file_id, None)

    async def list_ids(self, prefix: str = "") -> list[str]:
        previews = {file_id for file_id in self.previews if file_id.startswith(prefix)}
        return sorted({*await super().list_ids(prefix), *previews})

    async def load(self, file_id: str, into: BinaryIO) -> bool:
        if file_id not in self.files:
            return False
        into.write(self.files[file_id])
        return True

    async def is_fresh(self, file_id: str, *, since: datetime) -> bool:
        return file_id in self.fresh


@dataclass
class MemoryEntryLookup:
    entries: Sequence[LogEntry] = ()
    registered: Sequence[Mapping[str, Any]] = ()
    """Integrations as documents."""

    async def find_entries(self, identities: Sequence[str]) -> Mapping[str, LogEntry]:
        return {entry.id: entry for entry in self.entries if entry.id in set(identities)}

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        return frozenset(
            one["affiliate"]
            for one in self.registered
            if one["account"] == account
            and (one.get("paused") or one.get("removed_at") or kind not in one.get("kinds", KINDS))
        )


class PlainWorkbook:
    """The reference: the same frame and the same cells, written by openpyxl alone, one after the other, all in memory."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._rows: list[Sequence[object]] = []
        self._file = io.BytesIO()

    def append(self, entries: Sequence[LogEntry]) -> None:
        self.append_rows([values_of(entry, self._report) for entry in entries])

    def append_rows(self, rows: Sequence[Sequence[object]]) -> None:
        self._rows.extend(rows)

    def finish(self, tally: Tally, *, is_one_moment: bool) -> FinishedFile:
        report = self._report
        notes = [] if is_one_moment else [report.words.summary["changed"]]
        book = make_frame(report, [max(1, len(self._rows))], tally, notes)
        look, sheet = look_of(book), book.worksheets[0]
        sheet.delete_rows(2, 2)
        for number, row in enumerate([headers_of(report), *(self._rows or [[report.words.no_items]])], 1):
            for place, value in enumerate(row):
                if safe_cell(value, report.zone) is None:
                    continue
                cell = sheet.cell(number, place + 1)
                put(cell, value, report)
                quoted = isinstance(cell.value, str) and is_active(cell.value)
                styles = (look.quoted if quoted else look.plain) if number > 1 else [look.header] * len(row)
                cell._style = book._cell_styles[styles[place]]
        book.save(self._file)
        return finished(self._file)

    def close(self) -> None:
        self._file.close()


def cells_of(file: bytes, sheet: int = 0) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a workbook's sheet, each cell as (value, type, number format, style, quote prefix)."""
    book = openpyxl.load_workbook(io.BytesIO(file))
    for row in book.worksheets[sheet].iter_rows():
        yield [
            (
                cell.value,
                cell.data_type,
                cell.number_format,
                cell.style,
                bool(cell.quotePrefix),
                cell.alignment.wrap_text,
            )
            for cell in row
        ]


def sha256_of(content: bytes) -> str:
    """Return the hash as reports write it."""
    return hashlib.sha256(content).hexdigest()

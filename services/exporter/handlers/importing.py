"""The story: one import job, from the report that came back to its preview. `job_run` says what surrounds it.

Nothing is sent to anybody here: the preview tells what a reprocess would do, and whoever reads it asks for that.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from services.exporter.core.returned import Picked, PickedRow, UnreadableFile, state_of
from services.exporter.handlers.job_run import BEAT_SECONDS, Noun, Outcome, Progress, discard_files, run_next
from services.exporter.handlers.ports import EntryLookup, Job, JobStore, ReturnedFiles
from services.exporter.handlers.threads import in_thread
from shared.contracts.commands import parse_command
from shared.contracts.entries import LogEntry
from shared.contracts.events import entry_id
from shared.contracts.imports import UPLOAD, ImportCommand, ImportRow, upload_id

LOOKED_UP_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTools:
    """What the story works with. `pick_rows` reads a file, and raises UnreadableFile."""

    entries: EntryLookup
    store: JobStore
    files: ReturnedFiles
    open_spool: Callable[[], BinaryIO]
    pick_rows: Callable[[BinaryIO], Picked]
    noun: Noun = "import"
    beat_seconds: float = BEAT_SECONDS


async def import_next(tools: ImportTools) -> Outcome | None:
    """Lease an import job and see it to its end; None when there is none. Transient is raised with the job given back, once that is possible."""
    return await run_next(tools, partial(_preview, tools), partial(discard_files, tools.files))


async def _preview(tools: ImportTools, job: Job, progress: Progress) -> None:
    await _discard_previews(tools.files, job)
    parse_command(ImportCommand, {**job.command, "account": job.account})
    picked = await _pick(tools, job)
    progress.rows = len(picked.rows)
    rows: list[ImportRow] = []
    for start in range(0, len(picked.rows), LOOKED_UP_AT_ONCE):
        some = picked.rows[start : start + LOOKED_UP_AT_ONCE]
        rows += await _judged(tools.entries, job.account, some, first=start + 1)
        progress.rows_done = len(rows)
    await _store(tools, job, picked, rows, progress)


async def _pick(tools: ImportTools, job: Job) -> Picked:
    """Return the chosen rows of the file that was uploaded for the job, and of no other. Raise UnreadableFile."""
    spool = await in_thread(tools.open_spool)
    try:
        if not await tools.files.load(upload_id(job.account, job.id), spool):
            raise UnreadableFile("the file that came back is not there any more: send it again")
        return await in_thread(tools.pick_rows, spool)
    finally:
        await in_thread(spool.close)


async def _judged(entries: EntryLookup, account: str, rows: Sequence[PickedRow], *, first: int) -> list[ImportRow]:
    sound = [row for row in rows if row.fault is None]
    found = await entries.find_entries([_identity(account, row) for row in sound])
    paused = {kind: await entries.list_paused(account, kind) for kind in {row.kind for row in sound}}
    return [
        _told(row, number, found.get(_identity(account, row)), paused.get(row.kind, frozenset()))
        for number, row in enumerate(rows, first)
    ]


def _told(row: PickedRow, number: int, entry: LogEntry | None, paused: frozenset[str]) -> ImportRow:
    return ImportRow(
        number=number,
        sheet=row.sheet,
        row=row.row,
        kind=row.kind,
        affiliate=row.affiliate,
        code=row.code,
        state=state_of(row, entry, paused),
        fault=row.fault,
    )


async def _store(tools: ImportTools, job: Job, picked: Picked, rows: Sequence[ImportRow], progress: Progress) -> None:
    await tools.files.put_rows(job.file_id, job.account, rows)
    progress.made = {
        "file_id": job.file_id,
        "rows_read": picked.rows_read,
        "hidden": picked.hidden,
        "unmarked": picked.unmarked,
        "counts": dict(Counter(row.state for row in rows)),
        "eligible": dict(Counter(row.kind for row in rows if row.state == "eligible")),
    }


async def _discard_previews(files: ReturnedFiles, job: Job) -> None:
    """Remove what earlier starts of the job have left, but not the file that it is about."""
    for file_id in await files.list_ids(job.prefix):
        if file_id != f"{job.prefix}{UPLOAD}":
            await files.delete(file_id)


def _identity(account: str, row: PickedRow) -> str:
    return entry_id(account, row.kind, row.affiliate, row.code)

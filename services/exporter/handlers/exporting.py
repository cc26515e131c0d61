"""The story: one export job, from its lease to its file. Read this first.

A crash at any point leaves the job leased until the lease runs out; whoever leases it next clears what the crash left and
starts the file again. A file is referred to by its job only after it was stored whole.
"""

import contextlib
import errno
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from services.exporter.core.report import Report, report_of
from services.exporter.core.tally import Tally
from services.exporter.handlers.ports import (
    EntryReader,
    ExportStore,
    FileStore,
    FinishedFile,
    Job,
    OpenWorkbook,
    Reading,
    Workbook,
)
from services.exporter.handlers.threads import in_thread
from shared.contracts.errors import Invalid, LeaseLost, Transient
from shared.runtime.clock import Clock
from shared.runtime.lease import under_lease
from shared.runtime.retry import until_done

BEAT_SECONDS: Final = 0.5
"""Between two heartbeats: a cancel is seen within a second, and the progress is as fresh as that."""

MAX_STARTS: Final = 5
"""A job whose writer died so often is what kills it (memory, a defect): it fails, instead of taking every worker down in turn."""

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""It may pass: a job fails with it, and the exporter starts even so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the story works with."""

    reader: EntryReader
    store: ExportStore
    files: FileStore
    open_workbook: OpenWorkbook
    clock: Clock
    beat_seconds: float = BEAT_SECONDS


@dataclass(slots=True)
class Progress:
    """How far a job is; `fields` are those of `progress` in the job's document."""

    rows: int | None = None
    rows_done: int = 0
    file: dict[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """Return what is to be stored."""
        return {"rows": self.rows, "rows_done": self.rows_done, **self.file}


class Cancelled(Exception):  # nothing went wrong: somebody said stop
    """Somebody asked to cancel the job."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: its final state, or `lost` when another worker has it. `defect` is for the log alone."""

    job: Job
    state: str
    progress: Progress
    error: str | None = None
    defect: Exception | None = None


async def export_next(tools: Tools) -> Outcome | None:
    """Lease a job and see it to its end; None when there is none. Transient is raised with the job given back, once that is possible."""
    job = await tools.store.lease()
    if job is None:
        return None
    progress, error, crash = Progress(), None, None
    try:
        await export(job, progress, tools)
    except Cancelled:
        state = "cancelled"
    except LeaseLost:
        state = "lost"
    except (Invalid, OSError, TooManyStarts) as reason:
        state, error = "failed", _told(reason)
    except Transient:
        await _give_back(job, tools)
        raise
    except Exception as defect:  # noqa: BLE001  # ours, and bound to come again: the job says so, the other jobs go on
        state, error, crash = "failed", f"a defect of the exporter: {type(defect).__name__}: {defect}", defect
    except BaseException:
        await _leave(job, tools)
        raise
    else:
        state = "done"
    return await _end(Outcome(job, state, progress, error, crash), tools)


async def export(job: Job, progress: Progress, tools: Tools) -> None:
    """Write the job's file and store it whole. Raise Cancelled, LeaseLost, Invalid, OSError, TooManyStarts or Transient."""
    if job.cancel_requested or job.starts > MAX_STARTS:
        # A writer that died may have left pieces, and no start follows that clears them.
        await discard_files(job, tools.files)
        raise Cancelled if job.cancel_requested else TooManyStarts

    async def beat() -> None:
        if await tools.store.record(job, {"rows": progress.rows, "rows_done": progress.rows_done}):
            raise Cancelled

    await under_lease(_write(job, progress, tools), beat, every=tools.beat_seconds)


async def _write(job: Job, progress: Progress, tools: Tools) -> None:
    await discard_files(job, tools.files)
    command = {**job.command, "account": job.account}
    report = report_of(command, made_at=tools.clock(), marketplaces={})
    async with tools.reader.read(job.account, report.rows) as reading:
        report = report_of(command, made_at=tools.clock(), marketplaces=await reading.marketplaces())
        progress.rows = await reading.count()
        workbook = await in_thread(tools.open_workbook, report)
        try:
            file = await _fill(workbook, reading, progress)
            await _store(file, job, report, progress, tools)
        finally:
            await in_thread(workbook.close)


async def _fill(workbook: Workbook, reading: Reading, progress: Progress) -> FinishedFile:
    tally = Tally()
    async for entries in reading.batches():
        await in_thread(workbook.append, entries)
        tally.add(entries)
        progress.rows_done = tally.rows
    progress.rows = tally.rows
    return await in_thread(lambda: workbook.finish(tally, is_one_moment=reading.is_one_moment))


async def _store(file: FinishedFile, job: Job, report: Report, progress: Progress, tools: Tools) -> None:
    facts = {
        "account": job.account,
        "job_id": job.id,
        "sha256": file.sha256,
        "content_type": report.content_type,
        "file_name": report.file_name,
    }
    await tools.files.put(job.file_id, file, name=report.file_name, facts=facts)
    progress.file = {
        "file_id": job.file_id,
        "file_name": report.file_name,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "content_type": report.content_type,
    }


async def discard_files(job: Job, files: FileStore) -> None:
    """Remove what earlier starts of the job have left."""
    for file_id in await files.list_ids(job.prefix):
        await files.delete(file_id)


async def _end(outcome: Outcome, tools: Tools) -> Outcome:
    job, state = outcome.job, outcome.state
    if state != "lost":
        if state != "done":
            await until_done(partial(tools.files.delete, job.file_id), what="export.discard")
        finish = partial(tools.store.finish, job, state, progress=outcome.progress.fields(), error=outcome.error)
        # What was written whole is not thrown away for an answer that was lost. Whoever takes over when the lease is over ends this too.
        if await until_done(finish, what="export.finish"):
            return outcome
        # A cancel at the last moment: whoever leases it next, at once, ends it as cancelled.
    await _give_back(job, tools)
    return Outcome(job, "lost", outcome.progress)


async def _give_back(job: Job, tools: Tools) -> None:
    """Give the job back as soon as the store can be asked, its lease lost or not: who says so did not die of it."""
    await until_done(partial(_put_back, job, tools), what="export.give_back")


async def _leave(job: Job, tools: Tools) -> None:
    with contextlib.suppress(Transient):  # then the lease runs out by itself, and the next start clears the rest
        await _put_back(job, tools)


async def _put_back(job: Job, tools: Tools) -> None:
    await tools.files.delete(job.file_id)
    await tools.store.give_back(job)


class TooManyStarts(Exception):  # named after what is true
    """The process died each time this job was begun."""


def _told(reason: Exception) -> str:
    if isinstance(reason, TooManyStarts):
        return f"given up: the worker died {MAX_STARTS} times while it wrote this file; ask for fewer rows"
    if isinstance(reason, OSError):
        todo = (
            "free space on the exporter's disk" if reason.errno in DISK_FULL else "look at PONTE_EXPORTER_TEMP_FOLDER"
        )
        return f"the temporary file could not be written: {reason.strerror or reason}; {todo}"
    return str(reason)

"""The story: one export job, from its rows to its file. Read this first, then `job_run` for what surrounds it.

A file is referred to by its job only after it was stored whole.
"""

from dataclasses import dataclass
from functools import partial

from services.exporter.core.report import Report, report_of
from services.exporter.core.tally import Tally
from services.exporter.handlers.job_run import BEAT_SECONDS, Noun, Outcome, Progress, discard_files, run_next
from services.exporter.handlers.ports import (
    EntryReader,
    FileStore,
    FinishedFile,
    Job,
    JobStore,
    OpenWorkbook,
    Reading,
    Workbook,
)
from services.exporter.handlers.threads import in_thread
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the story works with."""

    reader: EntryReader
    store: JobStore
    files: FileStore
    open_workbook: OpenWorkbook
    clock: Clock
    noun: Noun = "export"
    beat_seconds: float = BEAT_SECONDS


async def export_next(tools: Tools) -> Outcome | None:
    """Lease an export job and see it to its end; None when there is none. Transient is raised with the job given back, once that is possible."""
    return await run_next(tools, partial(_write, tools), partial(discard_files, tools.files))


async def _write(tools: Tools, job: Job, progress: Progress) -> None:
    await discard_files(tools.files, job)
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
    progress.made = {
        "file_id": job.file_id,
        "file_name": report.file_name,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "content_type": report.content_type,
    }

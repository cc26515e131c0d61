"""Handing out the file of a finished export."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from services.query.core.jobs import Job
from services.query.core.permissions import Caller
from services.query.handlers.commanding import JobStore, get_export
from shared.contracts.errors import NotEligible, NotFound


class StoredFile(Protocol):
    """A file that is whole, open for reading."""

    @property
    def size(self) -> int:
        """Its length in bytes."""
        ...

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Return the bytes from `start` up to, not including, `end`, in pieces of at most a few hundred KiB."""
        ...


class FileStore(Protocol):
    """Where the exporter leaves its files."""

    async def open_file(self, file_id: str) -> StoredFile | None:
        """Return the file, None when it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A report to download. `sha256` is hex, "" when the job does not tell it."""

    name: str
    content_type: str
    sha256: str
    content: StoredFile


async def open_export_file(jobs: JobStore, files: FileStore, caller: Caller, job_id: str) -> ExportFile:
    """Return the file of a done export. Raise NotFound (no job, or the file expired), NotEligible (not done)."""
    job = await get_export(jobs, caller, job_id)
    if job.state == "expired":
        raise NotFound(f"the file of the export {job_id!r} has expired; ask for a new export")
    if job.state != "done":
        raise NotEligible(f"the export {job_id!r} is {job.state}; its file can be read once it is done")
    content = await files.open_file(str(job.progress.get("file_id", "")))
    if content is None:
        raise NotFound(f"the file of the export {job_id!r} is gone; ask for a new export")
    return ExportFile(_name(job), _content_type(job), str(job.progress.get("sha256") or ""), content)


def _name(job: Job) -> str:
    return str(job.progress.get("file_name") or f"{job.id}.{job.command.get('format', 'xlsx')}")


def _content_type(job: Job) -> str:
    return str(job.progress.get("content_type") or "application/octet-stream")

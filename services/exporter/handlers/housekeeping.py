"""The quiet stories: old files go, orphans are swept, commands are taken in."""

from datetime import timedelta

from services.exporter.handlers.ports import ExportStore, FileStore
from shared.contracts.commands import ExportCommand
from shared.runtime.clock import Clock


async def take_in(command: ExportCommand, store: ExportStore) -> bool:
    """Remember the command as a job, so that its message may be acknowledged; False when that was done before."""
    return await store.take_in(command)


async def expire(store: ExportStore, files: FileStore, *, keep: timedelta, clock: Clock) -> int:
    """Delete the files that were finished longer than `keep` ago; return how many. The job says `expired` before its file goes."""
    old = await store.expire(finished_before=clock() - keep)
    for file_id in old:
        await files.delete(file_id)
    return len(old)


async def sweep(store: ExportStore, files: FileStore) -> int:
    """Delete the files and pieces that no job wants; return how many. Safe beside other workers: what is under way is wanted."""
    unwanted = [file_id for file_id in await files.list_ids() if not await store.is_wanted(file_id)]
    for file_id in unwanted:
        await files.delete(file_id)
    return len(unwanted)

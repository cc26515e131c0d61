"""The quiet stories: old files go, orphans are swept, commands are taken in."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from services.exporter.handlers.ports import FileStore, JobStore, ReturnedFiles
from shared.contracts.commands import Command
from shared.runtime.clock import Clock

ARRIVING: Final = timedelta(hours=1)
"""A file that came back is stored before its job: for so long it belongs to one that may still come."""


async def take_in(command: Command, store: JobStore) -> bool:
    """Remember the command as a job, so that its message may be acknowledged; False when that was done before."""
    return await store.take_in(command)


async def expire(store: JobStore, files: FileStore, *, keep: timedelta, clock: Clock) -> int:
    """Delete the files that were finished longer than `keep` ago; return how many. The job says `expired` before its file goes."""
    old = await store.expire(finished_before=clock() - keep)
    for file_id in old:
        await files.delete(file_id)
    return len(old)


async def sweep(store: JobStore, files: FileStore) -> int:
    """Delete the files and pieces that no job wants; return how many. Safe beside other workers: what is under way is wanted."""
    return await _delete_all_but(store.is_wanted, files)


async def expire_returned(store: JobStore, files: FileStore, *, keep: timedelta, clock: Clock) -> int:
    """Delete previews that were finished longer than `keep` ago, and the files that they are of; return how many jobs that were."""
    old = await store.expire(finished_before=clock() - keep)
    for preview in old:
        for file_id in await files.list_ids(f"{preview.rpartition('|')[0]}|"):
            await files.delete(file_id)
    return len(old)


async def sweep_returned(store: JobStore, files: ReturnedFiles, *, clock: Clock) -> int:
    """Delete what no import wants, but what may have been on its way here for less than an hour; return how many files."""
    since = clock() - ARRIVING

    async def may_be_wanted(file_id: str) -> bool:
        return await store.is_wanted(file_id) or await files.is_fresh(file_id, since=since)

    return await _delete_all_but(may_be_wanted, files)


async def _delete_all_but(is_kept: Callable[[str], Awaitable[bool]], files: FileStore) -> int:
    unwanted = [file_id for file_id in await files.list_ids() if not await is_kept(file_id)]
    for file_id in unwanted:
        await files.delete(file_id)
    return len(unwanted)

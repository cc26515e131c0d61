"""Reports that come back: taken in as jobs, their previews read, the chosen rows handed to a reprocess."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from services.query.core.cursor import Binding, Position, decode_cursor
from services.query.core.jobs import Job
from services.query.core.leaf import Leaf, cut_leaf
from services.query.core.permissions import Caller
from services.query.core.returned import chosen_rows, items_of
from services.query.handlers.auditing import Audit
from services.query.handlers.commanding import (
    Commands,
    JobStore,
    get_import,
    request_import,
    request_reprocess,
    was_requested,
)
from services.query.handlers.leafing import DEFAULT_LIMIT, check_limit
from shared.contracts.commands import MAX_ITEMS, ReprocessCommand, parse_command
from shared.contracts.errors import InvalidCommand, NotEligible, NotFound
from shared.contracts.imports import ImportCommand, ImportRow, upload_id
from shared.contracts.names import Kind
from shared.runtime.clock import Clock

ORDER: Final = "number"
EMPTY: Final = "is empty: send the file itself"


class ReturnedFiles(Protocol):
    """Reports that came back, and the previews that the exporter makes of them."""

    async def put_file(self, file_id: str, content: bytes, *, name: str, facts: Mapping[str, Any]) -> None:
        """Store the file; what an attempt that broke off has left is replaced."""
        ...

    async def list_rows(
        self, preview: str, *, states: Sequence[str] = (), after: int | None = None, ascending: bool = True, limit: int
    ) -> list[ImportRow]:
        """Return the first `limit` rows beyond the number `after`, in the order of their numbers or against it; those in `states` alone if some are named."""
        ...


async def take_in_report(
    jobs: JobStore,
    files: ReturnedFiles,
    commands: Commands,
    audit: Audit,
    caller: Caller,
    content: bytes,
    said: Mapping[str, Any],
    *,
    now: Clock,
) -> Job:
    """Store the file, then the job that reads it; the same id and file again is the same job. Raise NotPermitted, NotEligible, InvalidCommand.

    `said`: further members of the command.
    """
    caller.require("reprocess")
    if not content:
        raise InvalidCommand("body", EMPTY)
    facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    told = {"requested_by": caller.name, **said, **facts, "account": caller.account}
    command = parse_command(ImportCommand, told)
    if not await was_requested(jobs, caller, command.id):
        about = {"account": command.account, "job_id": command.id, "sha256": command.sha256}
        await files.put_file(upload_id(command.account, command.id), content, name=command.file_name, facts=about)
    return await request_import(jobs, commands, audit, caller, command, now=now)


async def read_preview(
    jobs: JobStore,
    files: ReturnedFiles,
    caller: Caller,
    job_id: str,
    *,
    states: Sequence[str] = (),
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Leaf[ImportRow]:
    """Return a page of an import's rows, in the order of the file; those in `states` alone if some are named.

    Raise NotFound, NotEligible (not done), InvalidCursor, InvalidField.
    """
    check_limit(limit)
    binding = Binding(caller.account, f"import {job_id} {sorted(set(states))}", ORDER)
    start = decode_cursor(cursor, binding, int) if cursor else None
    found = await files.list_rows(
        await _preview_of(jobs, caller, job_id),
        states=states,
        after=start.position.at if start else None,
        ascending=start is None or not start.backwards,
        limit=limit + 1,
    )
    if not found:
        await _preview_of(jobs, caller, job_id)  # it may have expired meanwhile
    return cut_leaf(found, start, binding, limit=limit, place_of=_place_of)


async def reprocess_rows(
    jobs: JobStore,
    files: ReturnedFiles,
    reprocesses: JobStore,
    commands: Commands,
    audit: Audit,
    caller: Caller,
    job_id: str,
    said: Mapping[str, Any],
    *,
    kind: Kind | None = None,
    numbers: Collection[int] | None = None,
    now: Clock,
) -> Job:
    """Ask for the reprocess of an import's rows; return that job. `said`: further members of its command.

    Raise NotPermitted, NotFound, NotEligible, InvalidField. The reprocessor looks at each row again: what succeeded since is skipped.
    """
    rows = await files.list_rows(
        await _preview_of(jobs, caller, job_id), states=() if numbers else ("eligible",), limit=MAX_ITEMS
    )
    one_kind, chosen = chosen_rows(rows, kind=kind, numbers=numbers)
    told = {"requested_by": caller.name, **said, "account": caller.account, "kind": one_kind, "items": items_of(chosen)}
    command = parse_command(ReprocessCommand, told)
    return await request_reprocess(reprocesses, commands, audit, caller, command, now=now)


async def _preview_of(jobs: JobStore, caller: Caller, job_id: str) -> str:
    """Return the id of an import's preview. Raise NotFound, NotEligible."""
    job = await get_import(jobs, caller, job_id)
    if job.state == "expired":
        raise NotFound(f"the preview of the import {job_id!r} has expired; send the file again")
    if job.state != "done":
        raise NotEligible(f"the import {job_id!r} is {job.state}; its rows can be read once it is done")
    return str(job.progress["file_id"])


def _place_of(row: ImportRow) -> Position:
    return Position(row.number, "")

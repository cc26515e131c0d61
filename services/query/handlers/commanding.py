"""Asking the workers: reprocess, export, import and replay jobs. Stored as a job first, then published: what was answered 202 is never lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from services.query.core.actions import JobAction
from services.query.core.cursor import Binding, Position
from services.query.core.jobs import Job, job_from_document
from services.query.core.leaf import Leaf
from services.query.core.permissions import Caller, Scope
from services.query.handlers.auditing import Audit, record_act
from services.query.handlers.leafing import DEFAULT_LIMIT, read_leaf
from shared.contracts.commands import Command, ExportCommand, ReprocessCommand
from shared.contracts.dead_letters import ReplayCommand
from shared.contracts.errors import NotEligible, NotFound, PonteError
from shared.contracts.imports import ImportCommand
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)

ORDER: Final = "-created_at"
Asked = ReprocessCommand | ExportCommand | ImportCommand | ReplayCommand
ACTIONS: Final[dict[type[Asked], JobAction]] = {
    ReprocessCommand: "reprocess.requested",
    ExportCommand: "export.requested",
    ImportCommand: "import.requested",
    ReplayCommand: "replay.requested",
}
"""What the audit calls it."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a job would do: rows named or matched, rows that would be sent, the others by reason."""

    matched: int
    eligible: int
    skipped: Mapping[str, int]


class JobStore(Protocol):
    """The jobs of one collection, as documents (see shared/mongo/jobs.py). Raises StoreUnavailable, OutcomeUnknown."""

    async def insert(
        self, command: Mapping[str, Any], *, now: datetime, keep_for: timedelta | None = None
    ) -> dict[str, Any]:
        """Store a queued job and return it; the one already stored under the same account and id wins.

        With `keep_for` it is an automatic one, and forgotten after so long.
        """
        ...

    async def find(self, account: str, job_id: str) -> dict[str, Any] | None:
        """Return the job, None when the account has none of that id."""
        ...

    async def list_jobs(
        self,
        account: str,
        *,
        after: tuple[datetime, str] | None = None,
        ascending: bool = False,
        automatic: bool = False,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return the account's first `limit` jobs beyond `after`, newest first by (created_at, id), or oldest first.

        Those that somebody asked for, or those that were `automatic`.
        """
        ...

    async def request_cancel(self, account: str, job_id: str, *, now: datetime) -> dict[str, Any] | None:
        """Flag the job; a queued one ends at once. Return it as it stands."""
        ...


class Commands(Protocol):
    """The command topics."""

    async def publish(self, command: Asked) -> None:
        """Return when the broker has the command. Raise BrokerUnavailable or OutcomeUnknown."""
        ...


async def request_reprocess(
    jobs: JobStore, commands: Commands, audit: Audit, caller: Caller, command: ReprocessCommand, *, now: Clock
) -> Job:
    """Store and publish a reprocess job; the same id and command again is the same job. Raise NotPermitted, NotEligible."""
    return await _request(jobs, commands, audit, caller, "reprocess", command, now=now)


async def list_reprocesses(
    jobs: JobStore,
    caller: Caller,
    *,
    automatic: bool = False,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Leaf[Job]:
    """Return a page of the account's reprocess jobs, newest first: those asked for, or the automatic retries.

    Raise InvalidCursor, InvalidField.
    """
    caller.require("read")
    rows = "automatic retries" if automatic else "reprocesses"
    return await _list(jobs, caller, rows, cursor, limit, automatic=automatic)


async def get_reprocess(jobs: JobStore, caller: Caller, job_id: str) -> Job:
    """Return a reprocess job of the caller's account. Raise NotFound."""
    caller.require("read")
    return await _get(jobs, caller, job_id)


async def cancel_reprocess(
    jobs: JobStore, audit: Audit, caller: Caller, job_id: str, *, reason: str = "", now: Clock
) -> Job:
    """Ask for the job's end; items already sent stay sent. Raise NotFound, or NotEligible when it has ended."""
    caller.require("reprocess")
    return await _cancel(jobs, audit, caller, "reprocess.cancelled", job_id, reason=reason, now=now)


async def request_export(
    jobs: JobStore, commands: Commands, audit: Audit, caller: Caller, command: ExportCommand, *, now: Clock
) -> Job:
    """Store and publish an export job; the same id and command again is the same job. Raise NotPermitted, NotEligible."""
    return await _request(jobs, commands, audit, caller, "export", command, now=now)


async def list_exports(
    jobs: JobStore, caller: Caller, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Leaf[Job]:
    """Return a page of the account's export jobs, newest first. Raise InvalidCursor, InvalidField."""
    caller.require("export")
    return await _list(jobs, caller, "exports", cursor, limit)


async def get_export(jobs: JobStore, caller: Caller, job_id: str) -> Job:
    """Return an export job of the caller's account. Raise NotFound."""
    caller.require("export")
    return await _get(jobs, caller, job_id)


async def cancel_export(
    jobs: JobStore, audit: Audit, caller: Caller, job_id: str, *, reason: str = "", now: Clock
) -> Job:
    """Ask for the job's end. Raise NotFound, or NotEligible when it has ended."""
    caller.require("export")
    return await _cancel(jobs, audit, caller, "export.cancelled", job_id, reason=reason, now=now)


async def request_import(
    jobs: JobStore, commands: Commands, audit: Audit, caller: Caller, command: ImportCommand, *, now: Clock
) -> Job:
    """Store and publish an import job, whose file is stored already. Raise NotPermitted, NotEligible."""
    return await _request(jobs, commands, audit, caller, "reprocess", command, now=now)


async def list_imports(
    jobs: JobStore, caller: Caller, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Leaf[Job]:
    """Return a page of the account's import jobs, newest first. Raise InvalidCursor, InvalidField."""
    caller.require("reprocess")
    return await _list(jobs, caller, "imports", cursor, limit)


async def get_import(jobs: JobStore, caller: Caller, job_id: str) -> Job:
    """Return an import job of the caller's account. Raise NotFound."""
    caller.require("reprocess")
    return await _get(jobs, caller, job_id)


async def cancel_import(
    jobs: JobStore, audit: Audit, caller: Caller, job_id: str, *, reason: str = "", now: Clock
) -> Job:
    """Ask for the job's end. Raise NotFound, or NotEligible when it has ended."""
    caller.require("reprocess")
    return await _cancel(jobs, audit, caller, "import.cancelled", job_id, reason=reason, now=now)


async def request_replay(
    jobs: JobStore, commands: Commands, audit: Audit, caller: Caller, command: ReplayCommand, *, now: Clock
) -> Job:
    """Store and publish a replay job; the same id and command again is the same job. Raise NotPermitted, NotEligible."""
    return await _request(jobs, commands, audit, caller, "reprocess", command, now=now)


async def was_requested(jobs: JobStore, caller: Caller, job_id: str) -> bool:
    """Say whether the caller's account has a job of that id already."""
    return await jobs.find(caller.account, job_id) is not None


async def get_replay(jobs: JobStore, caller: Caller, job_id: str) -> Job:
    """Return a replay job of the caller's account. Raise NotFound."""
    caller.require("read")
    return await _get(jobs, caller, job_id)


async def cancel_replay(
    jobs: JobStore, audit: Audit, caller: Caller, job_id: str, *, reason: str = "", now: Clock
) -> Job:
    """Ask for the job's end; letters already sent stay sent. Raise NotFound, or NotEligible when it has ended."""
    caller.require("reprocess")
    return await _cancel(jobs, audit, caller, "replay.cancelled", job_id, reason=reason, now=now)


async def _request(
    jobs: JobStore,
    commands: Commands,
    audit: Audit,
    caller: Caller,
    scope: Scope,
    command: Asked,
    *,
    now: Clock,
) -> Job:
    caller.require(scope)
    caller.require_account(command.account)
    await record_act(
        audit, caller, ACTIONS[type(command)], command.id, now=now(), reason=getattr(command, "reason", "")
    )
    stored = job_from_document(await jobs.insert(command.model_dump(mode="json"), now=now()))
    if not _says_the_same(stored.command, command):
        raise NotEligible(f"the id {command.id!r} already belongs to another command; choose a new id")
    if stored.state == "queued":
        await _publish(commands, command)
    return stored


async def _publish(commands: Commands, command: Asked) -> None:
    try:
        await commands.publish(command)
    except PonteError as error:
        # The job is stored, and workers lease queued jobs by themselves: a lost message only costs its speed.
        log.warning("command.unpublished", extra={"facts": {"id": command.id, "why": str(error)}})


def _says_the_same(stored: Mapping[str, Any], command: Command) -> bool:
    return {**stored, "requested_by": ""} == {**command.model_dump(mode="json"), "requested_by": ""}


async def _list(
    jobs: JobStore, caller: Caller, rows: str, cursor: str | None, limit: int, *, automatic: bool = False
) -> Leaf[Job]:
    async def read(*, after: Position | None, ascending: bool, limit: int) -> list[Job]:
        beyond = (after.at, after.id) if after else None
        found = await jobs.list_jobs(
            caller.account, after=beyond, ascending=ascending, automatic=automatic, limit=limit
        )
        return [job_from_document(one) for one in found]

    binding = Binding(caller.account, rows, ORDER)
    return await read_leaf(read, binding, cursor=cursor, limit=limit, place_of=_place_of)


def _place_of(job: Job) -> Position:
    return Position(job.created_at, job.id)


async def _get(jobs: JobStore, caller: Caller, job_id: str) -> Job:
    document = await jobs.find(caller.account, job_id)
    if document is None:
        raise NotFound(f"there is no job {job_id!r}")
    return job_from_document(document)


async def _cancel(
    jobs: JobStore, audit: Audit, caller: Caller, action: JobAction, job_id: str, *, reason: str, now: Clock
) -> Job:
    job = await _get(jobs, caller, job_id)
    if job.is_finished and job.state != "cancelled":
        raise NotEligible(f"the job {job_id!r} has ended: it is {job.state}")
    await record_act(audit, caller, action, job_id, now=now(), reason=reason)
    document = await jobs.request_cancel(caller.account, job_id, now=now())
    return job if document is None else job_from_document(document)

"""Jobs that outlive the process that runs them: inserted once, leased in slices, cancelled by a flag.

    _id "account|job id", account, id, state, command (as JSON), created_at, updated_at, finished_at,
    leased_by, leased_until, cancel_requested, error, what the worker counts (`progress.*`), and of a job that nobody asked for `automatic` and `expires_at`.

A worker that dies loses its lease by time; the next one goes on from what `progress` says. Times come from the caller's clock.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from shared.contracts.commands import FINAL_STATES, job_document_id
from shared.contracts.errors import LeaseLost
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.paging import beyond, order_by

LAST_LETTER = "\U0010ffff"
"""Follows every letter of a job's id."""


class Jobs:
    """The jobs of one collection (`reprocess_requests`, `exports`, `imports`, `replay_requests`). `on_end` hears the state in which a worker ended one."""

    def __init__(
        self, database: Database, collection: str, *, on_end: Callable[[str], None] = lambda _state: None
    ) -> None:
        self._jobs: AsyncCollection[Document] = database[collection]
        self._on_end = on_end

    async def insert(self, command: Mapping[str, Any], *, now: datetime, keep_for: timedelta | None = None) -> Document:
        """Store a command as a queued job and return the job; the one already stored under the same id wins.

        The caller compares `command` with what comes back, to tell a repeat from another command under an old id.
        `keep_for`: nobody asked for it, so the job is `automatic`, and forgotten after so long.
        """
        identity = job_document_id(command["account"], command["id"])
        job: Document = {
            "_id": identity,
            "account": command["account"],
            "id": command["id"],
            "state": "queued",
            "command": dict(command),
            "created_at": now,
            "updated_at": now,
            "finished_at": None,
            "leased_by": None,
            "leased_until": now,
            "cancel_requested": False,
            "error": None,
            "progress": {},
            **({} if keep_for is None else {"automatic": True, "expires_at": now + keep_for}),
        }
        with translated():
            try:
                await self._jobs.insert_one(job)
            except DuplicateKeyError:
                stored = await self._jobs.find_one({"_id": identity})
                return stored if stored is not None else job
        return job

    async def find(self, account: str, job_id: str) -> Document | None:
        """Return the job, or None when the account has none of that id."""
        with translated():
            return await self._jobs.find_one({"_id": job_document_id(account, job_id)})

    async def has_unfinished(self, account: str, prefix: str) -> bool:
        """Say whether a job of the account, whose id begins with `prefix`, has not ended yet."""
        start = job_document_id(account, prefix)
        ours = {"state": {"$in": ["queued", "running"]}, "_id": {"$gte": start, "$lt": start + LAST_LETTER}}
        with translated():
            return await self._jobs.find_one(ours, {"_id": 1}) is not None

    async def list_jobs(
        self,
        account: str,
        *,
        after: tuple[datetime, str] | None = None,
        ascending: bool = False,
        automatic: bool = False,
        limit: int,
    ) -> list[Document]:
        """Return the account's first `limit` jobs beyond (created at, id), newest first, or oldest first; of one instant by id.

        What somebody asked for, or what was `automatic`: never both, for of those there may be very many.
        """
        query: Document = {"account": {"$eq": account}, "automatic": {"$eq": True if automatic else None}}
        if after is not None:
            query = beyond(query, "created_at", after[0], job_document_id(account, after[1]), ascending=ascending)
        found = self._jobs.find(query).sort(order_by("created_at", ascending=ascending)).limit(limit)
        with translated():
            return await found.to_list()

    async def lease(self, *, worker: str, now: datetime, lease_for: timedelta) -> Document | None:
        """Take the unfinished job that waits longest for its next slice, so that all get their turn; None when there is none."""
        with translated():
            return await self._jobs.find_one_and_update(
                {"state": {"$in": ["queued", "running"]}, "leased_until": {"$lte": now}},
                {
                    "$set": {
                        "state": "running",
                        "leased_by": worker,
                        "leased_until": now + lease_for,
                        "updated_at": now,
                    }
                },
                sort=[("leased_until", 1)],
                return_document=ReturnDocument.AFTER,
            )

    async def waiting_since(self, *, now: datetime) -> datetime | None:
        """Return since when the job that waits longest could have been leased; None when none waits."""
        with translated():
            job = await self._jobs.find_one(
                {"state": {"$in": ["queued", "running"]}, "leased_until": {"$lte": now}},
                {"leased_until": 1},
                sort=[("leased_until", 1)],
            )
        return job["leased_until"] if job else None

    async def record_progress(
        self, job: Document, progress: Mapping[str, Any], *, worker: str, now: datetime, lease_for: timedelta
    ) -> Document:
        """Set `progress.*`, keep the lease, return the job as it stands (see `cancel_requested`). Raise LeaseLost."""
        held = await self._update_held(
            job,
            {
                **{f"progress.{name}": value for name, value in progress.items()},
                "updated_at": now,
                "leased_until": now + lease_for,
            },
            worker=worker,
        )
        if held is None:
            raise LeaseLost
        return held

    async def release(
        self, job: Document, *, worker: str, now: datetime, rest_for: timedelta = timedelta(0)
    ) -> Document | None:
        """Give the lease back, so that any worker may take the job's next slice after so long."""
        fields = {"leased_until": now + rest_for, "leased_by": None, "updated_at": now}
        return await self._update_held(job, fields, worker=worker)

    async def finish(
        self,
        job: Document,
        state: str,
        *,
        worker: str,
        now: datetime,
        progress: Mapping[str, Any] | None = None,
        error: str | None = None,
        unless_cancelled: bool = False,
    ) -> Document | None:
        """End the job in a final state; None: the lease is lost and someone else will end it, or `unless_cancelled` a cancel was faster."""
        ended = await self._update_held(
            job,
            {
                "state": state,
                "error": error,
                "finished_at": now,
                "updated_at": now,
                "leased_by": None,
                **{f"progress.{name}": value for name, value in (progress or {}).items()},
            },
            worker=worker,
            only={"cancel_requested": False} if unless_cancelled else None,
        )
        if ended is not None:
            self._on_end(state)
        return ended

    async def request_cancel(self, account: str, job_id: str, *, now: datetime) -> Document | None:
        """Flag the job; a queued one that somebody asked for ends at once. Return it as it stands, None when there is none.

        One that nobody asked for is ended by its worker, which sees to it that nobody asks again.
        """
        identity = job_document_id(account, job_id)
        with translated():
            await self._jobs.update_one(
                {"_id": identity, "state": "queued", "automatic": None},
                {"$set": {"state": "cancelled", "cancel_requested": True, "finished_at": now, "updated_at": now}},
            )
            await self._jobs.update_one(
                {"_id": identity, "state": {"$nin": sorted(FINAL_STATES)}},
                {"$set": {"cancel_requested": True, "updated_at": now}},
            )
            # One that rests is ended at its next slice: now.
            await self._jobs.update_one(
                {"_id": identity, "state": "running", "leased_by": None}, {"$min": {"leased_until": now}}
            )
            return await self._jobs.find_one({"_id": identity})

    async def _update_held(
        self, job: Document, fields: Mapping[str, Any], *, worker: str, only: Mapping[str, Any] | None = None
    ) -> Document | None:
        with translated():
            return await self._jobs.find_one_and_update(
                {"_id": job["_id"], "leased_by": worker, "state": "running", **(only or {})},
                {"$set": dict(fields)},
                return_document=ReturnDocument.AFTER,
            )

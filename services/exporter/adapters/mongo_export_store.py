"""Export jobs in MongoDB: who holds which, how far it is, what became of it."""

import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from services.exporter.handlers.ports import Job
from shared.contracts.commands import Command, job_document_id
from shared.contracts.errors import LeaseLost
from shared.contracts.imports import UPLOAD
from shared.contracts.names import EXPORTS, IMPORTS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.jobs import Jobs
from shared.runtime.clock import Clock
from shared.runtime.retry import until_done

EXPIRED_AT_ONCE: Final = 500


class MongoExportStore:
    """The jobs of the collection `exports`. Each lease has a token of its own, so a worker cannot take its own lost lease for good."""

    collection = EXPORTS
    noun = "export"

    def __init__(self, database: Database, jobs: Jobs, *, lease_for: timedelta, clock: Clock) -> None:
        """`jobs` are those of `collection`."""
        self._jobs = jobs
        self._documents = database[self.collection]
        self._lease_for = lease_for
        self._clock = clock

    async def take_in(self, command: Command) -> bool:
        """Store the command as a queued job; False when it, or another under its id, is there already."""
        now = self._clock()
        job = await self._jobs.insert(command.model_dump(mode="json"), now=now)
        return bool(job["created_at"] == now)

    async def lease(self) -> Job | None:
        """Take the oldest job that nobody holds and count the start, once however often that has to be said."""
        token = uuid4().hex
        document = await self._jobs.lease(worker=token, now=self._clock(), lease_for=self._lease_for)
        if document is None:
            return None
        job = Job(
            id=document["id"],
            account=document["account"],
            token=token,
            command=document["command"],
            starts=int(document["progress"].get("starts", 0)) + 1,
            cancel_requested=bool(document["cancel_requested"]),
        )
        begin = partial(self.record, job, {"starts": job.starts, "rows": None, "rows_done": 0})
        try:
            # An answer that is lost may leave the start counted, and nobody would know whether to take it back.
            await until_done(begin, what=f"{self.noun}.begin")
        except LeaseLost:
            return None
        return job

    async def record(self, job: Job, progress: Mapping[str, Any]) -> bool:
        """Set `progress.*`, keep the lease, say whether someone asked to cancel. Raise LeaseLost."""
        document = await self._jobs.record_progress(
            _held(job), progress, worker=job.token, now=self._clock(), lease_for=self._lease_for
        )
        return bool(document["cancel_requested"])

    async def finish(
        self, job: Job, state: str, *, progress: Mapping[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """End the job, if the lease still holds; as done only if nobody asked to cancel."""
        ended = await self._jobs.finish(
            _held(job),
            state,
            worker=job.token,
            now=self._clock(),
            progress=progress,
            error=error,
            unless_cancelled=state == "done",
        )
        if ended is not None or state != "done":
            return ended is not None
        done_before = {"_id": _held(job)["_id"], "state": "done", "progress.file_id": job.file_id}
        with translated():
            return await self._documents.find_one(done_before, {"_id": 1}) is not None

    async def give_back(self, job: Job) -> None:
        """Take the start back, then free the lease where it still holds."""
        begun = {"_id": _held(job)["_id"], "state": "running", "progress.starts": {"$gt": 0}}
        with translated():
            await self._documents.update_one(begun, {"$inc": {"progress.starts": -1}})
        with contextlib.suppress(LeaseLost):
            await self.record(job, {"rows_done": 0})
            await self._jobs.release(_held(job), worker=job.token, now=self._clock())

    async def expire(self, *, finished_before: datetime) -> list[str]:
        """Set old done jobs to `expired`, each under a guard; return the files that were theirs."""
        old = {"state": "done", "finished_at": {"$lt": finished_before}}
        with translated():
            documents = await self._documents.find(old, {"progress.file_id": 1}).limit(EXPIRED_AT_ONCE).to_list()
            for document in documents:
                change = {"state": "expired", "updated_at": self._clock()}
                await self._documents.update_one({"_id": document["_id"], "state": "done"}, {"$set": change})
        return [file_id for document in documents if (file_id := document["progress"].get("file_id"))]

    async def is_wanted(self, file_id: str) -> bool:
        """Say whether a job that is under way, or done with this very file, owns it."""
        state, made = await self._owner_of(file_id)
        return state == "running" or (state == "done" and made == file_id)

    async def _owner_of(self, file_id: str) -> tuple[str | None, str | None]:
        """Return state and file of the job that the id names; None for what is not there."""
        identity = file_id.rpartition("|")[0]
        with translated():
            document = await self._documents.find_one({"_id": {"$eq": identity}}, {"state": 1, "progress.file_id": 1})
        return (None, None) if document is None else (document["state"], document["progress"].get("file_id"))


class MongoImportStore(MongoExportStore):
    """The jobs of the collection `imports`: the file that came back is there before its job and until the preview goes."""

    collection = IMPORTS
    noun = "import"

    async def is_wanted(self, file_id: str) -> bool:
        """Say whether a job that is under way needs the file, or one that is done has it."""
        state, made = await self._owner_of(file_id)
        is_its_own = made == file_id or file_id.endswith(f"|{UPLOAD}")
        return state in {"queued", "running"} or (state == "done" and is_its_own)


def _held(job: Job) -> Document:
    return {"_id": job_document_id(job.account, job.id)}

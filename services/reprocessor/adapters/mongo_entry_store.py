"""The mark `reprocess` of the log entries in MongoDB: claim, send, release. Nothing else of an entry is written here.

A claim is one update of many: MongoDB checks the guard again for each document under its own lock, so each entry goes to one
claimer; reading back what carries our mark tells which. That is one command for hundreds of entries, not hundreds.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import ExecutionTimeout

from services.reprocessor.handlers.ports import Claim, Walk
from shared.contracts.eligibility import UNDER_WAY
from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import UTC_AWARE, Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import query_of

LEAN: Final = {
    "account": 1,
    "kind": 1,
    "affiliate": 1,
    "code": 1,
    "first_seen_at": 1,
    "last_success_at": 1,
    "attempts": 1,
    "reprocess": 1,
    "state.status": 1,
    "state.processed_at": 1,
    "state.received_at": 1,
    "state.causes.code": 1,
}
"""What the decision needs; payloads are read once it is made."""

WHOLE: Final = {"ids": 0, "applied": 0, "was": 0, "state.words": 0}

RAW: Final[CodecOptions[RawBSONDocument]] = CodecOptions(document_class=RawBSONDocument, tz_aware=True)
"""Undecoded, because their length tells how much memory they take."""

STRETCH_BYTES: Final = 4 * 1024 * 1024
"""Entries held in memory at once, as BSON: a payload may be 1 MiB."""

ANY_STATE: Final = ("answered", "claimed", "sent", "unknown")

PATIENCE_MS: Final = 3_000
"""For a filter that an index serves. One that matches next to nothing and has no index is looked for window by window then."""

WINDOW: Final = 20_000
"""Entries that one look examines at most, about 50 ms."""

WINDOWS_AT_ONCE: Final = 10

BY_JOB: Final = "by_reprocess_job"

GIVEN_UP: Final[Document] = {"$set": {"reprocess.state": "unknown"}}
"""What becomes of a mark that nobody will move on."""

TRY_TAKEN_BACK: Final[Document] = {**GIVEN_UP, "$inc": {"reprocess.tries": -1}}

LEFT_ALONE: Final[Document] = {"$set": {"reprocess.state": "unknown", "reprocess.cancelled": True}}


class MongoEntryStore:
    """Implements EntryStore."""

    def __init__(self, database: Database, *, patience_ms: int = PATIENCE_MS, window: int = WINDOW) -> None:
        self._patience_ms = patience_ms
        self._window = window
        self._entries = database[LOG_ENTRIES]
        self._raw_entries: AsyncCollection[RawBSONDocument] = cast(
            "AsyncCollection[RawBSONDocument]", database.get_collection(LOG_ENTRIES, codec_options=cast("Any", RAW))
        )

    async def find_entries(self, ids: Sequence[str]) -> Mapping[str, LogEntry]:
        """Return the entries that exist among `ids`, without payload."""
        with translated():
            found = await self._entries.find({"_id": {"$in": list(ids)}}, LEAN).to_list()
        return {document["_id"]: entry_from_document(document) for document in found}

    async def list_matching(self, account: str, rows: LogFilter, *, job_id: str, after: str | None, limit: int) -> Walk:
        """Return the next stretch in `_id` order; what the job has marked within it comes along."""
        prefix = f"{account}|{rows.kind[0]}|"
        start, end = after or prefix, prefix[:-1] + "}"  # `}` follows `|`: the end of the prefix
        query = query_of(account, rows)
        with translated():
            try:
                matching = await self._find(query, start, end, limit).max_time_ms(self._patience_ms).to_list()
                reached = end if len(matching) < limit else matching[-1]["_id"]
            except ExecutionTimeout:
                matching, reached = await self._look_in_windows(query, start, end, limit)
            marked = await self._list_marked(job_id, start, reached)
        found = {document["_id"]: document for document in (*marked, *matching)}
        entries = [entry_from_document(found[identity]) for identity in sorted(found, key=_order)]
        if reached != end:
            return Walk(entries, reached, is_last=False)
        return Walk(entries, entries[-1].id if entries else None, is_last=True)

    async def claim(self, ids: Sequence[str], claim: Claim) -> None:
        """Mark those of `ids` that nobody has claimed or sent."""
        free = {"_id": {"$in": list(ids)}, "reprocess.state": {"$nin": sorted(UNDER_WAY)}}
        await self._update(free, {"$set": {"reprocess": claim.mark()}})

    async def stream_claimed(self, ids: Sequence[str], job_id: str) -> AsyncIterator[list[LogEntry]]:
        """Yield the job's claimed entries, whole, at most STRETCH_BYTES and one entry at a time."""
        stretch: list[LogEntry] = []
        size = 0
        with translated():
            async for raw in self._raw_entries.find(held_by(ids, job_id), WHOLE):
                stretch.append(entry_from_document(_decoded(raw)))
                size += len(raw.raw)
                if size >= STRETCH_BYTES:
                    yield stretch
                    stretch, size = [], 0
        if stretch:
            yield stretch

    async def mark_sent(self, ids: Sequence[str], job_id: str, *, at: datetime) -> None:
        """Set the job's claimed entries to sent; an answer that was faster stays."""
        await self._update(held_by(ids, job_id), {"$set": {"reprocess.state": "sent", "reprocess.sent_at": at}})

    async def release(self, ids: Sequence[str], job_id: str) -> None:
        """Remove the job's claims."""
        await self._update(held_by(ids, job_id), {"$unset": {"reprocess": ""}})

    async def give_up(self, ids: Sequence[str], job_id: str) -> None:
        """Set the job's claims to unknown."""
        await self._update(held_by(ids, job_id), GIVEN_UP)

    async def take_try_back(self, ids: Sequence[str], job_id: str) -> None:
        """Set the job's claims to unknown, and count one try less."""
        await self._update(held_by(ids, job_id), TRY_TAKEN_BACK)

    async def leave_alone(self, ids: Sequence[str], job_id: str) -> None:
        """Set the job's claims to unknown and cancelled."""
        await self._update(held_by(ids, job_id), LEFT_ALONE)

    def _find(self, query: Document, start: str, end: str, limit: int) -> AsyncCursor[Document]:
        within = {**query, "_id": {"$gt": start, "$lte": end}}
        return self._entries.find(within, LEAN).sort("_id", 1).limit(limit)

    async def _look_in_windows(self, query: Document, start: str, end: str, limit: int) -> tuple[list[Document], str]:
        """Return what is found among the next entries, matching or not, and how far that was: no index serves the filter."""
        found: list[Document] = []
        reached = start
        for _ in range(WINDOWS_AT_ONCE):
            stop = await self._end_of_window(reached, end)
            found += await self._find(query, reached, stop, limit - len(found)).hint("_id_").to_list()
            reached = stop if len(found) < limit else found[-1]["_id"]
            if len(found) == limit or reached == end:
                break
        return found, reached

    async def _end_of_window(self, start: str, end: str) -> str:
        within = {"_id": {"$gt": start, "$lte": end}}
        last = await self._entries.find(within, {"_id": 1}).sort("_id", 1).skip(self._window - 1).limit(1).to_list()
        return last[0]["_id"] if last else end

    async def _list_marked(self, job_id: str, start: str, end: str) -> list[Document]:
        query = {
            "reprocess.id": {"$eq": job_id},
            "reprocess.state": {"$in": list(ANY_STATE)},
            "_id": {"$gt": start, "$lte": end},
        }
        return await self._entries.find(query, LEAN).hint(BY_JOB).to_list()

    async def _update(self, query: Document, update: Mapping[str, Any]) -> None:
        if query["_id"]["$in"]:
            with translated():
                await self._entries.update_many(query, update)


def _decoded(raw: RawBSONDocument) -> Document:
    return bson.decode(raw.raw, cast("Any", UTC_AWARE))


def held_by(ids: Sequence[str], job_id: str) -> Document:
    """Return the filter of those of `ids` that the job has claimed and not sent."""
    return {"_id": {"$in": list(ids)}, "reprocess.id": {"$eq": job_id}, "reprocess.state": {"$eq": "claimed"}}


def _order(identity: str) -> bytes:
    return identity.encode()  # MongoDB compares texts by their bytes

"""What a dry run needs to know, without reading more than decides."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from services.query.adapters.log.plan import index_of, indexed_query
from services.query.core.narrowing import too_broad
from services.query.handlers.previewing import Alike
from shared.contracts.eligibility import FAILED_STATUSES, UNDER_WAY
from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.errors import TooBroad
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

DECIDING: Final = {
    "account": 1,
    "kind": 1,
    "affiliate": 1,
    "code": 1,
    "state.status": 1,
    "state.processed_at": 1,
    "state.received_at": 1,
    "state.causes": 1,
    "first_seen_at": 1,
    "reprocess": 1,
}
IDS_AT_ONCE: Final = 1_000
NAMED_WITHIN_MS: Final = 2_000
"""Naming refused rows is a help beside the counts: it may not double the time that they take."""
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MongoEntryFinder:
    """The port EntryFinder."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._time_limit_ms = time_limit_ms

    async def find_entries(self, identities: Sequence[str]) -> dict[str, LogEntry]:
        """Return the entries among `identities`, by id."""
        found: dict[str, LogEntry] = {}
        for start in range(0, len(identities), IDS_AT_ONCE):
            query = {"_id": {"$in": list(identities[start : start + IDS_AT_ONCE])}}
            with translated():
                documents = await self._entries.find(query, DECIDING, max_time_ms=self._time_limit_ms).to_list()
            found.update((document["_id"], entry_from_document(document)) for document in documents)
        return found

    async def list_alike(self, account: str, rows: LogFilter) -> list[Alike]:
        """Return all rows, grouped by what decides: status, reprocess state, error codes."""
        deciding = {"status": "$state.status", "reprocess": "$reprocess.state", "codes": "$state.causes.code"}
        pipeline = [
            {"$match": indexed_query(account, rows)},
            {"$group": {"_id": deciding, "count": {"$sum": 1}}},
        ]
        options: dict[str, Any] = {"maxTimeMS": self._time_limit_ms}
        if (index := index_of(rows)) is not None:
            options["hint"] = index
        with translated():
            try:
                cursor = await self._entries.aggregate(pipeline, **options)
                return [_alike(account, group) for group in await cursor.to_list()]
            except ExecutionTimeout as error:
                raise TooBroad(too_broad(rows, within_ms=self._time_limit_ms)) from error

    async def list_refused(
        self, account: str, rows: LogFilter, *, hopeless: AbstractSet[str], limit: int
    ) -> list[LogEntry]:
        """Return the first refused rows by id; none when they are too hard to find in time."""
        prefix = f"{account}|{rows.kind[0]}|"
        within = {"_id": {"$gt": prefix, "$lt": prefix[:-1] + "}"}}  # `}` follows `|`: the end of the prefix
        query = {"$and": [indexed_query(account, rows), within, _refused(hopeless)]}
        limit_ms = min(self._time_limit_ms, NAMED_WITHIN_MS)
        # No hint: many refused rows are found soonest along _id, few ones by the filter's index, and the planner's race tells.
        found = self._entries.find(query, DECIDING, max_time_ms=limit_ms).sort("_id", 1).limit(limit)
        with translated():
            try:
                return [entry_from_document(document) for document in await found.to_list()]
            except ExecutionTimeout:
                return []


def _refused(hopeless: AbstractSet[str]) -> Document:
    """Return the refusals of the shared rule as a query."""
    helping = {"$elemMatch": {"code": {"$nin": sorted(hopeless)}}}
    return {
        "$or": [
            {"state.status": {"$nin": sorted(FAILED_STATUSES)}},
            {"reprocess.state": {"$in": sorted(UNDER_WAY)}},
            {"state.causes.0": {"$exists": True}, "state.causes": {"$not": helping}},
        ]
    }


def _alike(account: str, group: Document) -> Alike:
    deciding = group["_id"]
    state = deciding.get("reprocess")
    specimen = LogEntry(
        account=account,
        kind="",
        affiliate="",
        code="",
        status=deciding["status"],
        processed_at=LONG_AGO,
        received_at=LONG_AGO,
        first_seen_at=LONG_AGO,
        last_success_at=None,
        attempts=0,
        causes=[{"code": code} for code in deciding.get("codes") or ()],
        reprocess={"id": "", "state": state} if state else None,
    )
    return Alike(specimen, group["count"])

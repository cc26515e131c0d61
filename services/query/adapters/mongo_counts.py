"""Counts over the log by aggregation, each over the index that covers it where one does, each with a time limit."""

from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from services.query.adapters.log.mongo_log_reader import index_of, indexed_query
from services.query.handlers.insights import MAX_CAUSES, Bucket, CauseCount, Point
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

MAX_AFFILIATES: Final = 500
Stage = dict[str, Any]


class MongoLogCounts:
    """The port LogCounts."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._time_limit_ms = time_limit_ms

    async def count_by_kind(self, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        """Return entries by kind, then status."""
        return await self._count_by("kind", account, rows)

    async def count_by_affiliate(self, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        """Return entries by affiliate, then status."""
        return await self._count_by("affiliate", account, rows)

    async def count_by_cause(self, account: str, rows: LogFilter) -> list[CauseCount]:
        """Return the most frequent causes, most first. An entry with the same cause twice counts once."""
        found = await self._aggregate(
            account,
            rows,
            [
                {"$match": {"state.causes.0": {"$exists": True}}},
                {"$project": {"code": {"$setUnion": ["$state.causes.code", []]}}},
                {"$unwind": "$code"},
                {"$group": {"_id": "$code", "count": {"$sum": 1}}},
                {"$sort": {"count": -1, "_id": 1}},
                {"$limit": MAX_CAUSES},
            ],
        )
        return [CauseCount(group["_id"], group["count"]) for group in found]

    async def count_by_time(self, account: str, rows: LogFilter, *, bucket: Bucket) -> list[Point]:
        """Return the buckets that have entries, oldest first."""
        start = {"$dateTrunc": {"date": "$state.processed_at", "unit": bucket}}
        found = await self._aggregate(
            account,
            rows,
            [
                {"$group": {"_id": {"at": start, "status": "$state.status"}, "count": {"$sum": 1}}},
                {"$sort": {"_id.at": 1}},
            ],
        )
        points: dict[Any, dict[str, int]] = {}
        for group in found:
            points.setdefault(group["_id"]["at"], {})[group["_id"]["status"]] = group["count"]
        return [Point(at, by_status) for at, by_status in points.items()]

    async def _count_by(self, field: str, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        found = await self._aggregate(
            account,
            rows,
            [
                {"$group": {"_id": {"by": f"${field}", "status": "$state.status"}, "count": {"$sum": 1}}},
                {"$sort": {"_id.by": 1}},
                {"$limit": MAX_AFFILIATES * len(STATUSES)},
            ],
        )
        counts: dict[str, dict[str, int]] = {}
        for group in found:
            counts.setdefault(group["_id"]["by"], {})[group["_id"]["status"]] = group["count"]
        return counts

    async def _aggregate(self, account: str, rows: LogFilter, stages: list[Stage]) -> list[Document]:
        query = indexed_query(account, rows)
        pipeline = [{"$match": query}, *stages]
        options: dict[str, Any] = {"maxTimeMS": self._time_limit_ms}
        if (index := index_of(rows)) is not None:
            options["hint"] = index
        with translated():
            cursor = await self._entries.aggregate(pipeline, **options)
            return await cursor.to_list()

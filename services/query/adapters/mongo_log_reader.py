"""Entries and attempts from MongoDB: one index for each page, as many keys as rows, and a time limit on everything.

The hints are there because the planner is right until the day it is not: it tries plans on a sample, and an account whose errors are
all old makes the index of the tab look as good as the index of the status.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import product
from math import prod
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from services.query.core.cursor import Position
from shared.contracts.entries import Attempt, LogEntry, attempt_from_document, aware, entry_from_document
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.names import ATTEMPTS, KINDS, LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import Query, query_of
from shared.runtime.clock import Clock

WITHOUT_CONTENT: Final = dict.fromkeys(
    ("state.payload", "state.payload_preview", "state.words", "state.extra", "ids", "applied"), 0
)
REMEMBERED_FOR: Final = timedelta(seconds=10)
"""Counting to 10,000 costs more than the page beside it, and where there are so many there will be so many in a moment."""
MAX_REMEMBERED: Final = 1_000
PREFIX: Final = ("kind", "affiliate", "state.status")
MAX_PARTS: Final = 60
"""More alternatives than this are left to the planner: merging costs more than it saves."""
ATTEMPT_ORDER: Final = ("version.0", "version.1", "_id")
"""An attempt's place in the history: order text, sequence, then the id. Not the array as a whole: a sort would take its largest member."""


class MongoLogReader:
    """The port LogReader."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._attempts: AsyncCollection[Document] = database[ATTEMPTS]
        self._time_limit_ms = time_limit_ms
        self._now = now
        self._many: dict[tuple[str, LogFilter, int], datetime] = {}

    async def list_entries(
        self, account: str, rows: LogFilter, *, after: Position | None, ascending: bool, limit: int
    ) -> list[LogEntry]:
        """Return the first `limit` rows beyond `after`."""
        direction = 1 if ascending else -1
        query = indexed_query(account, rows)
        if after is not None:
            query = beyond(query, after, ascending=ascending)
        found = self._entries.find(query, WITHOUT_CONTENT, max_time_ms=self._time_limit_ms)
        found = found.sort([("state.processed_at", direction), ("_id", direction)]).limit(limit)
        if (index := index_of(rows)) is not None:
            found = found.hint(index)
        with translated():
            return [entry_from_document(document) for document in await found.to_list()]

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> int:
        """Return how many rows there are, never more than `at_most`; that there are so many is remembered for a moment."""
        asked, now = (account, rows, at_most), self._now()
        if now < self._many.get(asked, now):
            return at_most
        counted = await self._count(account, rows, at_most)
        if counted == at_most:
            if len(self._many) >= MAX_REMEMBERED:
                self._many.clear()
            self._many[asked] = now + REMEMBERED_FOR
        return counted

    async def _count(self, account: str, rows: LogFilter, at_most: int) -> int:
        options: dict[str, Any] = {"limit": at_most, "maxTimeMS": self._time_limit_ms}
        if (index := index_of(rows)) is not None:
            options["hint"] = index
        with translated():
            return await self._entries.count_documents(indexed_query(account, rows), **options)

    async def find_entry(self, identity: str) -> LogEntry | None:
        """Return the entry of that id."""
        with translated():
            found = await self._entries.find_one({"_id": {"$eq": identity}}, max_time_ms=self._time_limit_ms)
        return None if found is None else entry_from_document(found)

    async def list_attempts(self, identity: str, *, after: Position | None, limit: int) -> list[Attempt]:
        """Return the first `limit` attempts beyond `after`, newest first."""
        history = attempts_of(identity)
        with translated():
            query: Query = {"_id": history} if after is None else {"$and": [{"_id": history}, await self._older(after)]}
            found = self._attempts.find(query, max_time_ms=self._time_limit_ms)
            found = found.sort([(field, -1) for field in ATTEMPT_ORDER]).limit(limit)
            return [attempt_from_document(document) for document in await found.to_list()]

    async def list_outcomes(self, identity: str, *, limit: int) -> list[tuple[str, datetime]]:
        """Return (status, processed at) of the newest `limit` attempts."""
        with translated():
            found = self._attempts.find(
                {"_id": attempts_of(identity)}, {"status": 1, "processed_at": 1}, max_time_ms=self._time_limit_ms
            )
            newest = await found.sort([(field, -1) for field in ATTEMPT_ORDER]).limit(limit).to_list()
        return [(document["status"], aware(document["processed_at"])) for document in newest]

    async def _older(self, after: Position) -> Query:
        known = await self._attempts.find_one(
            {"_id": {"$eq": after.id}}, {"version": 1}, max_time_ms=self._time_limit_ms
        )
        if known is None:  # expired meanwhile, and all older ones with it
            return {"_id": {"$in": []}}
        order, sequence = known["version"][:2]
        return {
            "$or": [
                {"version.0": {"$lt": order}},
                {"version.0": {"$eq": order}, "version.1": {"$lt": sequence}},
                {"version.0": {"$eq": order}, "version.1": {"$eq": sequence}, "_id": {"$lt": after.id}},
            ]
        }


def indexed_query(account: str, rows: LogFilter) -> Query:
    """Return the query of `rows`, with the fields spelt out that stand before the sorted ones in its index."""
    query = query_of(account, rows)
    query.setdefault("kind", {"$in": list(KINDS)})
    if rows.affiliate and not rows.q:
        query.setdefault("state.status", {"$in": list(STATUSES)})
    return query


def index_of(rows: LogFilter) -> str | None:
    """Return the index that answers `rows` in order; None leaves a search to the planner."""
    if rows.q:
        return None
    if rows.affiliate:
        return "by_affiliate"
    return "by_status" if rows.status else "by_time"


def beyond(query: Query, position: Position, *, ascending: bool) -> Query:
    """Return the rows of `query` after `position`: the rest of its instant, then all other instants.

    Alternatives of the whole query, so that each becomes a tight range of the index and all merge in order; a bound outside and a
    tie break inside would walk through all the rows of the instant again, and a bulk import gives thousands the same one.
    """
    strictly = "$gt" if ascending else "$lt"
    rest_of_instant = {"state.processed_at": {"$eq": position.at}, "_id": {strictly: position.id}}
    other_instants = {"state.processed_at": {strictly: position.at}}
    return {"$or": [{"$and": [part, bound]} for part in split(query) for bound in (rest_of_instant, other_instants)]}


def split(query: Query) -> list[Query]:
    """Return queries with one value each for what stands before the sorted fields in an index; together they are `query`."""
    several = {field: query[field]["$in"] for field in PREFIX if "$in" in query.get(field, {})}
    if prod(len(values) for values in several.values()) > MAX_PARTS:
        return [query]
    chosen = product(*([(field, {"$eq": value}) for value in values] for field, values in several.items()))
    return [{**query, **dict(part)} for part in chosen]


def attempts_of(identity: str) -> Mapping[str, str]:
    """Return the range of `_id` that holds the attempts of an entry: they start with its id and U+001F."""
    return {"$gt": f"{identity}\x1f", "$lt": f"{identity}\x20"}

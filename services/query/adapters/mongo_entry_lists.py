"""Lists of entries from MongoDB: as many keys as rows along an index that has them in order, or few rows sorted, and always a time limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from math import isqrt
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from services.query.adapters.log_plan import (
    PATHS,
    Way,
    beyond,
    index_of,
    indexed_query,
    ordered_index,
    ordered_query,
    stretches_of,
    ways_of,
)
from services.query.core.cursor import Position
from services.query.core.narrowing import too_broad
from services.query.core.sorting import SortField, place_of
from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.errors import TooBroad
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import Query
from shared.runtime.clock import Clock

WITHOUT_CONTENT: Final = dict.fromkeys(
    ("state.payload", "state.payload_preview", "state.words", "state.aliases", "state.extra", "ids", "applied", "was"),
    0,
)
KEYS_PER_ROW: Final = 50
"""So many keys may be examined for each row asked for; counting and reading rows that are to be sorted takes two for each."""

SORTED_AT_MOST: Final = 10_000
"""In a large collection more rows are sorted than that, up to these, some 40 ms: there, walking in order past all that do not fit
costs more still."""

COUNT_WITHIN_MS: Final = 1_000
"""A total is a help beside the rows: it may not hold them up for longer."""

REMEMBERED_FOR: Final = timedelta(seconds=10)
"""Counting to 10,000 costs more than the page beside it, and where there are so many there will be so many in a moment."""
SIZE_REMEMBERED_FOR: Final = timedelta(seconds=60)
MAX_REMEMBERED: Final = 1_000


class MongoEntryLists:
    """Those methods of the port LogReader that list and count."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._time_limit_ms = time_limit_ms
        self._now = now
        self._many: dict[tuple[str, LogFilter, int], tuple[datetime, int | None]] = {}
        self._size: tuple[datetime, int] | None = None

    async def list_entries(
        self,
        account: str,
        rows: LogFilter,
        *,
        after: Position | None,
        ascending: bool,
        limit: int,
        by: SortField = "processed_at",
    ) -> list[LogEntry]:
        """Return the first `limit` rows beyond `after`. Raise TooBroad when they are not found in time."""
        ways = ways_of(account, rows, by)
        async with self._in_time(rows):
            if ways and await self._are_few(ways, limit):
                return await self._sorted(ways, by, after, ascending=ascending, limit=limit)
            if by == "attempts":
                return await self._by_attempts(account, rows, after, ascending=ascending, limit=limit)
            query, index = ordered_query(account, rows, by), ordered_index(rows, by)
            return await self._walk(query, index, PATHS[by], after, ascending=ascending, limit=limit)

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> int | None:
        """Return how many rows there are, never more than `at_most`; that there are so many is remembered for a moment."""
        asked, now = (account, rows, at_most), self._now()
        until, known = self._many.get(asked, (now, None))
        if now < until:
            return known
        counted = await self._count(account, rows, at_most)
        if counted is None or counted == at_most:
            if len(self._many) >= MAX_REMEMBERED:
                self._many.clear()
            self._many[asked] = now + REMEMBERED_FOR, counted
        return counted

    async def _count(self, account: str, rows: LogFilter, at_most: int) -> int | None:
        with translated():
            try:
                if not rows.q or rows.reprocess_id:
                    return await self._count_of(indexed_query(account, rows), index_of(rows), at_most)
                by_id, *by_word = ways_of(account, rows, "processed_at")
                counted = await self._count_of(by_id.query, by_id.index, at_most)
                if by_word and counted < at_most:
                    others = {**by_word[0].query, "ids": {"$not": by_id.bare["ids"]}}
                    counted += await self._count_of(others, by_word[0].index, at_most - counted)
            except ExecutionTimeout:
                return None
            return counted

    async def _count_of(self, query: Query, index: str | None, at_most: int) -> int:
        options: dict[str, Any] = {"limit": at_most, "maxTimeMS": min(self._time_limit_ms, COUNT_WITHIN_MS)}
        if index is not None:
            options["hint"] = index
        return await self._entries.count_documents(query, **options)

    async def _are_few(self, ways: list[Way], limit: int) -> bool:
        """Say whether sorting the rows that `ways` lead to costs less than walking past all others in order."""
        is_search = any(way.index == "by_ids" for way in ways)
        # What begins alike was often made at one time, and may lie deep under newer rows: of a search the most is sorted.
        break_even = SORTED_AT_MOST if is_search else isqrt(limit * await self._estimated_size())
        at_most = max(KEYS_PER_ROW * limit // 2, min(SORTED_AT_MOST, break_even))
        found = 0
        for way in ways:
            try:
                found += await self._count_of(way.bare, way.index, at_most + 1 - found)
            except ExecutionTimeout:
                return False
            if found > at_most:
                return False
        return True

    async def _estimated_size(self) -> int:
        now = self._now()
        if self._size is None or now >= self._size[0]:
            self._size = now + SIZE_REMEMBERED_FOR, await self._entries.estimated_document_count()
        return self._size[1]

    async def _sorted(
        self, ways: list[Way], by: SortField, after: Position | None, *, ascending: bool, limit: int
    ) -> list[LogEntry]:
        path = PATHS[by]
        reads = [
            self._find(
                beyond(way.query, way.index, path, after, ascending=ascending) if after else way.query,
                way.index,
                path,
                ascending=ascending,
                limit=limit,
            )
            for way in ways
        ]
        found = {entry.id: entry for entries in await asyncio.gather(*reads) for entry in entries}
        return sorted(found.values(), key=lambda entry: place_of(entry, by), reverse=not ascending)[:limit]

    async def _walk(
        self, query: Query, index: str, path: str, after: Position | None, *, ascending: bool, limit: int
    ) -> list[LogEntry]:
        if after is not None:
            query = beyond(query, index, path, after, ascending=ascending)
        return await self._find(query, index, path, ascending=ascending, limit=limit)

    async def _by_attempts(
        self, account: str, rows: LogFilter, after: Position | None, *, ascending: bool, limit: int
    ) -> list[LogEntry]:
        stretches = stretches_of(account, rows)[:: -1 if ascending else 1]
        if after is not None and len(stretches) > 1 and not stretches[0].holds(after.at):
            del stretches[0]
        found: list[LogEntry] = []
        for stretch, start in zip(stretches, (after, None), strict=False):
            if room := limit - len(found):
                query, index, path = stretch.query, stretch.index, stretch.path
                found += await self._walk(query, index, path, start, ascending=ascending, limit=room)
        return found

    async def _find(self, query: Query, index: str, path: str, *, ascending: bool, limit: int) -> list[LogEntry]:
        direction = 1 if ascending else -1
        order = [("_id", direction)] if path == "_id" else [(path, direction), ("_id", direction)]
        found = self._entries.find(query, WITHOUT_CONTENT, max_time_ms=self._time_limit_ms)
        documents = await found.sort(order).limit(limit).hint(index).to_list()
        return [entry_from_document(document) for document in documents]

    @asynccontextmanager
    async def _in_time(self, rows: LogFilter) -> AsyncIterator[None]:
        with translated():
            try:
                yield
            except ExecutionTimeout as error:
                raise TooBroad(too_broad(rows, within_ms=self._time_limit_ms)) from error

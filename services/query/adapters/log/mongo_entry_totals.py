"""How many rows a list has, for a person: exactly where that is cheap, else what is sure.

Where an index answers the whole question its keys are counted up to a limit. Else the rows that it leads to are counted if it leads to
few; of more, only the first are looked at. A total is a help beside the rows: it may not hold them up, nor cost more than they do, so
one that took long to count is not counted anew at every look.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from services.query.adapters.log.mongo_counting import count_up_to
from services.query.adapters.log.plan import Way, sets_of
from services.query.handlers.reading import Total
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import Query
from shared.runtime.clock import Clock

LOOKED_AT: Final = 5_000
"""Rows that are read to count those among them that fit, some 20 ms."""

WITHIN_MS: Final = 1_000
REMEMBERED_FOR: Final = timedelta(seconds=10)
"""Counting to 10,000 costs more than the page beside it, and where there are so many there will be so many in a moment."""

LARGE: Final = 1_000
"""Fewer rows are counted at every look: that costs little, and of few a person sees when one more or less is told."""

OLDEST: Final = timedelta(seconds=1)
"""A large total that is told as exact is counted anew after so long: however many people look, MongoDB counts once a second."""

MAX_REMEMBERED: Final = 1_000

Asked = tuple[str, LogFilter, int]
"""Account, filter, and up to how many are counted."""


class MongoEntryTotals:
    """The method of the port LogReader that counts."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        self._counted: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._within_ms = min(time_limit_ms, WITHIN_MS)
        self._now = now
        self._many: dict[Asked, tuple[datetime, Total]] = {}

    def counts_keys_alone(self, account: str, rows: LogFilter) -> bool:
        """Say whether the way to the rows is answered by its index. Searches seldom find more than a page."""
        return not rows.q and all(way.query == way.bare for way in sets_of(account, rows))

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> Total:
        """Return how many rows there are, never more than `at_most`; that there are many is remembered for a moment."""
        asked, began_at = (account, rows, at_most), self._now()
        until, known = self._many.get(asked, (began_at, None))
        if known is not None and began_at < until:
            return known
        total = await self._count(sets_of(account, rows), at_most)
        if total.relation == "at_least":
            self._remember(asked, total, began_at + REMEMBERED_FOR)
        elif total.value >= LARGE:
            self._remember(asked, total, began_at + OLDEST)
        return total

    def _remember(self, asked: Asked, total: Total, until: datetime) -> None:
        if len(self._many) >= MAX_REMEMBERED:
            self._many.clear()
        self._many[asked] = until, total

    async def _count(self, ways: list[Way], at_most: int) -> Total:
        counted, is_exact, others = 0, True, Query()
        with translated():
            try:
                for way in ways:
                    found, is_whole = await self._count_way(way, others, at_most + 1 - counted)
                    counted, is_exact = counted + found, is_exact and is_whole
                    if counted > at_most:
                        return Total(at_most, "at_least")
                    others = {"ids": {"$not": way.bare["ids"]}} if way.index == "by_ids" else {}
            except ExecutionTimeout:
                return Total(counted, "at_least")
        return Total(counted, "exact" if is_exact else "at_least")

    async def _count_way(self, way: Way, others: Query, at_most: int) -> tuple[int, bool]:
        """Return the rows of a way that are none of the ways before it, and whether these are all up to `at_most`."""
        query = {**way.query, **others}
        if query != way.bare and await self._count_of(way.bare, way.index, LOOKED_AT + 1) > LOOKED_AT:
            stages: list[dict[str, Any]] = [
                {"$match": way.bare},
                {"$limit": LOOKED_AT},
                {"$match": query},
                {"$count": "rows"},
            ]
            cursor = await self._counted.aggregate(stages, hint=way.index, maxTimeMS=self._within_ms)
            return sum(found["rows"] for found in await cursor.to_list()), False
        return await self._count_of(query, way.index, at_most), True

    async def _count_of(self, query: Query, index: str, at_most: int) -> int:
        return await count_up_to(self._counted, query, index, limit=at_most, within_ms=self._within_ms)

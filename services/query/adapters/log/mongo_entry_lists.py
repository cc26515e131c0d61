"""Lists of entries from MongoDB, in bounded work: along an index that has them in order, or few rows sorted, and never past a budget.

Where the index answers the whole question every key is a row. Else a page has a budget of keys: a quick look at the nearest ones, where
many fit; then the place at which the budget ends is looked up along the keys alone, and what fits up to there is read. A page may be
short, then, and says where the next one goes on (decision 0012).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from pymongo.errors import ExecutionTimeout

from services.query.adapters.log.course import bounds_of, course_of, courses_by_attempts
from services.query.adapters.log.mongo_counting import count_up_to
from services.query.adapters.log.mongo_entries_by_code import CodeOrder, list_by_code
from services.query.adapters.log.mongo_entry_walk import EntryWalk, Stretch
from services.query.adapters.log.plan import PATHS, Way, any_of, ways_of
from services.query.adapters.mongo_freshness import INDEX as BY_AFFILIATE
from services.query.adapters.mongo_freshness import affiliates_of
from services.query.core.cursor import Position
from services.query.core.narrowing import too_broad, too_many_affiliates
from services.query.core.sorting import SortField, place_of
from services.query.handlers.leafing import DEFAULT_LIMIT
from services.query.handlers.reading import MOST_KEYS, Found
from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.errors import TooBroad
from shared.contracts.filters import LogFilter
from shared.contracts.matching import lets_pass
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.mongo.queries import Query, query_of

FEW_SHARE: Final = 4
"""One key in so many of the budget goes into counting the rows that might be sorted; reading those takes as many again."""

SEARCHED_SHARE: Final = 9
"""Of a search fewer: several ids of a row may begin alike, and each is a key."""

TRIED_AT_ONCE: Final = DEFAULT_LIMIT + 1
"""A search that may be for an id, having a digit, reads so many rows before it counts any: where there are more, a page is thrown away."""

MAX_AFFILIATES: Final = 400
"""By code so many are merged; who has more chooses some."""


class MongoEntryLists:
    """The method of the port LogReader that lists."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._walk = EntryWalk(database[LOG_ENTRIES], time_limit_ms=time_limit_ms)

    async def list_entries(
        self,
        account: str,
        rows: LogFilter,
        *,
        after: Position | None,
        ascending: bool,
        limit: int,
        by: SortField = "processed_at",
        keys: int = MOST_KEYS,
    ) -> Found:
        """Return the first `limit` rows beyond `after`, or those among so many keys. Raise TooBroad when they do not come in time."""
        asked = Stretch(after, ascending, limit)
        async with self._in_time(rows):
            if by == "code":
                affiliates = rows.affiliate or await self._affiliates(account, rows)
                order = CodeOrder(account, rows.kind[0], affiliates, _beside_the_id(account, rows))
                found, left = await self._few(account, rows, asked, by, keys) if order.rest else (None, keys)
                return found or await list_by_code(self._walk, order, asked, left)
            if by == "attempts":
                courses = courses_by_attempts(account, rows)[:: -1 if ascending else 1]
            else:
                courses = [course_of(account, rows, by)]
            is_exact = not any(course.rest for course in courses)
            found, left = (None, keys) if is_exact else await self._few(account, rows, asked, by, keys)
            return found or await self._walk.along_all(courses, asked, left)

    async def _affiliates(self, account: str, rows: LogFilter) -> Sequence[str]:
        pipeline = affiliates_of(account, rows.kind[0], MAX_AFFILIATES + 1)
        cursor = await self._walk.entries.aggregate(pipeline, hint=BY_AFFILIATE, maxTimeMS=self._walk.time_limit_ms)
        found = await cursor.to_list()
        if len(found) > MAX_AFFILIATES:
            raise TooBroad(too_many_affiliates(MAX_AFFILIATES))
        return sorted(group["_id"] for group in found)

    async def _few(
        self, account: str, rows: LogFilter, asked: Stretch, by: SortField, keys: int
    ) -> tuple[Found | None, int]:
        """Return the rows, if those that some index leads to are so few that they can all be read; and the keys that are left."""
        ways = ways_of(account, rows, by)
        if not ways:
            return None, keys
        is_search = any(way.index == "by_ids" for way in ways)
        at_most = keys // (SEARCHED_SHARE if is_search else FEW_SHARE)
        if is_search and asked.after is None and any(letter.isdigit() for letter in rows.q):
            whole = await self._whole(account, rows, ways, min(at_most, TRIED_AT_ONCE))
            if whole is not None:
                return Found(_merged([whole], asked, by)), 0
        if await self._are_few(ways, at_most):
            return Found(await self._sorted(ways, asked, by)), 0
        return None, keys - at_most * (SEARCHED_SHARE // 2 if is_search else 1)

    async def _whole(self, account: str, rows: LogFilter, ways: list[Way], limit: int) -> list[LogEntry] | None:
        """Return all rows if all ways together lead to fewer than `limit`, as an id does.

        Of so few, one question brings all there are, and which of them fit is seen in hand: for the driver each further question,
        for a count or for another way, is as much work as everything else.
        """
        found = await self._walk.read(any_of([way.bare for way in ways]), limit=limit)
        if len(found) == limit:
            return None
        return [entry_from_document(document) for document in found if lets_pass(rows, account, document)]

    async def _are_few(self, ways: list[Way], at_most: int) -> bool:
        within_ms = self._walk.time_limit_ms
        counts = [
            count_up_to(self._walk.entries, way.bare, way.index, limit=at_most + 1, within_ms=within_ms) for way in ways
        ]
        return sum(await asyncio.gather(*counts)) <= at_most

    async def _sorted(self, ways: list[Way], asked: Stretch, by: SortField) -> list[LogEntry]:
        bounds = bounds_of(PATHS[by], asked.after, None, ascending=asked.ascending)
        beyond = any_of(bounds)
        reads = [
            self._walk.find({"$and": [way.query, beyond]} if beyond else way.query, way.index, PATHS[by], asked)
            for way in ways
        ]
        return _merged(await asyncio.gather(*reads), asked, by)

    @asynccontextmanager
    async def _in_time(self, rows: LogFilter) -> AsyncIterator[None]:
        with translated():
            try:
                yield
            except ExecutionTimeout as error:
                raise TooBroad(too_broad(rows, within_ms=self._walk.time_limit_ms)) from error


def _merged(found: Sequence[Sequence[LogEntry]], asked: Stretch, by: SortField) -> list[LogEntry]:
    """Return the rows of all ways in the order asked for, each once."""
    entries = {entry.id: entry for of_way in found for entry in of_way}
    return sorted(entries.values(), key=lambda entry: place_of(entry, by), reverse=not asked.ascending)[: asked.limit]


def _beside_the_id(account: str, rows: LogFilter) -> Query:
    """Return what of the filter an id does not tell."""
    told = ("account", "kind", "affiliate")
    return {field: value for field, value in query_of(account, rows).items() if field not in told}

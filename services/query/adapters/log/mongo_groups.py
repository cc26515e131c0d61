"""Root causes from MongoDB: few rows are read whole; of many the index tells what it can, and else the first of them are read.

Decision 0012 holds here too: whatever the account has, a bounded number of keys and documents is looked at.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from math import prod
from typing import Final

from pymongo.asynchronous.collection import AsyncCollection

from services.query.adapters.log.group_tallies import Stage, Tally, tallied, tally_key, tally_stages
from services.query.adapters.log.mongo_counting import count_up_to
from services.query.adapters.log.mongo_entry_totals import LOOKED_AT
from services.query.adapters.log.mongo_group_walk import INDEX, MOST_GROUPS, NEWEST_FIRST, GroupWalk, is_plain
from services.query.adapters.log.plan import LEADING, MAX_PARTS, Way, sets_of
from services.query.core.groups import cause_of
from services.query.handlers.grouping import Grouped, RootCause
from services.query.handlers.reading import Total
from shared.contracts.filters import FAILED, LogFilter
from shared.contracts.names import KINDS, LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import Query, query_of

DATED: Final = ("by_status", "by_affiliate", "by_cause", "by_group", "by_time")
"""Indexes that have rows newest first for each combination of values of the fields before the date."""


class MongoGroups:
    """The port GroupReader."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._within_ms = time_limit_ms

    async def list_groups(self, account: str, rows: LogFilter, *, limit: int, days: Sequence[datetime]) -> Grouped:
        """Return the `limit` groups that most of `rows` have, of as many the newest first."""
        with translated():
            ways = _ways(account, rows)
            are_few = await self._are_few(ways)
            if is_plain(rows) and not are_few:
                found, total, is_complete = await self._walk(account, rows, limit, days)
            else:
                tallies = await self._read(ways, rows.group, days)
                total, is_complete = Total(len(tallies), "exact" if are_few else "at_least"), are_few
                first = sorted(tallies, key=lambda group: _place(group, tallies[group]))[:limit]
                found = [tallies[group].told(group, days, total.relation) for group in first]
            with_causes = await asyncio.gather(*(self._with_cause(account, one) for one in found))
        items = sorted((one for one in with_causes if one is not None), key=_order)
        return Grouped(items, total, is_complete)

    async def _are_few(self, ways: Iterable[Way]) -> bool:
        for way in ways:
            limit = LOOKED_AT + 1
            if await count_up_to(self._entries, way.bare, way.index, limit=limit, within_ms=self._within_ms) == limit:
                return False
        return True

    async def _read(self, ways: Iterable[Way], groups: Sequence[str], days: Sequence[datetime]) -> dict[str, Tally]:
        """Return the tallies of the rows that the ways lead to: of all, or of the first LOOKED_AT of each way."""
        told: list[Document] = []
        others = Query()
        for way in ways:
            told += await self._aggregate(_stages(way, others, groups, days[0]), way.index)
            others = {"ids": {"$not": way.bare["ids"]}} if way.index == "by_ids" else {}
        return tallied(told)

    async def _walk(
        self, account: str, rows: LogFilter, limit: int, days: Sequence[datetime]
    ) -> tuple[list[RootCause], Total, bool]:
        """Return the groups with most items of many, how many there are, and whether these are all."""
        walks = [
            GroupWalk(self._entries, account, replace(rows, kind=(kind,)), within_ms=self._within_ms)
            for kind in rows.kind or KINDS
        ]
        kinds = await asyncio.gather(*(self._count(account, walk, days) for walk in walks))
        counted = [
            (one, group, total) for one, (totals, _) in zip(walks, kinds, strict=True) for group, total in totals
        ]
        is_complete = all(are_all for _, are_all in kinds)
        counted.sort(key=lambda one: (-one[2].value, one[1]))
        beside = min(limit, len(counted))
        told = await asyncio.gather(*(walk.tell(group, n, days, beside=beside) for walk, group, n in counted[:limit]))
        total = Total(len(counted), "exact" if is_complete else "at_least")
        return [one for one in told if one is not None], total, is_complete

    async def _count(
        self, account: str, walk: GroupWalk, days: Sequence[datetime]
    ) -> tuple[list[tuple[str, Total]], bool]:
        """Return the groups of one kind that some of the rows have, each with its count, and whether these are all."""
        groups, are_all = await walk.find_groups()
        if not are_all:
            groups = await self._likeliest(account, walk.rows, groups, days)
        counts = await walk.count_groups(groups)
        # A count of some affiliates may end at any number: such a group may belong further up, or at least none be many.
        are_ranked = not walk.rows.affiliate or all(total.relation == "exact" for total in counts.values())
        return [(group, total) for group, total in counts.items() if total.value], are_all and are_ranked

    async def _likeliest(
        self, account: str, rows: LogFilter, walked: Sequence[str], days: Sequence[datetime]
    ) -> list[str]:
        """Return MOST_GROUPS of more groups: those that most of the newest items have, then those that were walked through."""
        newest = await self._read(sets_of(account, replace(rows, status=FAILED)), (), days)
        first = sorted(newest, key=lambda group: _place(group, newest[group]))
        return list(dict.fromkeys([*first, *walked]))[:MOST_GROUPS]

    async def _with_cause(self, account: str, one: RootCause) -> RootCause | None:
        """Return the group with the cause of its newest item; None where it has none any more."""
        query = query_of(account, LogFilter(kind=(one.kind,), group=(one.id,)))
        fields = {"state.groups": 1, "state.causes.code": 1, "state.causes.message": 1}
        asked = self._entries.find(query, fields, max_time_ms=self._within_ms)
        async for newest in asked.sort(list(NEWEST_FIRST.items())).limit(1).hint(INDEX):
            state = newest["state"]
            return replace(one, cause=cause_of(one.id, one.kind, state["groups"], state["causes"]))
        return None

    async def _aggregate(self, stages: list[Stage], index: str) -> list[Document]:
        cursor = await self._entries.aggregate(stages, hint=index, maxTimeMS=self._within_ms)
        return await cursor.to_list()


def _ways(account: str, rows: LogFilter) -> list[Way]:
    """Return the ways to `rows`: where the filter is plain, one to all that has a root cause."""
    if not is_plain(rows):
        return sets_of(account, rows)
    query = query_of(account, rows)
    some = {"kind": {"$in": list(rows.kind or KINDS)}, "state.groups": query.get("state.groups", {"$gt": ""})}
    bare = {"account": query["account"], **some}
    return [Way(INDEX, {**query, **some}, bare)]


def _stages(way: Way, others: Query, groups: Sequence[str], since: datetime) -> list[Stage]:
    in_order = [{"$sort": NEWEST_FIRST}] if _has_in_order(way) else []
    named = [{"$match": {"state.groups": {"$in": list(groups)}}}] if groups else []
    key = {"group": "$state.groups", "kind": "$kind", **tally_key("$affiliate", since)}
    return [
        {"$match": way.bare},
        *in_order,
        {"$limit": LOOKED_AT},
        {"$match": {**way.query, **others}},
        {"$project": {"kind": 1, "affiliate": 1, "state.groups": 1, "state.processed_at": 1}},
        {"$unwind": "$state.groups"},
        *named,
        *tally_stages(key),
    ]


def _has_in_order(way: Way) -> bool:
    """Say whether the index has the rows of a way newest first: else MongoDB would sort all that it leads to."""
    if way.index not in DATED:
        return False
    fields = ("kind", *(field for field in LEADING[way.index] if field != "state.processed_at"))
    values = [way.bare.get(field, {}) for field in fields]
    named = [one["$in"] if "$in" in one else [one["$eq"]] for one in values if one.keys() & {"$in", "$eq"}]
    return len(named) == len(fields) and prod(map(len, named)) <= MAX_PARTS


def _place(group: str, tally: Tally) -> tuple[int, float, str]:
    return -tally.count, -tally.last_at.timestamp(), group


def _order(one: RootCause) -> tuple[int, float, str]:
    return -one.count.value, -one.last_at.timestamp(), one.id

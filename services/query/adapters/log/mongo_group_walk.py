"""The root causes of one kind along `by_group`, however many items there are: from group to group, each counted by keys alone.

The index sorts by account, kind, group and newest first, and ends with the entry id, in which the affiliate stands. So a count, the first,
the last and the affiliates of a group read no document. That the index is of arrays does not matter where one group is named.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from pymongo.asynchronous.collection import AsyncCollection

from services.query.adapters.log.group_tallies import Stage, Tally, tally_key, tally_stages
from services.query.adapters.log.mongo_counting import count_up_to
from services.query.core.groups import DAY
from services.query.handlers.grouping import Day, RootCause
from services.query.handlers.reading import COUNT_LIMIT, Total
from shared.contracts.filters import LogFilter
from shared.contracts.times import aware
from shared.mongo.client import Document
from shared.mongo.queries import Query, query_of

INDEX: Final = "by_group"
MOST_GROUPS: Final = 500
"""So many groups of a kind are walked through, a millisecond for each."""

WALK_SECONDS: Final = 1.0
"""So long one walks, on a machine that has much else to do."""

MOST_KEYS: Final = 1_000_000
"""All groups of a kind share so many keys when they are counted: each is to LEAST_COUNTED at least and to COUNT_LIMIT at most."""

LEAST_COUNTED: Final = 2_000
DEARER: Final = 4
"""So many keys are counted in the time in which the affiliate of one is read."""

LOOKED_AHEAD: Final = 16
"""Entries read at each step: small groups are passed several at a time, and of a large one few are read in vain."""

NEWEST: Final = 1_000
"""So many items of a group are looked at for its affiliates: those say where it happens now."""

AT_ONCE: Final = 8
AFFILIATE: Final = {"$arrayElemAt": [{"$split": ["$_id", "|"]}, 2]}
OLDEST_FIRST: Final = {"state.processed_at": 1, "_id": 1}
NEWEST_FIRST: Final = {"state.processed_at": -1, "_id": -1}
PLAIN: Final = ("kind", "affiliate", "group", "from", "to", "stale_since")
"""Fields of a filter that the keys of the index answer."""


def is_plain(rows: LogFilter) -> bool:
    """Say whether the keys of the index tell which items `rows` lets pass."""
    return rows.to_json().keys() <= set(PLAIN)


class GroupWalk:
    """One kind of one account. `rows` is plain and names that kind."""

    def __init__(self, entries: AsyncCollection[Document], account: str, rows: LogFilter, *, within_ms: int) -> None:
        self._entries = entries
        self._account = account
        self.rows = rows
        self._within_ms = within_ms
        self._lanes = asyncio.Semaphore(AT_ONCE)

    async def find_groups(self) -> tuple[list[str], bool]:
        """Return the groups that entries have, whatever the filter says of these; and whether they are all."""
        if self.rows.group:
            return sorted(self.rows.group), True
        kind = query_of(self._account, LogFilter(kind=self.rows.kind))
        found: list[str] = []
        reached = ""
        until_at = time.monotonic() + WALK_SECONDS
        while len(found) < MOST_GROUPS and time.monotonic() < until_at:
            query = {**kind, "state.groups": {"$gt": reached}}
            asked = self._entries.find(query, {"_id": 0, "state.groups": 1}, max_time_ms=self._within_ms)
            ahead = [one["state"]["groups"] for one in await asked.limit(LOOKED_AHEAD).hint(INDEX).to_list()]
            if not ahead:
                return found, True
            # An entry of several groups comes once, at the first of them: groups up to the last place are all known now.
            until = max(min(group for group in groups if group > reached) for groups in ahead)
            found += sorted({group for groups in ahead for group in groups if reached < group <= until})
            reached = until
        return found[:MOST_GROUPS], False

    async def count_groups(self, groups: Sequence[str]) -> dict[str, Total]:
        """Return how many of the rows each group has. Those that have more than their share of keys are counted on, if there are few."""
        share = self._share(len(groups))
        counts = await self._counted(groups, share)
        large = [group for group, total in counts.items() if total.relation == "at_least"]
        if large and self._share(len(large)) > share:
            counts |= await self._counted(large, self._share(len(large)))
        return counts

    async def tell(self, group: str, count: Total, days: Sequence[datetime], *, beside: int) -> RootCause | None:
        """Return what is told of a group that has `count` of the rows, None where it has none any more. `beside`: of how many it is one."""
        query = self._query(group)
        stages: list[Stage] = [{"$match": query}, {"$sort": NEWEST_FIRST}, {"$limit": NEWEST}]
        found = await self._aggregate([*stages, *tally_stages(tally_key(AFFILIATE, days[0]))])
        tally = Tally(self.rows.kind[0])
        for row in found:
            if not self.rows.affiliate or row["_id"]["affiliate"] in self.rows.affiliate:
                tally.add(row)
        if sum(row["items"] for row in found) < NEWEST:
            return tally.told(group, days, "exact") if tally.count else None
        share = self._share(beside)
        last_at, first_at = await self._end(query, NEWEST_FIRST, share), await self._end(query, OLDEST_FIRST, share)
        if last_at is None:
            return None
        each = self._share(beside * len(days))
        trend = await asyncio.gather(*(self._count_day(group, day, each) for day in days))
        told = tally.told(group, days, "at_least")
        at_least = Total(max(count.value, tally.count), count.relation)
        return replace(told, count=at_least, first_at=first_at, last_at=last_at, trend=trend)

    def _query(self, group: str) -> Query:
        """Return the query of a group's rows of any affiliate: one stretch of the index."""
        return query_of(self._account, replace(self.rows, affiliate=(), group=(group,)))

    async def _counted(self, groups: Sequence[str], at_most: int) -> dict[str, Total]:
        counts = await asyncio.gather(*(self._count(self._query(group), at_most) for group in groups))
        return dict(zip(groups, counts, strict=True))

    async def _count_day(self, group: str, day: datetime, at_most: int) -> Day:
        rows = self.rows
        from_at = max(day, rows.from_at or day)
        to_at = min([day + DAY, *filter(None, (rows.to_at, rows.stale_since))])
        if from_at >= to_at:
            return Day(day, Total(0, "exact"))
        query = {**self._query(group), "state.processed_at": {"$gte": from_at, "$lt": to_at}}
        return Day(day, await self._count(query, at_most))

    async def _count(self, query: Query, at_most: int) -> Total:
        """Return how many of the rows a stretch of the index has among its first `at_most` keys."""
        async with self._lanes:
            keys = await count_up_to(self._entries, query, INDEX, limit=at_most + 1, within_ms=self._within_ms)
        found = min(keys, at_most)
        if self.rows.affiliate and keys:
            stages: list[Stage] = [{"$match": query}, {"$limit": at_most}, self._of_affiliates(), {"$count": "rows"}]
            found = sum(one["rows"] for one in await self._aggregate(stages))
        return Total(found, "exact" if keys <= at_most else "at_least")

    async def _end(self, query: Query, order: Mapping[str, int], at_most: int) -> datetime | None:
        """Return the instant of the first of the rows in an order; None where none of their affiliates is among so many keys."""
        stages: list[Stage] = [{"$match": query}, {"$sort": order}]
        if self.rows.affiliate:
            stages += [{"$limit": at_most}, self._of_affiliates()]
        found = await self._aggregate([*stages, {"$limit": 1}, {"$project": {"_id": 1, "at": "$state.processed_at"}}])
        return aware(found[0]["at"]) if found else None

    def _of_affiliates(self) -> Stage:
        """Return the stage that lets the affiliates' entries pass, by their ids alone."""
        affiliates = "|".join(map(re.escape, self.rows.affiliate))
        pattern = rf"^{re.escape(self._account)}\|{self.rows.kind[0]}\|(?:{affiliates})\|"
        return {"$match": {"_id": {"$regex": pattern}}}

    def _share(self, stretches: int) -> int:
        """Return up to how many keys each of so many stretches is counted. To read an affiliate in a key takes as long as to count some more."""
        keys = MOST_KEYS // (DEARER if self.rows.affiliate else 1)
        return min(COUNT_LIMIT, max(LEAST_COUNTED, keys // max(1, stretches)))

    async def _aggregate(self, stages: list[Stage]) -> list[Document]:
        async with self._lanes:
            cursor = await self._entries.aggregate(stages, hint=INDEX, maxTimeMS=self._within_ms)
            return await cursor.to_list()

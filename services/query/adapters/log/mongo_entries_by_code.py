"""A tab by code, along `_id` alone: the ids of one affiliate are in the order of its codes, and its affiliates are merged.

An index on the code would cost every insert a look at a random place. Instead, each affiliate's part is walked up to the same code:
the nearest at which any of them used up its share of the budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.query.adapters.log.course import AFTER_A_BAR
from services.query.adapters.log.mongo_entry_walk import EntryWalk, Stretch
from services.query.adapters.log.plan import any_of
from services.query.core.cursor import Position
from services.query.handlers.reading import Found
from shared.contracts.events import split_entry_id
from shared.mongo.queries import Query

ALONG: Final = "_id_"


@dataclass(frozen=True, slots=True)
class CodeOrder:
    """The rows of one kind of some affiliates by code; of them only those that `rest` lets pass are wanted."""

    account: str
    kind: str
    affiliates: Sequence[str]
    rest: Query

    def parts(self, after: Position | None, until: Position | None, *, ascending: bool) -> list[Query]:
        """Return the ids of each affiliate beyond `after`, up to `until` inclusive."""
        return [self._part(affiliate, after, until, ascending=ascending) for affiliate in self.affiliates]

    def _part(self, affiliate: str, after: Position | None, until: Position | None, *, ascending: bool) -> Query:
        """An id that has the very code of a bound is beyond it, or within it, by the order of the ids."""
        prefix = f"{self.account}|{self.kind}|{affiliate}|"
        ahead, behind = ("$gt", "$lt") if ascending else ("$lt", "$gt")
        ends = (prefix, prefix[:-1] + AFTER_A_BAR)[:: 1 if ascending else -1]
        bounds = {ahead: ends[0], behind: ends[1]}
        if after is not None:
            start = prefix + after.at
            is_beyond = (start > after.id if ascending else start < after.id) or (
                after.is_included and start == after.id
            )
            bounds = {ahead + "e" * is_beyond: start, behind: ends[1]}
        if until is not None:
            stop = prefix + until.at
            bounds.pop(behind)
            bounds[behind + "e" * (stop <= until.id if ascending else stop >= until.id)] = stop
        return {"_id": bounds}


async def list_by_code(walk: EntryWalk, order: CodeOrder, asked: Stretch, keys: int) -> Found:
    """Return the rows among so many keys."""
    if not order.affiliates:
        return Found([])
    share = max(1, keys // 2 // len(order.affiliates))
    until = await _nearest(walk, order, asked, share if order.rest else min(share, asked.limit))
    query = any_of(order.parts(asked.after, until, ascending=asked.ascending))
    query = {"$and": [query, order.rest]} if order.rest else query
    entries = await walk.find(query, ALONG, "code", asked)
    return Found(entries, until if len(entries) < asked.limit else None)


async def _nearest(walk: EntryWalk, order: CodeOrder, asked: Stretch, keys: int) -> Position | None:
    """Return the nearest place at which an affiliate has used up so many keys, None where none has that many."""
    first, *others = _stages(order, asked, keys)
    united = [{"$unionWith": {"coll": walk.entries.name, "pipeline": stages}} for stages in others]
    cursor = await walk.entries.aggregate([*first, *united], maxTimeMS=walk.time_limit_ms)
    places = [Position(split_entry_id(key["_id"])[3], key["_id"]) for key in await cursor.to_list()]
    places.sort(key=lambda place: (place.at, place.id), reverse=not asked.ascending)
    return places[0] if places else None


def _stages(order: CodeOrder, asked: Stretch, keys: int) -> list[list[dict[str, Any]]]:
    """Return a pipeline for each affiliate that finds its key so many further on."""
    return [
        [
            {"$match": part},
            {"$sort": {"_id": 1 if asked.ascending else -1}},
            {"$skip": keys - 1},
            {"$limit": 1},
            {"$project": {"_id": 1}},
        ]
        for part in order.parts(asked.after, None, ascending=asked.ascending)
    ]

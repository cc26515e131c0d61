"""How a list of entries is read: the index that has its rows in order, or the one that leads to few enough to sort.

The hints are there because the planner is right until the day it is not: it tries plans on a sample, and an account whose errors are
all old makes the index of the tab look as good as the index of the status.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Final

from services.query.core.cursor import Position
from services.query.core.sorting import SortField
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.names import KINDS
from shared.contracts.text import fold_words
from shared.mongo.queries import Query, id_search, query_of, word_search

PATHS: Final[Mapping[SortField, str]] = {
    "processed_at": "state.processed_at",
    "received_at": "state.received_at",
    "code": "code",
    "attempts": "attempts",
}
ORDERED: Final[Mapping[SortField, str]] = {
    "processed_at": "by_time",
    "received_at": "by_received",
    "code": "by_code",
    "attempts": "by_attempts",
}
LEADING: Final[Mapping[str, tuple[str, ...]]] = {
    "by_cause": ("state.causes.code",),
    "by_affiliate": ("affiliate", "state.status"),
    "by_status": ("state.status",),
    "by_ids": ("ids",),
    "by_words": ("state.words",),
    "by_attempts": ("attempts",),
    "by_received": ("state.received_at",),
    "by_time": ("state.processed_at",),
    "by_reprocess_job": ("reprocess.id",),
}
"""What stands in an index beside account and kind, and ahead of the order."""

TRIED_AGAIN: Final = 2
"""`by_attempts` holds what was tried at least so often."""

MAX_PARTS: Final = 60
"""More alternatives than this are left to the planner: merging costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Way:
    """Rows that one index leads to. `bare` is the part of the query that the index answers alone; the ways of a list together reach all its rows."""

    index: str
    query: Query
    bare: Query


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a list by attempts, in order along `path` of `index`: what was tried again, or the rest, all alike and so by id."""

    query: Query
    index: str
    path: str

    def holds(self, attempts: int) -> bool:
        """Say whether a row of so many attempts stands in this stretch."""
        return (attempts >= TRIED_AGAIN) == (self.path == "attempts")


def index_of(rows: LogFilter) -> str | None:
    """Return the index that leads to `rows` where their order does not matter; None leaves a search to the planner."""
    if rows.reprocess_id:
        return "by_reprocess_job"
    if rows.q:
        return None
    if rows.attempts_min >= TRIED_AGAIN:
        return "by_attempts"
    if rows.date_axis == "received_at" and not (rows.affiliate or rows.statuses or rows.error_code):
        return "by_received"
    return ordered_index(rows, "processed_at")


def ordered_index(rows: LogFilter, by: SortField) -> str:
    """Return the index that has `rows` in the order `by`."""
    if by != "processed_at":
        return ORDERED[by]
    if rows.error_code:
        return "by_cause"
    if rows.affiliate:
        return "by_affiliate"
    return "by_status" if rows.statuses else "by_time"


def indexed_query(account: str, rows: LogFilter) -> Query:
    """Return the query of `rows`, with the fields spelt out that stand before the sorted ones in its index."""
    query = query_of(account, rows)
    query.setdefault("kind", {"$in": list(KINDS)})
    if index_of(rows) == "by_affiliate":
        query.setdefault("state.status", {"$in": list(STATUSES)})
    return query


def ordered_query(account: str, rows: LogFilter, by: SortField) -> Query:
    """Return the query of `rows` for the index that has them in the order `by`."""
    query = query_of(account, rows)
    if ordered_index(rows, by) == "by_affiliate":
        query.setdefault("state.status", {"$in": list(STATUSES)})
    return query


def ways_of(account: str, rows: LogFilter, by: SortField) -> list[Way]:
    """Return the ways that may lead to few enough rows to be sorted; none where the ordered index is as good as any."""
    if rows.q and not rows.reprocess_id:
        return _ways_of_search(account, rows)
    index = index_of(rows)
    if index is None or index == ordered_index(rows, by) or (index == "by_time" and not (rows.from_at or rows.to_at)):
        return []
    query = indexed_query(account, rows)
    return [_way(index, query, query)]


def stretches_of(account: str, rows: LogFilter) -> list[Stretch]:
    """Return the stretches of `rows`, those of most attempts first."""
    query = query_of(account, rows)
    again = {**query, "attempts": {"$gte": max(TRIED_AGAIN, rows.attempts_min)}}
    stretches = [Stretch(again, "by_attempts", "attempts")]
    if rows.attempts_min < TRIED_AGAIN:
        prefix = f"{account}|{rows.kind[0]}|"
        within = {"$gt": prefix, "$lt": prefix[:-1] + "}"}  # `}` follows `|`: the end of the prefix
        stretches.append(Stretch({**query, "attempts": {"$lt": TRIED_AGAIN}, "_id": within}, "_id_", "_id"))
    return stretches


def beyond(query: Query, index: str, path: str, position: Position, *, ascending: bool) -> Query:
    """Return the rows of `query` after `position` in the order of `path`: the rest of its value, then all other values.

    Alternatives of the whole query, so that each becomes a tight range of the index and all merge in order; a bound outside and a
    tie break inside would walk through all the rows of the instant again, and a bulk import gives thousands the same one.
    """
    strictly = "$gt" if ascending else "$lt"
    if path == "_id":
        return {"$and": [query, {"_id": {strictly: position.id}}]}
    rest_of_value = {path: {"$eq": position.at}, "_id": {strictly: position.id}}
    other_values = {path: {strictly: position.at}}
    return {"$or": [{"$and": [part, bound]} for part in split(query, index) for bound in (rest_of_value, other_values)]}


def split(query: Query, index: str) -> list[Query]:
    """Return queries with one value each for what stands before the sorted fields in an index; together they are `query`."""
    fields = ("kind", *LEADING.get(index, ()))
    several = {field: query[field]["$in"] for field in fields if "$in" in query.get(field, {})}
    if prod(len(values) for values in several.values()) > MAX_PARTS:
        return [query]
    chosen = product(*([(field, {"$eq": value}) for value in values] for field, values in several.items()))
    return [{**query, **dict(part)} for part in chosen]


def _ways_of_search(account: str, rows: LogFilter) -> list[Way]:
    others = query_of(account, replace(rows, q=""))
    by_id = id_search(rows.q)
    ways = [_way("by_ids", {**others, **by_id}, {**others, **by_id})]
    if words := fold_words([rows.q]):
        by_word = word_search(words)
        rarest = {"state.words": {"$eq": by_word["state.words"]["$all"][0]}}
        ways.append(_way("by_words", {**others, **by_word}, {**others, **rarest}))
    return ways


def _way(index: str, query: Query, narrowed: Query) -> Way:
    fields = ("account", "kind", *LEADING[index])
    if index == "by_reprocess_job":
        fields = LEADING[index]
    return Way(index, query, {field: narrowed[field] for field in fields if field in narrowed})

"""Which index answers a list of entries: one that has its rows in order, or one that leads to few enough to sort.

The hints are there because the planner is right until the day it is not: it tries plans on a sample, and an account whose errors are
all old makes the index of the tab look as good as the index of the status. Decision 0012 says what each index is for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Final

from services.query.core.sorting import SortField
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.names import KINDS
from shared.contracts.text import asked_words
from shared.mongo.queries import Query, id_search, query_of, word_search

PATHS: Final[Mapping[SortField, str]] = {
    "processed_at": "state.processed_at",
    "received_at": "state.received_at",
    "code": "code",
    "attempts": "attempts",
}
LEADING: Final[Mapping[str, tuple[str, ...]]] = {
    "by_group": ("state.groups",),
    "by_cause": ("state.causes.code",),
    "by_affiliate": ("affiliate", "state.status"),
    "by_status": ("state.status",),
    "by_ids": ("ids",),
    "by_message_words": ("state.words",),
    "by_attempts": ("attempts",),
    "by_received": ("state.received_at",),
    "by_time": ("state.processed_at",),
}
"""What an index answers beside account and kind: what stands ahead of the order, or the order itself where nothing does."""

TRIED_AGAIN: Final = 2
"""`by_attempts` holds what was tried at least so often."""

MAX_PARTS: Final = 120
"""More values than this are not merged along an index: every one costs a look, and the server some 20 µs of planning."""


@dataclass(frozen=True, slots=True)
class Way:
    """Rows that one index leads to. `bare` is the part of the query that the index answers alone; the ways of a list together reach all its rows."""

    index: str
    query: Query
    bare: Query


def index_of(rows: LogFilter) -> str | None:
    """Return the index that leads to `rows` where their order does not matter; None leaves a search to the planner."""
    if rows.reprocess_id:
        return "by_reprocess_job"
    if rows.q:
        return None
    if rows.attempts_min >= TRIED_AGAIN:
        return "by_attempts"
    is_narrowed = rows.affiliate or rows.statuses or rows.error_code or rows.group
    if rows.date_axis == "received_at" and not is_narrowed:
        return "by_received"
    return ordered_index(rows, "processed_at")


def ordered_index(rows: LogFilter, by: SortField) -> str:
    """Return the index that has `rows` in the order `by`."""
    if by != "processed_at":
        return {"received_at": "by_received", "attempts": "by_attempts", "code": "_id_"}[by]
    for index, branches in (
        ("by_group", len(rows.group)),
        ("by_cause", len(rows.error_code)),
        ("by_affiliate", len(rows.affiliate) * len(rows.statuses or STATUSES)),
        ("by_status", len(rows.statuses)),
    ):
        if 0 < branches <= MAX_PARTS:
            return index
    return "by_time"


def indexed_query(account: str, rows: LogFilter) -> Query:
    """Return the query of `rows`, with the fields spelt out that stand before the sorted ones in its index."""
    query = query_of(account, rows)
    query.setdefault("kind", {"$in": list(KINDS)})
    if index_of(rows) == "by_affiliate":
        query.setdefault("state.status", {"$in": list(STATUSES)})
    return query


def ways_of(account: str, rows: LogFilter, by: SortField) -> list[Way]:
    """Return the ways that may lead to few enough rows to be sorted; none where the ordered index is as good as any."""
    if rows.q and not rows.reprocess_id:
        return _ways_of_search(account, rows)
    index = index_of(rows)
    has_dates = rows.from_at or rows.to_at or rows.stale_since
    if index is None or index == ordered_index(rows, by) or (index == "by_time" and not has_dates):
        return []
    return [_way(index, indexed_query(account, rows))]


def sets_of(account: str, rows: LogFilter) -> list[Way]:
    """Return ways that together reach all of `rows`, in no order."""
    if rows.q and not rows.reprocess_id:
        return _ways_of_search(account, rows)
    # Not `indexed_query`: an affiliate without its statuses spelt out is one stretch of keys, which MongoDB counts sooner.
    return [_way(index_of(rows) or "by_time", {"kind": {"$in": list(KINDS)}, **query_of(account, rows)})]


def split(query: Query, fields: Sequence[str]) -> list[Query]:
    """Return queries with one value each for `fields`; together they are `query`.

    Each is one tight range of an index, and MongoDB merges those in order. Several values in one query it merges as well, but not
    under an alternative, where it sorts everything.
    """
    several = {field: query[field]["$in"] for field in fields if "$in" in query.get(field, {})}
    if prod(len(values) for values in several.values()) > MAX_PARTS:
        return [query]
    chosen = product(*([(field, {"$eq": value}) for value in values] for field, values in several.items()))
    return [{**query, **dict(part)} for part in chosen]


def any_of(parts: Sequence[Query]) -> Query:
    """Return the query of all `parts`."""
    return parts[0] if len(parts) == 1 else {"$or": list(parts)}


def _ways_of_search(account: str, rows: LogFilter) -> list[Way]:
    others = query_of(account, replace(rows, q=""))
    ways = [_way("by_ids", {**others, **id_search(rows.q)})]
    if words := asked_words(rows.q):
        by_word = word_search(words)
        rarest = {"state.words": {"$eq": by_word["state.words"]["$all"][0]}}
        ways.append(_way("by_message_words", {**others, **(by_word if len(words) > 1 else rarest)}, rarest))
    return ways


def _way(index: str, query: Query, narrowed: Query | None = None) -> Way:
    fields = ("reprocess.id",) if index == "by_reprocess_job" else ("account", "kind", *LEADING[index])
    bare = {**query, **(narrowed or {})}
    return Way(index, query, {field: bare[field] for field in fields if field in bare})

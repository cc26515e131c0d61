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
from shared.contracts.names import KINDS, NOT_SUCCESS
from shared.contracts.text import fold_words
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
    "by_not_success": ("state.status",),
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

SUCCESS: Final = "success"


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
    if rows.statuses and not (is_of_failures(rows) or rows.affiliate or rows.error_code or rows.group):
        return "by_affiliate"  # skips from affiliate to affiliate
    return ordered_index(rows, "processed_at")


def ordered_index(rows: LogFilter, by: SortField, affiliates: Sequence[str] = ()) -> str:
    """Return the index that has `rows` in the order `by`. `affiliates`: all that there are, where they are known."""
    if by != "processed_at":
        return {"received_at": "by_received", "attempts": "by_attempts", "code": "_id_"}[by]
    among = len(rows.affiliate or affiliates)
    for index, branches in (
        ("by_group", len(rows.group)),
        ("by_cause", len(rows.error_code)),
        ("by_affiliate", among * len(rows.statuses or STATUSES)),
        ("by_not_success", len(rows.statuses) if is_of_failures(rows) else 0),
    ):
        if 0 < branches <= MAX_PARTS:
            return index
    return "by_time"


def is_of_failures(rows: LogFilter) -> bool:
    """Say whether `by_not_success` holds all of `rows`."""
    return bool(rows.statuses) and set(rows.statuses) <= NOT_SUCCESS


def needs_affiliates(rows: LogFilter, by: SortField) -> bool:
    """Say whether the affiliates must be known: successes are merged along `by_affiliate`, codes along the ids of each affiliate."""
    if rows.affiliate:
        return False
    others = replace(rows, kind=(), status=(), from_at=None, to_at=None, stale_since=None)
    is_of_some = SUCCESS in rows.statuses and set(rows.statuses) != set(STATUSES)
    return by == "code" or (by == "processed_at" and is_of_some and others.is_empty() and not _is_by_arrival(rows))


def indexed_query(account: str, rows: LogFilter) -> Query:
    """Return the query of `rows`, with the fields spelt out that stand before the sorted ones in its index."""
    query = query_of(account, rows)
    query.setdefault("kind", {"$in": list(KINDS)})
    if (index := index_of(rows)) == "by_affiliate":
        query.setdefault("state.status", {"$in": list(STATUSES)})
    return _spelt_out(index, query)


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
    return [_way(index_of(rows) or "by_time", indexed_query(account, rows))]


def split(query: Query, fields: Sequence[str]) -> list[Query]:
    """Return queries with one value each for `fields`; together they are `query`.

    Each is one tight range of an index, and MongoDB merges those in order. Several values in one query it merges as well, but not
    under an alternative, where it sorts everything; and an index of some statuses it uses for one of them at a time only.
    """
    several = {field: query[field]["$in"] for field in fields if "$in" in query.get(field, {})}
    if prod(len(values) for values in several.values()) > MAX_PARTS:
        return [query]
    chosen = product(*([(field, {"$eq": value}) for value in values] for field, values in several.items()))
    return [{**query, **dict(part)} for part in chosen]


def any_of(parts: Sequence[Query]) -> Query:
    """Return the query of all `parts`."""
    return parts[0] if len(parts) == 1 else {"$or": list(parts)}


def _is_by_arrival(rows: LogFilter) -> bool:
    return rows.date_axis == "received_at" and bool(rows.from_at or rows.to_at)


def _spelt_out(index: str | None, query: Query) -> Query:
    if index != "by_not_success" or "$in" not in query["state.status"]:
        return query
    fields = ("account", "kind", "state.status")
    parts = split({field: query[field] for field in fields}, fields)
    return {"$or": parts, **{field: value for field, value in query.items() if field not in fields}}


def _ways_of_search(account: str, rows: LogFilter) -> list[Way]:
    others = query_of(account, replace(rows, q=""))
    ways = [_way("by_ids", {**others, **id_search(rows.q)})]
    if words := fold_words([rows.q]):
        by_word = word_search(words)
        rarest = {"state.words": {"$eq": by_word["state.words"]["$all"][0]}}
        ways.append(_way("by_message_words", {**others, **(by_word if len(words) > 1 else rarest)}, rarest))
    return ways


def _way(index: str, query: Query, narrowed: Query | None = None) -> Way:
    fields = ("reprocess.id",) if index == "by_reprocess_job" else ("$or", "account", "kind", *LEADING[index])
    bare = {**query, **(narrowed or {})}
    return Way(index, query, {field: bare[field] for field in fields if field in bare})

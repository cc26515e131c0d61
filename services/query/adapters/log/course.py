"""Along which index a list is walked, from where to where: every part of it is one tight range of keys.

A bound outside and a tie break inside would walk through all the rows of an instant again, and a bulk import gives thousands the same
one; so bounds are alternatives of the whole range, which MongoDB merges in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.query.adapters.log.plan import LEADING, PATHS, TRIED_AGAIN, any_of, ordered_index, split
from services.query.core.cursor import Position
from services.query.core.sorting import SortField
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.mongo.queries import Query, query_of

AFTER_A_BAR: Final = "}"
"""The character after `|`: where the ids that begin alike end."""


@dataclass(frozen=True, slots=True)
class Course:
    """Keys of `index` in order along `path`, in `parts` that are merged; of their rows only those that `rest` lets pass are wanted.

    An empty `rest`: every key is a row.
    """

    index: str
    path: str
    parts: Sequence[Query]
    rest: Query

    @property
    def branches(self) -> int:
        """How many ranges are merged at most: each looks one key ahead."""
        return 3 * len(self.parts)

    def keys(self, after: Position | None, until: Position | None, *, ascending: bool) -> Query:
        """Return the keys beyond `after`, up to `until` inclusive."""
        bounds = bounds_of(self.path, after, until, ascending=ascending)
        return any_of([_both(part, bound) for part in self.parts for bound in bounds])

    def rows(self, after: Position | None, until: Position | None, *, ascending: bool) -> Query:
        """Return the rows among those keys."""
        return _both(self.keys(after, until, ascending=ascending), self.rest)

    def holds(self, attempts: int) -> bool:
        """Of a list by attempts: say whether a row of so many stands here."""
        return (attempts >= TRIED_AGAIN) == (self.path == "attempts")


def course_of(account: str, rows: LogFilter, by: SortField) -> Course:
    """Return the course of `rows` in the order `by`, one of the two dates."""
    index, path = ordered_index(rows, by), PATHS[by]
    query = query_of(account, rows)
    if index == "by_affiliate":
        query.setdefault("state.status", {"$in": list(STATUSES)})
    return _course(index, path, query)


def courses_by_attempts(account: str, rows: LogFilter) -> list[Course]:
    """Return the courses of `rows` by attempts, most first: what was tried again, and the rest, all alike and so by id."""
    query = query_of(account, rows)
    again = {**query, "attempts": {"$gte": max(TRIED_AGAIN, rows.attempts_min)}}
    courses = [_course("by_attempts", "attempts", again)]
    if rows.attempts_min < TRIED_AGAIN:
        once = {**query, "attempts": {"$lt": TRIED_AGAIN}}
        courses.append(Course("_id_", "_id", [ids_from(f"{account}|{rows.kind[0]}|")], once))
    return courses


def ids_from(prefix: str) -> Query:
    """Return the query of the ids that begin with `prefix`, which ends with a bar."""
    return {"_id": {"$gt": prefix, "$lt": prefix[:-1] + AFTER_A_BAR}}


def bounds_of(path: str, after: Position | None, until: Position | None, *, ascending: bool) -> list[Query]:
    """Return what holds beyond `after` and up to `until` inclusive in the order (`path`, id), as alternatives."""
    ahead, behind = ("$gt", "$lt") if ascending else ("$lt", "$gt")
    first = {} if after is None else {ahead + "e" * after.is_included: after.id}
    last = {} if until is None else {behind + "e": until.id}
    if path == "_id":
        return [{"_id": {**first, **last}}] if first or last else [{}]
    if after and until and after.at == until.at:
        return [{path: {"$eq": after.at}, "_id": {**first, **last}}]
    between = {**({ahead: after.at} if after else {}), **({behind: until.at} if until else {})}
    return [
        *([{path: {"$eq": after.at}, "_id": first}] if after else []),
        {path: between} if between else {},
        *([{path: {"$eq": until.at}, "_id": last}] if until else []),
    ]


def _course(index: str, path: str, query: Query) -> Course:
    leading = ("account", "kind", *LEADING[index])
    answered = {field: query[field] for field in (*leading, path) if field in query}
    rest = {field: value for field, value in query.items() if field not in answered}
    return Course(index, path, split(answered, leading), rest)


def _both(one: Query, other: Query) -> Query:
    if not one or not other:
        return one or other
    return {**one, **other} if one.keys().isdisjoint(other) else {"$and": [one, other]}

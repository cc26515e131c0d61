"""What is asked of the rollups: for each question its rows (`rollup_rows.py`), the cells in them that lie in the period, and their sum."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

from services.query.adapters.rollup_rows import Asked, match_of
from services.query.core.period import DAY, Cells, Period, cells_of
from services.query.core.rolled import Rolled
from shared.contracts.filters import LogFilter
from shared.contracts.rollups import day_of, month_of
from shared.mongo.client import Document

Pipeline = list[Document]

DAYS_OF_MONTH: Final = 31


@dataclass(frozen=True, slots=True)
class Question:
    """How it is asked, and what the answer's documents say."""

    pipeline: Callable[[Asked], Pipeline]
    read: Callable[[Asked, Iterable[Document]], Rolled]


def code_sets(asked: Asked) -> Pipeline:
    """Return the question for all sets of codes of the account."""
    of_account = Asked(asked.account, asked.generation, LogFilter(), Period())
    return [match_of(of_account, "oc"), {"$group": {"_id": "$codes"}}]


def kinds() -> Question:
    """Return the question for counts by kind and status."""

    def pipeline(asked: Asked) -> Pipeline:
        return [match_of(asked, asked.family(by_kind=True)), _sums("kind", asked)]

    return Question(pipeline, lambda _, groups: Rolled(kinds=_read_sums(groups)))


def affiliates() -> Question:
    """Return the question for counts by affiliate and status."""

    def pipeline(asked: Asked) -> Pipeline:
        return [match_of(asked, asked.family(by_affiliate=True)), _sums("affiliate", asked)]

    return Question(pipeline, lambda _, groups: Rolled(affiliates=_read_sums(groups)))


def causes() -> Question:
    """Return the question for counts by cause."""

    def pipeline(asked: Asked) -> Pipeline:
        family = asked.family(by_cause=True)
        return [match_of(asked, family), {"$group": {"_id": "$codes", "n": {"$sum": _count(asked.hours)}}}]

    def read(_: Asked, groups: Iterable[Document]) -> Rolled:
        rolled = Rolled()
        for group in groups:
            rolled.causes.update(dict.fromkeys(group["_id"], group["n"]))
        return rolled

    return Question(pipeline, read)


def kinds_and_series(bucket: str) -> Question:
    """Return the question for counts by kind and status, and by hour or day and status: the rows that tell the one tell the other."""
    stages, read_series = (_by_hour, _read_hours) if bucket == "hour" else (_by_day, _read_days)

    def pipeline(asked: Asked) -> Pipeline:
        facets = {"kinds": [_sums("kind", asked)], "series": stages(asked)}
        return [match_of(asked, asked.family(by_kind=True)), {"$facet": facets}]

    def read(asked: Asked, answers: Iterable[Document]) -> Rolled:
        (answer,) = answers
        return replace(read_series(asked, answer["series"]), kinds=_read_sums(answer["kinds"]))

    return Question(pipeline, read)


def _sums(name: str, asked: Asked) -> Document:
    return {"$group": {"_id": {"name": f"${name}", "status": "$status"}, "n": {"$sum": _count(asked.hours)}}}


def _read_sums(groups: Iterable[Document]) -> Counter[tuple[str, str]]:
    return Counter({(group["_id"]["name"], group["_id"]["status"]): group["n"] for group in groups})


def _by_day(asked: Asked) -> Pipeline:
    accumulated = {name: {"$sum": added} for name, added, _ in _days(asked.hours)}
    group = {"_id": {"month": "$month", "status": "$status"}, **accumulated}
    return [{"$group": group}]


def _read_days(asked: Asked, groups: Iterable[Document]) -> Rolled:
    rolled, told, places = Rolled(), list(_days(asked.hours)), dict[str, list[tuple[str, datetime]]]()
    for group in groups:
        month, status = group["_id"]["month"], group["_id"]["status"]
        if month not in places:
            places[month] = [(name, at) for name, _, place in told if (at := place(month)) is not None]
        for name, at in places[month]:
            if count := group[name]:
                rolled.points[at, status] += count
    return rolled


def _by_hour(asked: Asked) -> Pipeline:
    """Take cells out one by one: a sum for each of the 744 hours of a month costs MongoDB a second."""
    days = {(month_of(day), day_of(day)) for cut in asked.hours.days() for day, _ in [cut.bounds()]}
    by_month = {month: sorted(day for of, day in days if of == month) for month, _ in days}
    wanted = [{"month": month, "day.k": {"$in": of_month}} for month, of_month in sorted(by_month.items())]
    return [
        {"$project": {"month": 1, "status": 1, "day": {"$objectToArray": "$h"}}},
        {"$unwind": "$day"},
        {"$match": {"$or": wanted}},
        {"$project": {"month": 1, "status": 1, "day": "$day.k", "hour": {"$objectToArray": "$day.v"}}},
        {"$unwind": "$hour"},
        {
            "$group": {
                "_id": {"month": "$month", "day": "$day", "hour": "$hour.k", "status": "$status"},
                "n": {"$sum": "$hour.v"},
            }
        },
    ]


def _read_hours(asked: Asked, groups: Iterable[Document]) -> Rolled:
    rolled, (start, end) = Rolled(), asked.hours.bounds()
    for group in groups:
        by = group["_id"]
        at = datetime.fromisoformat(f"{by['month']}-{by['day']}T{by['hour']}:00:00+00:00")
        if start <= at < end:
            rolled.points[at, by["status"]] += group["n"]
    return rolled


Part = tuple[str, Any, Callable[[str], datetime | None]]
"""The name of a sum, what is added up, and in which bucket that lies for rows of a month; None: outside the period."""


def _days(hours: Period) -> Iterator[Part]:
    for day in _whole_days(hours):
        yield f"d{day:02d}", f"$d.{day:02d}", partial(_whole_day, hours, day)
    for at in hours.ends():
        for cut in hours.of_month(at).days():
            if not cut.is_whole_day():
                start, _ = cut.bounds()
                yield f"e{start:%Y%m%d}", _sum(cells_of(cut)), partial(_in_month, start.replace(hour=0))


def _whole_days(hours: Period) -> Sequence[int]:
    """Return the days of a month that may lie whole in the period: of a week, those seven and not all."""
    if hours.start is None or hours.end is None or hours.end - hours.start >= DAYS_OF_MONTH * DAY:
        return range(1, DAYS_OF_MONTH + 1)
    return sorted({cut.bounds()[0].day for cut in hours.days() if cut.is_whole_day()})


def _whole_day(hours: Period, day: int, month: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(f"{month}-{day:02d}T00:00:00+00:00")
    except ValueError:  # that month is shorter
        return None
    is_inside = (hours.start is None or hours.start <= at) and (hours.end is None or at + DAY <= hours.end)
    return at if is_inside else None


def _in_month(at: datetime, month: str) -> datetime | None:
    return at if month_of(at) == month else None


@lru_cache(16)  # each question of a period adds up the same cells
def _count(hours: Period) -> Any:
    """Return what a row adds to a sum: all that it counts, or, at the ends of the period, a part of its cells."""
    ends = [(month_of(at), _sum(cells_of(hours.of_month(at)))) for at in hours.ends()]
    # A whole month is what the default says; said twice, MongoDB 6.0 finds "duplicate field" in its own plan.
    branches = [{"case": {"$eq": ["$month", month]}, "then": added} for month, added in ends if added != "$n"]
    return {"$switch": {"branches": branches, "default": "$n"}} if branches else "$n"


def _sum(cells: Cells) -> Any:
    if cells == Cells(("n",)):
        return "$n"
    added, taken = ({"$sum": [f"${path}" for path in paths]} for paths in (cells.added, cells.taken))
    return {"$subtract": [added, taken]} if cells.taken else added

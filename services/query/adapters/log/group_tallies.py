"""Items of root causes as they are counted up, and what is told of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from services.query.handlers.grouping import Day, RootCause
from services.query.handlers.reading import Relation, Total
from shared.contracts.times import aware

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)
Stage = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """Items of one group: how many, by affiliate, by day (None: before those of the trend), the first and the last."""

    kind: str
    count: int = 0
    affiliates: Counter[str] = field(default_factory=Counter)
    days: Counter[datetime | None] = field(default_factory=Counter)
    first_at: datetime = LATEST
    last_at: datetime = EARLIEST

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the items of one affiliate and day: a document of `tally_stages`."""
        key, items = row["_id"], row["items"]
        first, last = aware(row["first"]), aware(row["last"])
        self.count += items
        self.affiliates[key["affiliate"]] += items
        self.days[aware(key["day"]) if key.get("day") else None] += items
        self.first_at = min(first, self.first_at)
        self.last_at = max(last, self.last_at)

    def told(self, group: str, days: Sequence[datetime], relation: Relation) -> RootCause:
        """Return what is told where nothing but these items is known. Of some that are not all, the first is not the first."""
        is_whole = relation == "exact"
        return RootCause(
            id=group,
            kind=self.kind,
            cause={},
            count=Total(self.count, relation),
            affiliates=dict(sorted(self.affiliates.items(), key=lambda one: (-one[1], one[0]))),
            are_affiliates_whole=is_whole,
            first_at=self.first_at if is_whole else None,
            last_at=self.last_at,
            trend=[Day(day, Total(self.days[day], relation)) for day in days],
        )


def tally_key(affiliate: Any, since: datetime) -> dict[str, Any]:
    """Return the expression of what items are counted by: affiliate, and day from `since` on."""
    day = {"$dateTrunc": {"date": "$state.processed_at", "unit": "day"}}
    is_recent = {"$gte": ["$state.processed_at", since]}
    return {"affiliate": affiliate, "day": {"$cond": [is_recent, day, None]}}


def tally_stages(key: Mapping[str, Any]) -> list[Stage]:
    """Return the stages that count documents by `key`."""
    at = "$state.processed_at"
    return [{"$group": {"_id": key, "items": {"$sum": 1}, "first": {"$min": at}, "last": {"$max": at}}}]


def tallied(rows: Iterable[Mapping[str, Any]]) -> dict[str, Tally]:
    """Return the tallies by group of documents whose key names `group` and `kind`, too."""
    found: dict[str, Tally] = {}
    for row in rows:
        found.setdefault(row["_id"]["group"], Tally(row["_id"]["kind"])).add(row)
    return found

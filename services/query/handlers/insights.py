"""What the rows come to: counts and a time series, by the same filter as the list."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from services.query.core.permissions import Caller
from services.query.core.remembering import by_identity
from services.query.core.rolled import Rolled, is_answered
from shared.contracts.errors import InvalidField
from shared.contracts.filters import LogFilter

Bucket = Literal["hour", "day"]
BUCKETS: Final[tuple[Bucket, ...]] = ("hour", "day")
HOURLY_UP_TO: Final = timedelta(days=3)
"""A period longer than this is told by day unless hours are asked for."""
LONGEST_HOURLY: Final = timedelta(days=31)
MAX_CAUSES: Final = 50
"""The most frequent ones are told."""
REMEMBERED_SUMMARIES: Final = 32
"""While the same counts are given again, what they come to is not worked out again."""


@dataclass(frozen=True, slots=True)
class CauseCount:
    """How many entries have a cause of this code; None where nothing was recognised."""

    code: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Point:
    """Entries by status whose last processing fell into the bucket that starts `at` (aware, UTC)."""

    at: datetime
    by_status: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of the rows that a filter lets pass. `by_cause` holds the most frequent ones, most first."""

    by_kind: Mapping[str, Mapping[str, int]]
    by_affiliate: Mapping[str, Mapping[str, int]]
    by_cause: Sequence[CauseCount]
    series: Sequence[Point]
    bucket: Bucket
    as_of: datetime


@dataclass(frozen=True, slots=True)
class KindCounts:
    """Entries by kind, then status, as they were at `as_of` (aware, UTC). `is_rolled`: from rollups, so that asking again is cheap."""

    by_kind: Mapping[str, Mapping[str, int]]
    as_of: datetime
    is_rolled: bool


class LogCounts(Protocol):
    """Counts over the log. Raises StoreUnavailable when counting takes longer than its time limit."""

    async def count_by_kind(self, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        """Return entries by kind, then status."""
        ...

    async def count_by_affiliate(self, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        """Return entries by affiliate, then status."""
        ...

    async def count_by_cause(self, account: str, rows: LogFilter) -> list[CauseCount]:
        """Return the most frequent causes, most first."""
        ...

    async def count_by_time(self, account: str, rows: LogFilter, *, bucket: Bucket) -> list[Point]:
        """Return the buckets that have entries, oldest first."""
        ...


class RolledCounts(Protocol):
    """Counts that ingest keeps. For filters that they answer (`core/rolled.py`); raises StoreUnavailable like LogCounts.

    None: they were not built yet, or cannot be had for an instant that is still known. The same object may be given while nothing has
    changed: nobody changes it.
    """

    async def find_by_kind(self, account: str, rows: LogFilter) -> Rolled | None:
        """Return sums by kind and status; the affiliates in them mean nothing."""
        ...

    async def find_all(self, account: str, rows: LogFilter, *, bucket: Bucket) -> Rolled | None:
        """Return sums, causes and points."""
        ...


@dataclass(frozen=True, slots=True)
class Counts:
    """Where counts come from: `rolled` where they answer, else `log`, which counts while one waits."""

    log: LogCounts
    rolled: RolledCounts
    now: Callable[[], datetime]

    async def by_kind(self, account: str, rows: LogFilter) -> KindCounts:
        """Return entries by kind, then status, and of which instant they are."""
        rolled = await self.rolled.find_by_kind(account, rows) if is_answered(rows) else None
        if rolled is not None and rolled.as_of is not None:
            return KindCounts(rolled.by_kind(), rolled.as_of, is_rolled=True)
        began_at = self.now()
        return KindCounts(await self.log.count_by_kind(account, rows), began_at, is_rolled=False)


async def summarize(counts: Counts, caller: Caller, rows: LogFilter, *, bucket: str | None = None) -> Summary:
    """Return the counts of the caller's rows. Raise InvalidField for an unknown bucket."""
    caller.require("read")
    chosen = _bucket(rows, bucket)
    rolled = await counts.rolled.find_all(caller.account, rows, bucket=chosen) if is_answered(rows) else None
    if rolled is not None and rolled.as_of is not None:
        return _summary(rolled, chosen, rolled.as_of)
    return await _counted(counts.log, caller.account, rows, chosen, as_of=counts.now())


@by_identity(REMEMBERED_SUMMARIES)
def _summary(rolled: Rolled, bucket: Bucket, as_of: datetime) -> Summary:
    points: dict[datetime, dict[str, int]] = {}
    for (at, status), count in sorted(rolled.points.items()):
        if count:
            points.setdefault(at, {})[status] = count
    causes = sorted(
        (CauseCount(code, count) for code, count in rolled.causes.items() if count),
        key=lambda cause: (-cause.count, cause.code or ""),
    )
    series = [Point(at, by_status) for at, by_status in points.items()]
    return Summary(rolled.by_kind(), rolled.by_affiliate(), causes[:MAX_CAUSES], series, bucket, as_of)


async def _counted(log: LogCounts, account: str, rows: LogFilter, chosen: Bucket, *, as_of: datetime) -> Summary:
    by_kind, by_affiliate, by_cause, series = await asyncio.gather(
        log.count_by_kind(account, rows),
        log.count_by_affiliate(account, rows),
        log.count_by_cause(account, rows),
        log.count_by_time(account, rows, bucket=chosen),
    )
    return Summary(by_kind, by_affiliate, by_cause, series, chosen, as_of)


def _bucket(rows: LogFilter, asked: str | None) -> Bucket:
    period = rows.to_at - rows.from_at if rows.from_at and rows.to_at else None
    if asked is None:
        return "hour" if period is not None and period <= HOURLY_UP_TO else "day"
    for bucket in BUCKETS:
        if bucket == asked:
            if bucket == "hour" and (period is None or period > LONGEST_HOURLY):
                raise InvalidField(
                    "bucket", f"`hour` needs `from` and `to`, at most {LONGEST_HOURLY.days} days apart", BUCKETS
                )
            return bucket
    raise InvalidField("bucket", f"{asked!r} is unknown", BUCKETS)

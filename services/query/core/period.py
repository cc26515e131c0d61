"""A period over rollups: the whole hours that they hold, as few cells as can be, and the pieces of hours at its ends that they do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.contracts.rollups import day_of, hour_of, month_of

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (inclusive) to `end` (exclusive), both aware; None is open."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it has no bounds."""
        return self.start is None and self.end is None

    @property
    def last(self) -> datetime | None:
        """The last instant within it; None where it has no end."""
        return None if self.end is None else self.end - timedelta(microseconds=1)

    def whole_hours(self) -> "Period | None":
        """Return what of it is whole hours; None where there is not one."""
        start = None if self.start is None else -(-_offset(self.start) // HOUR) * HOUR + _ZERO
        end = None if self.end is None else _offset(self.end) // HOUR * HOUR + _ZERO
        return None if start and end and start >= end else Period(start, end)

    def pieces(self) -> "list[Period]":
        """Return the rest: at most two, each within one hour."""
        whole = self.whole_hours()
        if whole is None:
            return [piece for piece in self._by_hour() if piece.start != piece.end]
        ends = [Period(self.start, whole.start), Period(whole.end, self.end)]
        return [piece for piece in ends if piece.start != piece.end]

    def days(self) -> "Iterator[Period]":
        """Yield it cut at midnight (UTC). It must have both bounds."""
        assert self.start is not None  # noqa: S101  # as said
        assert self.end is not None  # noqa: S101
        start = self.start
        while start < self.end:
            end = min(midnight(start) + DAY, self.end)
            yield Period(start, end)
            start = end

    def is_whole_day(self) -> bool:
        """Say whether it is one day."""
        return self.start is not None and self.end is not None and self.end - self.start == DAY

    def of_month(self, at: datetime) -> "Period":
        """Return what of it lies in the month of `at`."""
        first = midnight(at).replace(day=1)
        following = (first + 31 * DAY).replace(day=1)
        return Period(max(first, self.start or first), min(following, self.end or following))

    def ends(self) -> list[datetime]:
        """Return an instant of each month that it may hold in part."""
        found = [at for at in (self.start, self.last) if at is not None]
        return found if len({month_of(at) for at in found}) == len(found) else found[:1]

    def _by_hour(self) -> "list[Period]":
        assert self.start is not None  # noqa: S101  # else there would be whole hours
        assert self.end is not None  # noqa: S101
        edge = _offset(self.end) // HOUR * HOUR + _ZERO
        if self.start < edge:
            return [Period(self.start, edge), Period(edge, self.end)]
        return [self]


def cells_of(period: Period) -> list[str]:
    """Return the paths in a row of its month that add up to `period`: whole hours within that month."""
    if _is_whole_month(period):
        return ["n"]
    return [path for day in period.days() for path in _cells_of_day(day)]


def _cells_of_day(day: Period) -> list[str]:
    assert day.start is not None  # noqa: S101  # days have bounds
    assert day.end is not None  # noqa: S101
    if day.is_whole_day():
        return [f"d.{day_of(day.start)}"]
    count = (day.end - day.start) // HOUR
    return [f"h.{day_of(day.start)}.{hour_of(day.start + number * HOUR)}" for number in range(count)]


def _is_whole_month(period: Period) -> bool:
    return period.start is not None and Period().of_month(period.start) == period


def midnight(at: datetime) -> datetime:
    """Return the beginning of the day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _offset(at: datetime) -> timedelta:
    return at - _ZERO

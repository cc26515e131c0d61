"""A period over rollups: the whole hours that they hold, as few cells as can be, and the pieces of hours at its ends that they do not."""

from collections.abc import Callable, Iterator
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

    def bounds(self) -> tuple[datetime, datetime]:
        """Return both bounds. It must have them."""
        assert self.start is not None  # noqa: S101  # as said
        assert self.end is not None  # noqa: S101
        return self.start, self.end

    def days(self) -> "Iterator[Period]":
        """Yield it cut at midnight (UTC). It must have both bounds."""
        start, last = self.bounds()
        while start < last:
            end = min(midnight(start) + DAY, last)
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
        start, end = self.bounds()  # else there would be whole hours
        edge = _offset(end) // HOUR * HOUR + _ZERO
        return [Period(start, edge), Period(edge, end)] if start < edge else [self]


@dataclass(frozen=True, slots=True)
class Cells:
    """Paths in a row of a month: the sum of those `added`, less those `taken`."""

    added: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()

    def __add__(self, other: "Cells") -> "Cells":
        """Return both together."""
        return Cells(self.added + other.added, self.taken + other.taken)

    def __sub__(self, other: "Cells") -> "Cells":
        """Return these without what the others come to."""
        return Cells(self.added + other.taken, self.taken + other.added)


def cells_of(period: Period) -> Cells:
    """Return few cells that come to `period`, whole hours within one month: those in it, or all but those beside it."""
    return _few(Cells(("n",)), Period().of_month(period.bounds()[0]), period, _cells_of_days)


def _cells_of_days(period: Period) -> Cells:
    return sum((_cells_of_day(day) for day in period.days()), Cells())


def _cells_of_day(part: Period) -> Cells:
    start = midnight(part.bounds()[0])
    return _few(Cells((f"d.{day_of(start)}",)), Period(start, start + DAY), part, _cells_of_hours)


def _cells_of_hours(period: Period) -> Cells:
    start, end = period.bounds()
    hours = [start + number * HOUR for number in range((end - start) // HOUR)]
    return Cells(tuple(f"h.{day_of(at)}.{hour_of(at)}" for at in hours))


def _few(whole: Cells, frame: Period, part: Period, cells: Callable[[Period], Cells]) -> Cells:
    (first, last), (start, end) = frame.bounds(), part.bounds()
    if end - start <= (last - first) / 2:
        return cells(part)
    beside = [Period(*bounds) for bounds in ((first, start), (end, last)) if bounds[0] != bounds[1]]
    return whole - sum(map(cells, beside), Cells())


def midnight(at: datetime) -> datetime:
    """Return the beginning of the day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _offset(at: datetime) -> timedelta:
    return at - _ZERO

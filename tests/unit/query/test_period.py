"""Which cells of a row come to a period: all of it once and nothing beside it, and no more of them than half."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.query.core.period import DAY, HOUR, Period, cells_of, midnight

STARTS = st.datetimes(datetime(1970, 1, 1), datetime(9990, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
HALF_OF_THE_DAYS, HALF_OF_A_DAY = 16, 13


def hours_of(path: str, month: Period) -> list[datetime]:
    start, _ = month.bounds()
    match path.split("."):
        case ["n"]:
            return hours_within(month)
        case ["d", day]:
            return hours_within(Period(start.replace(day=int(day)), start.replace(day=int(day)) + DAY))
        case ["h", day, hour]:
            return [start.replace(day=int(day), hour=int(hour))]
        case _:
            raise AssertionError(path)


def hours_within(period: Period) -> list[datetime]:
    start, end = period.bounds()
    return [start + number * HOUR for number in range((end - start) // HOUR)]


@given(STARTS, st.integers(0, 743), st.integers(1, 744))
def test_the_cells_added_less_those_taken_are_the_hours_of_the_period(at: datetime, first: int, count: int) -> None:
    month = Period().of_month(at)
    start = min(month.bounds()[0] + first * HOUR, month.bounds()[1] - HOUR)
    period = Period(start, min(start + count * HOUR, month.bounds()[1]))
    cells = cells_of(period)

    told: dict[datetime, int] = {}
    for sign, paths in ((1, cells.added), (-1, cells.taken)):
        for path in paths:
            for hour in hours_of(path, month):
                told[hour] = told.get(hour, 0) + sign
    assert {hour for hour, times in told.items() if times} == set(hours_within(period))
    assert set(told.values()) <= {0, 1}
    assert len(cells.added) + len(cells.taken) <= HALF_OF_THE_DAYS + 2 * HALF_OF_A_DAY


def test_a_whole_month_and_a_whole_day_are_one_cell() -> None:
    at = datetime(2026, 2, 11, 7, tzinfo=UTC)

    assert cells_of(Period().of_month(at)).added == ("n",)
    assert cells_of(Period(midnight(at), midnight(at) + DAY)).added == ("d.11",)


def test_a_day_that_is_cut_late_is_the_day_less_its_other_hours() -> None:
    at = datetime(2026, 2, 11, tzinfo=UTC)
    cells = cells_of(Period(at, at + timedelta(hours=22)))

    assert (cells.added, cells.taken) == (("d.11",), ("h.11.22", "h.11.23"))

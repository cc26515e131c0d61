"""Which rows of the rollups a question fetches: told by their keys alone."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.query.adapters.rollup_pipelines import Asked, sums
from services.query.core.period import Period
from shared.contracts.filters import LogFilter
from shared.contracts.rollups import Row, month_of

INSTANT = timedelta(microseconds=1)
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def fetched(row: Row, hours: Period) -> bool:
    """Say whether the key of `row` lies in the range and fits the pattern."""
    match, *_ = sums(by_affiliate=True).pipeline(Asked("loja", 3, LogFilter(), hours))
    (asked,) = match["$match"]["$or"]
    key, condition = row.id_in(3), asked["_id"]
    return condition["$gte"] <= key < condition["$lt"] and bool(re.search(condition.get("$regex", ""), key))


@given(INSTANTS, st.none() | INSTANTS, st.none() | INSTANTS)
def test_rows_of_the_months_that_the_period_touches_and_no_others(at, start, end):
    if start is not None and end is not None:
        start, end = min(start, end), max(start, end) + INSTANT
    row = Row("loja", "a", "M.L-C", month_of(at), "order", "error", ())

    from_start = start is None or month_of(start) <= month_of(at)
    to_end = end is None or month_of(at) <= month_of(end - INSTANT)
    assert fetched(row, Period(start, end)) == (from_start and to_end)


def test_rows_of_other_accounts_and_families_are_not_among_them():
    hours = Period(datetime(2026, 11, 1, tzinfo=UTC), None)
    for account, family in (("loja2", "a"), ("loj", "a"), ("loja", "ac"), ("loja", "k")):
        assert not fetched(Row(account, family, "MLC", "2026-11", "order", "error", ()), hours)
    assert fetched(Row("loja", "a", "MLC", "2026-12", "order", "error", ()), hours)

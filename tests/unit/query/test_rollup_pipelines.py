"""Which rows of the rollups a question fetches: told by their keys alone."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.adapters.rollup_pipelines import affiliates, causes, kinds_and_series
from services.query.adapters.rollup_rows import Asked
from services.query.core.period import Period
from shared.contracts.filters import LogFilter
from shared.contracts.names import KINDS
from shared.contracts.rollups import Row, month_of

EVERY_KIND = LogFilter(kind=KINDS)
INSTANT = timedelta(microseconds=1)
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def fetched(row: Row, hours: Period, rows: LogFilter = EVERY_KIND) -> bool:
    """Say whether the key of `row` lies in the range and fits the pattern."""
    match, *_ = affiliates().pipeline(Asked("loja", 3, rows, hours))
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
    for account, family in (("loja2", "a"), ("loj", "a"), ("loja", "ac"), ("loja", "k"), ("loja", "oa")):
        assert not fetched(Row(account, family, "MLC", "2026-11", "order", "error", ()), hours)
    assert fetched(Row("loja", "a", "MLC", "2026-12", "order", "error", ()), hours)


@given(INSTANTS, st.none() | INSTANTS, st.sets(st.sampled_from(KINDS), min_size=1))
def test_rows_of_the_kinds_asked_for_and_no_others(at, start, asked):
    period, rows = Period(start, None), LogFilter(kind=tuple(asked))
    there = {
        kind for kind in KINDS if fetched(Row("loja", "a", "M.L-C", month_of(at), kind, "error", ()), period, rows)
    }

    assert there == (asked if start is None or month_of(start) <= month_of(at) else set())


@pytest.mark.parametrize(
    ("told", "families"),
    [
        ({}, ["k", "oa", "oc"]),
        ({"kind": "order"}, ["k", "a", "kc"]),
        ({"affiliate": "MLC"}, ["a", "oa", "ac"]),
        ({"error_code": "ORD-SLA"}, ["kc", "ac", "oc"]),
    ],
)
def test_a_question_goes_to_the_family_with_the_fewest_rows_that_answers_it(told, families):
    asked = Asked("loja", 3, LogFilter.parse(told), Period())
    ranges = [
        question.pipeline(asked)[0]["$match"]["$or"] for question in (kinds_and_series("day"), affiliates(), causes())
    ]

    assert [one["_id"]["$gte"].split("|")[2] for (one,) in ranges] == families

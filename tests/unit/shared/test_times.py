from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.times import aware, format_instant, in_zone, instant_of, order_text, parse_instant

INSTANTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, INSTANTS)
def test_order_texts_sort_as_their_instants_do(one, other):
    assert (order_text(one) < order_text(other)) == (one < other)
    assert (order_text(one).encode() < order_text(other).encode()) == (one < other)


@given(INSTANTS)
def test_an_order_text_reads_back_as_its_instant(instant):
    assert instant_of(order_text(instant)) == instant


def test_all_decimals_count_beyond_microseconds():
    earlier = parse_instant("2023-08-20T15:11:28.1978783Z")[1]
    later = parse_instant("2023-08-20T15:11:28.1978784Z")[1]
    assert earlier < later


def test_trailing_zeros_and_zones_make_no_difference():
    texts = [
        "2026-11-23T10:11:12.5Z",
        "2026-11-23T10:11:12.500Z",
        "2026-11-23T07:11:12.5-03:00",
        "2026-11-23t10:11:12.50z",
    ]
    assert {parse_instant(text)[1] for text in texts} == {"2026-11-23T10:11:12.5"}


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23",
        "2026-11-23T10:11:12",
        "now",
        "",
        "2026-13-01T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:11:60Z",
        "2026-11-23T10:11:61Z",
        "2026-11-23T23:59:60Z",
        "2026-12-31T23:59:60-03:00",
        "9999-12-31T23:59:60Z",
        "2026-11-23T10:11:12+01:75",
        "2026-11-23T10:11:12+01:60",
        "2026-11-23T10:11:12+24:00",
        "٢٠٢٦-11-23T10:11:12Z",
    ],
)
def test_what_is_no_instant_with_a_zone_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    ["2026-12-31T23:59:60Z", "2026-12-31t23:59:60.000z", "2026-12-31T20:59:60-03:00", "2027-01-01T05:29:60+05:30"],
)
def test_a_leap_second_is_the_second_that_follows_it(text):
    assert parse_instant(text) == (datetime(2027, 1, 1, tzinfo=UTC), "2027-01-01T00:00:00")


def test_decimals_of_a_leap_second_stay():
    assert parse_instant("2016-12-31T23:59:60.5Z")[1] == "2017-01-01T00:00:00.5"


def test_the_minutes_of_a_zone_are_minutes():
    with pytest.raises(ValueError, match=r"has the zone \+01:75, whose minutes are no minutes"):
        parse_instant("2026-11-23T10:11:12+01:75")
    assert parse_instant("2026-11-23T10:11:12+05:45")[1] == "2026-11-23T04:26:12"


def test_answers_show_utc_with_milliseconds():
    instant = datetime(2026, 11, 23, 7, 11, 12, 123999, tzinfo=UTC) + timedelta(hours=3)
    assert format_instant(instant) == "2026-11-23T10:11:12.123Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_answers_show_each_instant_as_python_would_write_it(instant):
    utc = instant.astimezone(UTC)

    assert format_instant(instant) == utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@given(INSTANTS)
def test_a_stored_instant_is_in_utc(instant):
    stored = instant.astimezone(UTC).replace(tzinfo=None)

    assert aware(stored) == instant
    assert aware(aware(stored)) == instant


@pytest.mark.parametrize(
    ("instant", "zone", "shown"),
    [
        ("2026-11-23T10:11:12+00:00", "America/Sao_Paulo", "2026-11-23T07:11:12-03:00"),
        ("0001-01-01T00:00:00+00:00", "America/Sao_Paulo", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59+00:00", "Asia/Tokyo", "9999-12-31T23:59:59+00:00"),
    ],
)
def test_an_instant_that_the_calendar_of_a_zone_does_not_reach_is_shown_in_utc(instant, zone, shown):
    assert in_zone(datetime.fromisoformat(instant), ZoneInfo(zone)).isoformat() == shown

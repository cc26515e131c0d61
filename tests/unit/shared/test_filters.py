from dataclasses import fields
from urllib.parse import parse_qs

import orjson
import pytest
from hypothesis import given

from shared.contracts import filters
from shared.contracts.catalogue import RETRY_ADVICE
from shared.contracts.eligibility import FAILED_STATUSES
from shared.contracts.errors import InvalidFilter
from shared.contracts.events import STATUSES
from shared.contracts.filters import ONCE, PARAMETERS, LogFilter
from shared.mongo.queries import query_of
from tests.support.filter_examples import FILTERS, parsed


@given(FILTERS)
def test_a_view_is_an_address(values):
    rows = parsed(values)
    assert LogFilter.parse(parse_qs(rows.to_query_string())) == rows
    assert LogFilter.parse(rows.to_json()) == rows
    assert LogFilter.parse(orjson.loads(orjson.dumps(rows.to_json()))) == rows


@given(FILTERS)
def test_two_addresses_of_one_view_are_the_same(values):
    rows = parsed(values)
    assert LogFilter.parse(rows.to_json()).to_query_string() == rows.to_query_string()


def test_every_field_has_its_parameter():
    aliases = {"from_at": "from", "to_at": "to"}
    assert {aliases.get(field.name, field.name) for field in fields(LogFilter)} == set(PARAMETERS)
    assert set(ONCE) < set(PARAMETERS)


def test_the_classes_of_retry_are_those_of_the_catalogue():
    assert filters.RETRY_ADVICE == RETRY_ADVICE
    assert set(filters.FAILED) == FAILED_STATUSES


@pytest.mark.parametrize("text", ["a&b", "a+b", "não ç", 'it\'s "q"', "100%", "a/b", "#1", "=x"])
def test_text_survives_the_address(text):
    assert LogFilter.parse(parse_qs(LogFilter(q=text).to_query_string())).q == text


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"color": "red"}, "color"),
        ({"status": ["failed"]}, "status"),
        ({"kind": ["orders"]}, "kind"),
        ({"affiliate": ["M|LC"]}, "affiliate"),
        ({"affiliate": ["x" * 65]}, "affiliate"),
        ({"from": "2026-11-23"}, "from"),
        ({"from": "2026-11-23T00:00:00+01:75"}, "from"),
        ({"to": ["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"]}, "to"),
        ({"from": "2026-11-24T00:00:00Z", "to": "2026-11-23T00:00:00Z"}, "to"),
        ({"q": "x" * 301}, "q"),
        ({"q": {"$ne": 1}}, "q"),
        ({"status": {"$ne": "error"}}, "status"),
        ({"affiliate": [{"$gt": ""}]}, "affiliate"),
        ({"q": "\u0301"}, "q"),
        ({"q": ["a", "b"]}, "q"),
        ({"retry": "perhaps"}, "retry"),
        ({"attempts_min": "0"}, "attempts_min"),
        ({"attempts_min": -1}, "attempts_min"),
        ({"attempts_min": True}, "attempts_min"),
        ({"attempts_min": "1.5"}, "attempts_min"),
        ({"attempts_min": "٣"}, "attempts_min"),
        ({"attempts_min": "9" * 5000}, "attempts_min"),
        ({"attempts_min": ["1", "2"]}, "attempts_min"),
        ({"date_axis": "created_at"}, "date_axis"),
        ({"date_axis": ["processed_at", "received_at"]}, "date_axis"),
        ({"stale_since": "yesterday"}, "stale_since"),
        ({"stale_since": "9999-12-31T23:59:59.9999Z"}, "stale_since"),
        ({"stale_since": "2026-11-23T00:00:00Z", "from": "2026-11-23T00:00:00Z"}, "stale_since"),
        ({"retry": "auto", "status": ["success", "processing"]}, "status"),
        ({"error_code": "ORD-SLA", "status": "processing"}, "status"),
        ({"reprocess_id": "a\x00"}, "reprocess_id"),
        ({"group": "0123456789abcde"}, "group"),
        ({"group": "0123456789ABCDEF"}, "group"),
        ({"group": "0123456789abcdef", "status": "processing"}, "status"),
    ],
)
def test_the_field_at_fault_is_named(values, field):
    with pytest.raises(InvalidFilter) as caught:
        LogFilter.parse(values)
    assert caught.value.field == field


def test_an_unknown_value_tells_the_allowed_ones():
    with pytest.raises(InvalidFilter) as caught:
        LogFilter.parse({"status": "failed"})
    assert caught.value.allowed == STATUSES


@pytest.mark.parametrize(
    "values",
    [
        {"status": "failed"},
        {"retry": "perhaps"},
        {"date_axis": "created_at"},
        {"attempts_min": "0"},
        {"retry": "auto", "status": "success"},
        {"error_code": "ORD-SLA", "status": "processing"},
        {"colour": "red"},
    ],
)
def test_what_would_be_right_is_told(values):
    with pytest.raises(InvalidFilter) as caught:
        LogFilter.parse(values)
    assert caught.value.allowed


def test_an_axis_means_nothing_without_a_period():
    assert LogFilter.parse({"date_axis": "received_at"}) == LogFilter()
    period = {"from": "2026-11-23T00:00:00Z", "date_axis": "received_at"}
    assert LogFilter.parse(period).to_json() == {**period, "from": "2026-11-23T00:00:00.000Z"}


def test_an_instant_finer_than_a_millisecond_keeps_the_rows_it_means():
    leap = LogFilter.parse({"from": "2026-12-31T23:59:60Z"})
    assert leap.to_json() == {"from": "2027-01-01T00:00:00.000Z"}
    rows = LogFilter.parse({"from": "2026-11-23T00:00:00.0001Z", "to": "2026-11-23T00:00:00.0019Z"})
    assert rows.to_json() == {"from": "2026-11-23T00:00:00.001Z", "to": "2026-11-23T00:00:00.002Z"}


def test_advice_narrows_to_what_failed():
    assert LogFilter(retry=("auto",)).statuses == ("error", "warning")
    assert LogFilter(retry=("auto",), status=("error", "success")).statuses == ("error",)
    assert LogFilter().statuses == ()
    assert LogFilter(status=STATUSES).statuses == ()


def test_empty_values_do_not_narrow():
    assert LogFilter.parse({"attempts_min": "", "retry": [""], "date_axis": "", "stale_since": ""}).is_empty()
    assert LogFilter.parse({"q": "  ", "status": [""], "from": ""}).is_empty()


@given(FILTERS)
def test_every_query_starts_with_the_account_and_no_value_stands_bare(values):
    query = query_of("loja", parsed(values))
    assert next(iter(query.items())) == ("account", {"$eq": "loja"})
    assert all(isinstance(value, (dict, list)) for value in query.values())


def test_a_search_has_no_pattern_of_its_own():
    (by_id, *_) = query_of("loja", LogFilter(q="a.*(b"))["$or"]
    assert by_id == {"ids": {"$regex": r"^a\.\*\(b"}}


def test_a_plus_that_an_address_lost_is_told() -> None:
    for lost, is_told in (
        ("2026-11-23T10:00:00 02:00", True),
        ("2026-11-23T10:00:00.5 02:00", True),
        ("2026-11-23 10:00:00", False),
        ("yesterday", False),
    ):
        with pytest.raises(InvalidFilter) as caught:
            LogFilter.parse({"from": lost})
        assert ("%2B" in caught.value.reason) == is_told, lost

from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.errors import InvalidFilter
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.names import KINDS
from shared.mongo.queries import query_of

NAMES = st.text("ABCdef019_.-", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.lists(st.sampled_from(KINDS), min_size=1, unique=True),
        "affiliate": st.lists(NAMES, min_size=1, unique=True),
        "status": st.lists(st.sampled_from(STATUSES), min_size=1, unique=True),
        "error_code": st.lists(TEXTS, min_size=1, unique=True),
        "q": TEXTS,
    },
)


@given(FILTERS)
def test_a_view_is_an_address(values):
    rows = LogFilter.parse(values)
    assert LogFilter.parse(parse_qs(rows.to_query_string())) == rows
    assert LogFilter.parse(rows.to_json()) == rows


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
        ({"to": ["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"]}, "to"),
        ({"from": "2026-11-24T00:00:00Z", "to": "2026-11-23T00:00:00Z"}, "to"),
        ({"q": "x" * 301}, "q"),
        ({"q": {"$ne": 1}}, "q"),
        ({"status": {"$ne": "error"}}, "status"),
        ({"affiliate": [{"$gt": ""}]}, "affiliate"),
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


def test_empty_values_do_not_narrow():
    assert LogFilter.parse({"q": "  ", "status": [""], "from": ""}).is_empty()


@given(FILTERS)
def test_every_query_starts_with_the_account_and_no_value_stands_bare(values):
    query = query_of("loja", LogFilter.parse(values))
    assert next(iter(query.items())) == ("account", {"$eq": "loja"})
    assert all(isinstance(value, (dict, list)) for value in query.values())


def test_a_search_has_no_pattern_of_its_own():
    (by_id, *_) = query_of("loja", LogFilter(q="a.*(b"))["$or"]
    assert by_id == {"ids": {"$regex": r"^a\.\*\(b"}}

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.core.causes import explain
from services.query.core.languages import choose_language
from services.query.core.origin import is_same_origin
from services.query.core.permissions import SCOPES, Caller
from services.query.core.rate import RateLimit
from services.query.entrypoints.downloads import attachment, byte_range
from services.query.entrypoints.middleware.paths import escape_segment, routable, unescape_segment
from services.query.entrypoints.problems import status_of
from shared.contracts import errors
from shared.contracts.errors import NotPermitted

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_caller_may_do_what_its_scopes_say_and_nothing_else() -> None:
    for held in SCOPES:
        caller = Caller("loja", "k", "key", frozenset({held}))
        assert [scope for scope in SCOPES if caller.may(scope)] == [held]
        for other in set(SCOPES) - {held}:
            with pytest.raises(NotPermitted, match=other):
                caller.require(other)


def test_a_caller_speaks_for_its_own_account_only() -> None:
    caller = Caller("loja", "k", "key", frozenset())
    caller.require_account(None)
    caller.require_account("loja")
    with pytest.raises(NotPermitted):
        caller.require_account("vizinha")


def test_a_key_may_ask_so_often_a_second_and_no_more() -> None:
    limit = RateLimit(10)
    assert [limit.take("a", now=NOON).is_granted for _ in range(11)] == [True] * 10 + [False]
    assert limit.take("b", now=NOON).is_granted
    later = NOON + timedelta(milliseconds=250)
    assert [limit.take("a", now=later).is_granted for _ in range(3)] == [True, True, False]
    assert [limit.take("a", now=NOON + timedelta(hours=1)).is_granted for _ in range(11)] == [True] * 10 + [False]
    assert not limit.take("a", now=NOON).is_granted


def test_a_key_is_told_what_it_has_left() -> None:
    limit = RateLimit(10)
    first = limit.take("a", now=NOON)
    spent = [limit.take("a", now=NOON) for _ in range(10)][-1]

    assert (first.limit, first.remaining, first.reset_seconds) == (10, 9, 1)
    assert (spent.is_granted, spent.remaining, spent.reset_seconds) == (False, 0, 1)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_segment_survives_routing_whatever_it_holds(text: str) -> None:
    assert unescape_segment(escape_segment(text)) == text
    assert "/" not in escape_segment(text)


def test_segments_are_decoded_one_by_one() -> None:
    assert routable("/v1/logs/order/MLC/a%2Fb%20c") == "/v1/logs/order/MLC/a%2Fb c"
    assert routable("/v1/logs/order/MLC/a%252Fb") == "/v1/logs/order/MLC/a%252Fb"
    assert unescape_segment("a%252Fb") == "a%2Fb"


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, False),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "http://a:1", "host": "a:1"}, True),
        ({"origin": "http://A:1", "host": "a:1"}, True),
        ({"origin": "http://a:2", "host": "a:1"}, False),
        ({"origin": "null", "host": ""}, False),
        ({"referer": "http://a:1/logs/order", "host": "a:1"}, True),
        ({"origin": "http://a:1.evil", "host": "a:1"}, False),
    ],
)
def test_only_our_own_pages_are_of_the_same_origin(headers: dict[str, str], *, own: bool) -> None:
    assert is_same_origin(headers) is own


def test_every_error_of_the_tree_has_its_status() -> None:
    expected = {
        errors.InvalidCursor: 400,
        errors.InvalidFilter: 422,
        errors.InvalidCommand: 422,
        errors.NotPermitted: 403,
        errors.NotFound: 404,
        errors.NotEligible: 409,
        errors.LimitExceeded: 429,
        errors.StoreUnavailable: 503,
        errors.BrokerUnavailable: 503,
        errors.OutcomeUnknown: 503,
        errors.Defect: 500,
    }
    for kind, status in expected.items():
        error = kind("field", "reason") if issubclass(kind, errors.InvalidField) else kind("reason")
        assert status_of(error) == status


def test_a_cause_without_a_known_code_keeps_its_text_and_gets_general_guidance() -> None:
    unknown = explain({"code": "ZZZ-9", "message": "surprise", "field": "price"}, "en")
    nameless = explain({"code": None, "message": ""}, "en")

    assert (unknown.code, unknown.title, unknown.field) == ("ZZZ-9", "surprise", "price")
    assert unknown.guidance
    assert nameless.code == "UNMAPPED"
    assert nameless.title


def test_a_language_is_chosen_by_wish_then_by_header_then_portuguese() -> None:
    assert choose_language("en", "es") == "en"
    assert choose_language(None, "fr;q=1, es-MX;q=0.8, en;q=0.9") == "en"
    assert choose_language(None, "en;q=0, es;q=x") == "pt"
    assert choose_language(None, "") == "pt"


@given(st.text(max_size=40), st.integers(0, 10_000))
def test_a_range_never_leaves_the_file(text: str, size: int) -> None:
    start, end = byte_range(text, size)
    assert 0 <= start <= end <= size


def test_ranges_are_read_as_written() -> None:
    assert byte_range("bytes=0-0", 10) == (0, 1)
    assert byte_range("bytes=5-", 10) == (5, 10)
    assert byte_range("bytes=-3", 10) == (7, 10)
    assert byte_range("bytes=-99", 10) == (0, 10)
    assert byte_range("bytes=10-", 10) == (0, 0)
    assert byte_range("bytes=7-3", 10) == (0, 10)
    assert byte_range("lines=1-2", 10) == (0, 10)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_file_name_breaks_out_of_its_header(name: str) -> None:
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2

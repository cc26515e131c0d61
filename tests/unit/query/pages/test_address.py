from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.entrypoints.middleware.paths import routable, unescape_segment
from services.query.entrypoints.pages.address import (
    ListAddress,
    entry_path,
    is_untidy,
    local_input,
    parse_address,
    shown_pairs,
)
from shared.contracts.errors import InvalidFilter
from shared.contracts.filters import LogFilter

ZONE = ZoneInfo("America/Sao_Paulo")


def read(address: str) -> ListAddress:
    return parse_address("order", parse_qs(urlsplit(address).query, keep_blank_values=True), ZONE)


def test_an_address_says_what_it_was_made_from() -> None:
    address = read(
        "/logs/order?status=error&affiliate=MLC&affiliate=SHP&q=a%26b%2Bc&from=2026-11-23T10:00:00Z&limit=50&sort=processed_at"
    )
    assert read(address.href()) == address
    assert read(address.page("abc")) == address


def test_every_filter_and_order_lives_in_the_address() -> None:
    query = (
        "?retry=auto&retry=fix&reprocess_id=job-1&attempts_min=3&date_axis=received_at&from=2026-11-23T10:00:00Z"
        "&stale_since=2026-11-24T10:00:00Z&sort=-attempts"
    )
    address = read(query)
    assert address.rows.attempts_min == 3
    assert read(address.href()) == address
    assert ("attempts_min", "3") in address.pairs()
    assert [name for name, _ in address.unseen_pairs()] == ["retry", "retry", "reprocess_id", "stale_since", "sort"]


@pytest.mark.parametrize("name", ["retry", "reprocess_id", "attempts_min", "date_axis", "stale_since", "from_at"])
def test_a_filter_is_taken_away_whole(name: str) -> None:
    address = read(
        "?retry=auto&reprocess_id=j&attempts_min=3&date_axis=received_at&from=2026-11-23T10:00:00Z&stale_since=2026-11-24T10:00:00Z"
    )
    left = read(address.without(name))
    assert getattr(left.rows, name) == getattr(LogFilter(), name)
    assert len(left.rows.to_json()) < len(address.rows.to_json())


def test_another_tab_is_asked_the_same_but_for_what_is_of_this_one() -> None:
    address = read("?error_code=ORD-SLA&reprocess_id=j&attempts_min=3&date_axis=received_at&from=2026-11-23T10:00:00Z")
    assert address.tab("price") == "/logs/price?from=2026-11-23T10%3A00%3A00.000Z&date_axis=received_at&attempts_min=3"
    assert address.status("price", "error").endswith(
        "status=error&from=2026-11-23T10%3A00%3A00.000Z&date_axis=received_at"
    )


def test_a_status_keeps_what_is_searched_for_where_it_narrows_and_not_where_it_is_a_count() -> None:
    address = read("?affiliate=MLC&q=3001&error_code=ORD-SLA&status=success")
    assert address.searched("error") == "/logs/order?affiliate=MLC&status=error&q=3001"
    assert address.searched("") == "/logs/order?affiliate=MLC&q=3001"
    assert address.status("order", "error") == "/logs/order?affiliate=MLC&status=error"


def test_the_list_of_an_error_takes_the_place_of_a_search() -> None:
    address = read("?affiliate=MLC&q=ord-sla&group=0123456789abcdef&limit=50")
    assert address.of_error("order", "ORD-SLA").startswith("/logs/order?affiliate=MLC&error_code=ORD-SLA&group=")
    assert address.of_error("product", "CAT-EAN") == "/logs/product?affiliate=MLC&error_code=CAT-EAN&limit=50"


def test_an_instant_without_a_zone_is_read_in_the_visitors_zone_and_written_back_for_the_input() -> None:
    address = read("?from=2026-11-23T10:00")
    assert address.href() == "/logs/order?from=2026-11-23T13%3A00%3A00.000Z"
    assert local_input(address.rows.from_at, ZONE) == "2026-11-23T10:00"
    assert local_input(None, ZONE) == ""


def test_what_a_form_wrote_is_untidy_and_what_we_write_is_not() -> None:
    assert is_untidy({"q": [""], "status": ["error"]})
    assert is_untidy({"from": ["2026-11-23T10:00"]})
    assert is_untidy({"typed_affiliate": ["mlc"]})
    assert is_untidy({"zone": ["Asia/Tokyo"]})
    assert is_untidy({"from": ["2026-11-23T10:11:12.000Z"], "from_shown": ["2026-11-23T10:11:12.000Z"]})
    assert not is_untidy(parse_qs(urlsplit(read("?from=2026-11-23T10:00&q=&status=error").href()).query))


@pytest.mark.parametrize(
    ("zone", "meant"),
    [
        ("Asia/Tokyo", "01%3A00"),
        ("", "13%3A00"),
        ("Mars/Base", "13%3A00"),
        ("../../etc/passwd", "13%3A00"),
        ("Asia", "13%3A00"),
    ],
)
def test_a_period_is_read_in_the_zone_that_the_form_showed_if_there_is_one(zone: str, meant: str) -> None:
    assert read(f"?from=2026-11-23T10:00&zone={zone}").href() == f"/logs/order?from=2026-11-23T{meant}%3A00.000Z"


@pytest.mark.parametrize("instant", ["2026-11-23T23:59:59.000Z", "2026-11-23T02:59:59.123Z"])
def test_an_instant_whose_field_nobody_touched_is_not_cut_to_the_minute(instant: str) -> None:
    address = read(f"?to={instant}")
    [zone, (name, value)] = shown_pairs(address.pairs(), ZONE)
    assert zone == ("zone", ZONE.key)
    shown = local_input(address.rows.to_at, ZONE)
    assert read(f"?to={shown}&{name}={value}&zone={ZONE.key}") == address
    assert read(f"?to=2026-11-23T10:00&{name}={value}").href() == "/logs/order?to=2026-11-23T13%3A00%3A00.000Z"
    assert read(f"?to=&{name}={value}").href() == "/logs/order"
    assert read(f"?{name}={value}").href() == "/logs/order"
    assert read(f"?to={shown}&{name}=nonsense").rows.to_at == address.rows.to_at.replace(second=0, microsecond=0)  # type: ignore[union-attr]


def test_the_second_of_two_equal_hours_stays_the_second() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for instant in ("2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"):
        form = {"from": ["2026-10-25T02:30"], "from_shown": [instant], "zone": [berlin.key]}
        assert parse_address("order", form, ZONE).rows.to_json()["from"] == instant


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "status=broken",
        "affiliate=a%20b",
        "to=2026-11-23T25:00",
        "from=2026-11-23T10:00&to=2026-11-22T10:00",
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_its_field(query: str) -> None:
    with pytest.raises(InvalidFilter):
        read(f"?{query}")


def test_page_sizes_and_orders_that_do_not_exist_fall_back() -> None:
    address = read("?limit=1000000&sort=colour&unknown=1")
    assert (address.limit, address.sort) == (30, "-processed_at")


def test_a_badge_keeps_affiliates_and_period_and_drops_the_rest() -> None:
    address = read("?affiliate=MLC&status=success&q=x&error_code=ORD-SLA&from=2026-11-23T00:00:00Z")
    assert (
        address.status("price", "error") == "/logs/price?affiliate=MLC&status=error&from=2026-11-23T00%3A00%3A00.000Z"
    )


def test_one_value_of_a_filter_is_taken_away_alone() -> None:
    address = read("?status=error&status=warning&from=2026-11-23T00:00:00Z&q=x")
    assert address.without("status", "error") == "/logs/order?status=warning&q=x&from=2026-11-23T00%3A00%3A00.000Z"
    assert "from" not in address.without("from_at")
    assert "q=" not in address.without("q")
    assert address.unfiltered() == "/logs/order"


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=300))
def test_any_code_makes_one_segment_that_the_router_reads_back(code: str) -> None:
    path = entry_path("order", "MLC", code, "/details")
    segments = routable(path).split("/")
    assert len(segments) == 6
    assert unescape_segment(segments[4]) == code


@pytest.mark.parametrize("code", [".", ".."])
def test_a_code_that_looks_like_a_step_of_a_path_is_no_step_to_a_browser(code: str) -> None:
    written = entry_path("order", code, code).split("/")[3:]

    assert not {".", "..", "%2e", "%2e%2e"}.intersection(segment.lower() for segment in written)
    assert routable(entry_path("order", code, code)) == f"/logs/order/{code}/{code}"


def test_instants_at_the_end_of_the_calendar_are_shown_or_refused() -> None:
    address = read("/logs/order?from=0001-01-01T00:00:00Z")
    assert local_input(address.rows.from_at, ZONE) == "0001-01-01T00:00"
    with pytest.raises(InvalidFilter, match="outside the years"):
        read("/logs/order?to=9999-12-31T23:59")


def test_a_page_size_of_any_length_falls_back() -> None:
    assert read(f"/logs/order?limit={'1' * 5_000}").limit == read("/logs/order").limit

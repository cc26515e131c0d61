import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from services.exporter.core.cells import CUT_MARK, MAX_CELL_LENGTH, is_active, safe_cell, safe_row, safe_text
from tests.support.export_rows import HOSTILE_TEXTS

ZONE = ZoneInfo("America/Sao_Paulo")
naive = datetime.fromisoformat
ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.binary()
    | st.datetimes()
    | st.dates()
    | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner) | st.tuples(inner, inner),
)


class Broken:
    def __str__(self) -> str:
        raise RuntimeError


class Vast:
    def __str__(self) -> str:
        raise MemoryError


@given(ANYTHING)
def test_any_value_makes_a_cell(value: Any) -> None:
    cell = safe_cell(value, ZONE)

    assert isinstance(cell, str | int | float | bool | datetime | None)
    if isinstance(cell, str):
        assert cell
        cell.encode()
        assert safe_text(cell) == cell
    if isinstance(cell, datetime):
        assert cell.tzinfo is None


@given(st.lists(ANYTHING))
def test_a_row_of_cells_is_what_each_cell_is_alone(values: list[Any]) -> None:
    assert [*map(repr, safe_row(values, ZONE))] == [repr(safe_cell(value, ZONE)) for value in values]


@given(ANY_TEXT)
def test_a_text_keeps_every_character_that_a_file_can_hold(text: str) -> None:
    kept = safe_text(text)

    assert not set(kept) & {*map(chr, range(9)), "\x0b", "\x0c", "\ufffe", "\uffff", "\ud800"}
    assert [letter for letter in kept if letter.isalnum()] == [letter for letter in text if letter.isalnum()]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (10**15, "1000000000000000"),
        (10**15 - 1, 10**15 - 1),
        (-(10**20), "-100000000000000000000"),
        (True, True),
        (1.5, 1.5),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (Decimal("1.10"), "1.10"),
        ({"a": [1]}, '{"a":[1]}'),
        ([1, "x"], '[1,"x"]'),
        ({"id": 2**70}, "{'id': 1180591620717411303424}"),
        (("one", "two"), "one\ntwo"),
        ("", None),
        ("\x00", None),
        (None, None),
        (b"\xff", "b'\\xff'"),
        (ObjectId("0" * 24), "0" * 24),
        (Broken(), "<Broken>"),
        (date(2026, 1, 2), "2026-01-02"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
    ],
)
def test_a_value_becomes_what_a_person_expects(value: Any, cell: Any) -> None:
    assert safe_cell(value, ZONE) == cell
    assert type(safe_cell(value, ZONE)) is type(cell)


@pytest.mark.parametrize(
    ("instant", "cell"),
    [
        (datetime(2026, 11, 23, 2, 30, tzinfo=UTC), naive("2026-11-22T23:30")),
        (naive("2026-11-23T02:30"), naive("2026-11-22T23:30")),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=9))), naive("2025-12-31T12:00")),
        (datetime(1900, 2, 1, tzinfo=UTC), "1900-01-31T20:53:32"),
        (datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00+00:00"),
    ],
)
def test_an_instant_is_shown_in_the_reports_zone_and_as_text_where_no_calendar_has_it(
    instant: datetime, cell: Any
) -> None:
    assert safe_cell(instant, ZONE) == cell


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "make", [lambda n: "x" * n, lambda n: "😀" * n, lambda n: "x😀" * n, lambda n: "😀" + "x" * n, lambda n: "\n" * n]
)
def test_a_long_text_is_cut_with_a_mark_at_what_excel_counts(make: Callable[[int], str]) -> None:
    cut = safe_text(make(40_000))

    assert MAX_CELL_LENGTH - 1 <= _units(cut) <= MAX_CELL_LENGTH
    assert cut.endswith(CUT_MARK)
    assert safe_text(make(100)) == make(100)
    assert safe_text("x" * MAX_CELL_LENGTH) == "x" * MAX_CELL_LENGTH


def test_every_start_of_a_formula_is_known() -> None:
    active = [text for text in HOSTILE_TEXTS if is_active(text)]

    assert {text.lstrip()[:1] for text in active} == {"=", "+", "-", "@", "_"}
    assert not is_active("a=1")
    assert is_active("\t=1")
    assert is_active("\uff1d1+1")
    assert not is_active("")


def test_a_number_too_long_to_print_is_named_by_its_type() -> None:
    assert safe_cell(10**5000, ZONE) == "<int>"


def test_a_value_that_there_is_no_memory_for_is_not_replaced_by_another() -> None:
    with pytest.raises(MemoryError):
        safe_cell(Vast(), ZONE)

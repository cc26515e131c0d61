"""Any value → a cell that is safe and whole in a spreadsheet. Total: whatever comes, a cell comes out.

Text stays text: what a spreadsheet might run (`is_active`) is marked by the file formats, each in its own way. What no file can
hold (control characters, surrogates) is dropped, what no cell can hold is cut with a visible mark.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, tzinfo
from typing import Any, Final

import orjson

from shared.contracts.times import aware

Cell = str | int | float | bool | datetime | None
"""What a cell may hold; a datetime is naive, in the report's time zone; None is an empty cell."""

MAX_CELL_LENGTH: Final = 32_767
"""Characters of a cell, by Excel's count: those beyond the basic plane count twice."""

CUT_MARK: Final = "…"
"""Last character of a text that was too long."""

EXACT_INTEGERS: Final = 10**15
"""Excel keeps fifteen digits of a number; a longer one is an id and becomes text."""

FIRST_YEAR: Final = 1900
"""A spreadsheet's calendar begins in it, with a day too many in February: a date of that year or before becomes text."""

ACTIVE_STARTS: Final = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""A text that starts so may be run by some spreadsheet once it was edited, or read from CSV; the wide forms in East Asia."""

_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LINE_BREAK: Final = re.compile("\r\n?|[\x85\u2028\u2029]")


def safe_cell(value: object, zone: tzinfo) -> Cell:
    """Return the cell that shows `value`; instants are shown in `zone`. A tuple is several texts, one a line."""
    if value is None:
        return None
    make = _MAKERS.get(type(value))
    if make is None:
        make = next((maker for kind, maker in _MAKERS.items() if isinstance(value, kind)), _anything)
    return make(value, zone)


def safe_row(values: Iterable[object], zone: tzinfo) -> list[Cell]:
    """Return the cells of a row; the same as `safe_cell` for each, at half the cost."""
    return [
        value if value is None else (safe_text(value) or None) if type(value) is str else safe_cell(value, zone)
        for value in values
    ]


def safe_text(text: str) -> str:
    """Return `text` without what no file can hold, cut to a cell's length, line breaks as spreadsheets write them."""
    if not text.isprintable():  # rare, and three times as costly to look at as to ask
        text = _UNWRITABLE.sub("", _LINE_BREAK.sub("\n", text))
    if len(text) > MAX_CELL_LENGTH // 2 and _length(text) > MAX_CELL_LENGTH:
        return _cut(text)
    return text


def is_active(text: str) -> bool:
    """Say whether a spreadsheet might run the text: as a formula, or after it undid an `_x003D_` escape."""
    start = text.lstrip(" \n\u00a0")[:2]
    return start == "_x" or start[:1] in ACTIVE_STARTS


def _length(text: str) -> int:
    return len(text) + sum(letter > "\uffff" for letter in text)


def _cut(text: str) -> str:
    room = MAX_CELL_LENGTH - len(CUT_MARK)
    for position, letter in enumerate(text):
        room -= 2 if letter > "\uffff" else 1
        if room < 0:
            return text[:position] + CUT_MARK
    return text


def _text(value: Any, _zone: tzinfo) -> Cell:
    return safe_text(str(value)) or None


def _lines(value: Any, _zone: tzinfo) -> Cell:
    return safe_text("\n".join(map(str, value))) or None


def _integer(value: Any, zone: tzinfo) -> Cell:
    return int(value) if -EXACT_INTEGERS < value < EXACT_INTEGERS else _anything(value, zone)


def _number(value: Any, zone: tzinfo) -> Cell:
    return float(value) if math.isfinite(value) else _anything(value, zone)


def _instant(value: Any, zone: tzinfo) -> Cell:
    try:
        shown: datetime = aware(value).astimezone(zone).replace(tzinfo=None)
    except (OverflowError, ValueError):  # a day before year 1 or after year 9999 in that zone
        return str(value.isoformat())
    return shown if shown.year > FIRST_YEAR else shown.isoformat()


def _day(value: Any, _zone: tzinfo) -> Cell:
    return str(value.isoformat())


def _json(value: Any, zone: tzinfo) -> Cell:
    try:
        return safe_text(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode())
    except (TypeError, ValueError, RecursionError):
        return _anything(value, zone)


def _anything(value: Any, _zone: tzinfo) -> Cell:
    try:
        return safe_text(str(value)) or None
    except MemoryError:  # says nothing of the value
        raise
    except Exception:  # noqa: BLE001  # a number of 5,000 digits, a broken __str__: a report never fails for a value
        return f"<{type(value).__name__}>"


def _itself(value: Any, _zone: tzinfo) -> Cell:
    return bool(value)


_MAKERS: Final[Mapping[type, Callable[[Any, tzinfo], Cell]]] = {
    str: _text,
    datetime: _instant,
    tuple: _lines,
    bool: _itself,
    int: _integer,
    float: _number,
    dict: _json,
    list: _json,
    date: _day,
}
"""Order matters where one type is another's parent: bool before int, datetime before date."""

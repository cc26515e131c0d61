"""The values of a filter as people write them → checked values. Each function names the field that it refuses."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.contracts.errors import InvalidFilter
from shared.contracts.events import NAME
from shared.contracts.groups import GROUP
from shared.contracts.text import fold
from shared.contracts.times import format_instant, parse_instant

MAX_QUERY_LENGTH: Final = 300
MAX_VALUES: Final = 100

_LOST_PLUS: Final = re.compile(r":\d\d(?:\.\d+)? \d\d:\d\d\Z", re.ASCII)
"""How a time in a zone east of UTC ends that somebody wrote into an address as it is."""


def refuse_unknown(values: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Raise InvalidFilter for the first name that is no filter."""
    if unknown := sorted(set(values) - set(allowed)):
        raise InvalidFilter(unknown[0], "is not a filter", allowed)


def refuse_blank(values: Mapping[str, Any]) -> None:
    """Raise InvalidFilter for the first field with an empty text or list; null is a field that is not there.

    A browser's form sends empty fields and means that they narrow nothing. In a command it is a variable that nobody set, and the command
    would be for every row.
    """
    for name, value in values.items():
        written = [value] if isinstance(value, str) else value
        if isinstance(written, list) and any(isinstance(one, str) and not one.strip() for one in written or [""]):
            raise InvalidFilter(name, "is empty; name a value, or leave the field out")


def period(values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return `from` and `to`. Raise InvalidFilter when one is no instant, or when nothing lies between them."""
    from_at, to_at = (instant(name, values.get(name)) for name in ("from", "to"))
    if from_at and to_at and from_at >= to_at:
        raise InvalidFilter("to", "must be after `from`; `from` is inclusive, `to` exclusive")
    return from_at, to_at


def written_filter(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that narrow, instants as text: what `parse` reads back."""
    return {
        name: format_instant(value) if isinstance(value, datetime) else value for name, value in values.items() if value
    }


def chosen(name: str, value: object, allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the values of a field that has a closed list of them. Raise InvalidFilter."""
    allowed = tuple(allowed)
    picked = _listed(name, value)
    for item in picked:
        if item not in allowed:
            raise InvalidFilter(name, f"{item!r} is unknown", allowed)
    return tuple(picked)


def names(name: str, value: object) -> tuple[str, ...]:
    """Return the values of a field of affiliates. Raise InvalidFilter."""
    written = _listed(name, value)
    for item in written:
        if not NAME.fullmatch(item):
            raise InvalidFilter(name, "must be 1 to 64 letters, digits, `_`, `.` or `-`")
    return tuple(written)


def group_ids(name: str, value: object) -> tuple[str, ...]:
    """Return the values of a field of root causes. Raise InvalidFilter."""
    written = _listed(name, value)
    for item in written:
        if not GROUP.fullmatch(item):
            raise InvalidFilter(name, "must be 16 hex digits, as the `group` of a cause has them")
    return tuple(written)


def texts(name: str, value: object) -> tuple[str, ...]:
    """Return the values of a field of free text. Raise InvalidFilter."""
    written = _listed(name, value)
    for item in written:
        _check_text(name, item)
    return tuple(written)


def search_text(name: str, value: object) -> str:
    """Return what stands in the search box, "" when nothing does. Raise InvalidFilter."""
    text = once(name, value).strip()
    _check_text(name, text)
    if text and not fold(text):
        raise InvalidFilter(name, "holds nothing to search for: write a code, the beginning of one, or words")
    return text


def once(name: str, value: object) -> str:
    """Return the one text of a field, "" when it is absent. Raise InvalidFilter."""
    found = _listed(name, value)
    if len(found) > 1:
        raise InvalidFilter(name, "may be given once")
    return found[0] if found else ""


def whole_number(name: str, value: object, *, at_least: int, at_most: int) -> int | None:
    """Return the one whole number of a field, written as digits or as JSON's number; None when absent. Raise InvalidFilter."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else once(name, value)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(at_most))) or not (
        at_least <= int(text) <= at_most
    ):
        raise InvalidFilter(name, f"must be a whole number from {at_least} to {at_most}", (str(at_least), str(at_most)))
    return int(text)


def instant(name: str, value: object) -> datetime | None:
    """Return the one instant of a field, aware; None when it is absent. Raise InvalidFilter.

    Rounded up to milliseconds: entries are kept so, and "from" and "before" the next whole one mean the same rows.
    """
    text = once(name, value)
    if not text:
        return None
    try:
        found = parse_instant(text)[0]
        return found + timedelta(microseconds=-found.microsecond % 1000)
    except ValueError as error:
        hint = "; a `+` in an address is a space: write it as `%2B`" if _LOST_PLUS.search(text) else ""
        raise InvalidFilter(name, f"{error}{hint}") from error
    except OverflowError as error:
        raise InvalidFilter(name, "lies outside the years 1 to 9999 in UTC") from error


def _listed(name: str, value: object) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return []
    if not isinstance(listed, Sequence) or not all(isinstance(item, str) for item in listed):
        raise InvalidFilter(name, "must be a text or a list of texts")
    if len(listed) > MAX_VALUES:
        raise InvalidFilter(name, f"takes at most {MAX_VALUES} values")
    return [item for item in dict.fromkeys(listed) if item]


def _check_text(name: str, text: str) -> None:
    if len(text) > MAX_QUERY_LENGTH:
        raise InvalidFilter(name, f"is longer than {MAX_QUERY_LENGTH} characters")
    if any(letter < " " for letter in text):  # MongoDB takes no NUL in a pattern, and no id holds a control character
        raise InvalidFilter(name, "holds a control character")

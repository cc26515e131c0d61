"""Instants as text. RFC 3339 with a zone comes in, with as many decimals as the source writes; UTC comes out.

An *order text* is an instant in UTC with all its decimals, no zone and no trailing zeros: `2026-11-23T10:11:12.1230001`.
Order texts sort as their instants do, byte by byte, in Python and in MongoDB alike; a `datetime` would cut to microseconds.
A leap second is the second that follows it: neither Python nor MongoDB has a place between the two.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import orjson

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:[0-5]\d(?:\.\d{3}(?:\d{3})?)?Z", re.ASCII)
"""What nearly every connector writes: `datetime` reads it by itself, and its order text is its beginning."""

_FULL_DAY: Final = "24"
_FULL_HOUR: Final = "60"
_LEAP: Final = "60"

_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # MongoDB's instants come without a zone
_EPOCH: Final = _NAIVE_EPOCH.replace(tzinfo=UTC)


def parse_instant(text: str) -> tuple[datetime, str]:
    """Return the instant to the microsecond (aware, UTC) and its order text. Raise ValueError saying what is wrong."""
    if _USUAL.fullmatch(text) is not None:
        return datetime.fromisoformat(text), text[:-1].rstrip("0").rstrip(".") if text[19] == "." else text[:19]
    matched = _RFC3339.fullmatch(text)
    if matched is None:
        msg = "must be an RFC 3339 date and time with a zone, such as 2026-11-23T10:11:12.123Z"
        raise ValueError(msg)
    day, clock, seconds, decimals, zone = matched.groups()
    if zone[4:] >= _FULL_HOUR:
        msg = f"has the zone {zone}, whose minutes are no minutes: write 00 to 59, such as -03:00"
        raise ValueError(msg)
    is_leap = seconds == _LEAP
    written = f"{day}T{clock}:{'59' if is_leap else seconds}{'+00:00' if zone in 'Zz' else zone}"
    try:
        whole = datetime.fromisoformat(written).astimezone(UTC)
        if is_leap:
            whole = _after_leap(whole)
    except OverflowError as error:
        msg = "lies outside the years 1 to 9999 in UTC"
        raise ValueError(msg) from error
    except ValueError as error:
        if zone[1:3] < _FULL_DAY:
            raise
        msg = f"has the zone {zone}, and no zone is a day away from UTC: write Z, or an offset such as -03:00"
        raise ValueError(msg) from error
    decimals = (decimals or "").rstrip("0")
    micro = int(decimals[:6].ljust(6, "0")) if decimals else 0
    return whole.replace(microsecond=micro), _order_text(whole, decimals)


def _after_leap(before: datetime) -> datetime:
    """Return the second after the leap second that follows `before`. Raise ValueError where there can be none: they end months, in UTC."""
    after = before + timedelta(seconds=1)
    if (after.day, after.hour, after.minute) != (1, 0, 0):
        msg = "has 60 seconds, and a leap second is the last one of a month in UTC: write 00 to 59"
        raise ValueError(msg)
    return after


def order_text(instant: datetime) -> str:
    """Return the order text of an aware instant."""
    utc = instant.astimezone(UTC)
    return _order_text(utc, f"{utc.microsecond:06d}".rstrip("0"))


def instant_of(text: str) -> datetime:
    """Return the instant that an order text names, to the microsecond, aware."""
    return parse_instant(text + "Z")[0]


def format_instant(instant: datetime) -> str:
    """Return an aware instant as answers show it: UTC, milliseconds, `Z`."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    text = orjson.dumps(utc)  # a third of what `isoformat` takes, and leaves decimals out where they are zero
    return f"{text[1:24].decode() if utc.microsecond else f'{text[1:20].decode()}.000'}Z"


def aware(instant: datetime) -> datetime:
    """Return a stored instant with its zone: MongoDB stores UTC without saying so."""
    # `replace` takes its arguments apart, which costs eight times as much; a page has two hundred.
    return _EPOCH + (instant - _NAIVE_EPOCH) if instant.tzinfo is None else instant


def in_zone(instant: datetime, zone: tzinfo) -> datetime:
    """Return the instant in `zone`; in UTC where the calendar of `zone` does not reach: an unset date is year 1, or 9999."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant.astimezone(UTC)


def to_milliseconds(instant: datetime) -> datetime:
    """Return the instant cut to milliseconds, MongoDB's precision."""
    surplus = instant.microsecond % 1000
    return instant - timedelta(microseconds=surplus) if surplus else instant


def _order_text(whole: datetime, decimals: str) -> str:
    text = whole.isoformat(timespec="seconds")[:19]
    return f"{text}.{decimals}" if decimals else text

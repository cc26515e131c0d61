"""The panel's three languages: texts by key, numbers and instants as their readers write them.

A text is found by its key in `panel/locales/<language>.json`; all three files hold the same keys (a test says so).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.query.core.languages import choose_language
from shared.contracts.catalogue import LANGUAGES, Language
from shared.contracts.times import in_zone

LOCALES: Final = Path(__file__).parents[2] / "panel" / "locales"
DEFAULT_ZONE: Final = "America/Sao_Paulo"

THOUSANDS: Final = {"pt": ".", "en": ",", "es": "."}
DECIMAL_MARK: Final = {"pt": ",", "en": ".", "es": ","}
SMALL_SHARE: Final = 0.1
SECONDS_FORMAT: Final = {"pt": "%d/%m/%Y %H:%M:%S", "en": "%d %b %Y %H:%M:%S", "es": "%d/%m/%Y %H:%M:%S"}
DAY_FORMAT: Final = {"pt": "%d/%m/%Y", "en": "%d %b %Y", "es": "%d/%m/%Y"}
CLOCK_FORMAT: Final = "%H:%M:%S"
HTML_LANGUAGE: Final = {"pt": "pt-BR", "en": "en", "es": "es"}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language. Calling it with a key gives the text, `{names}` filled in."""

    language: Language
    texts: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of `key`; a key that does not exist is our mistake and raises KeyError."""
        text = self.texts[key]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Say whether the language has a text under `key`."""
        return key in self.texts

    def counted(self, key: str, count: int, **values: object) -> str:
        """Return the text for `count` things: `key.zero` (where written), `key.one` or `key.other`, `{names}` filled in."""
        form = {0: "zero", 1: "one"}.get(count, "other")
        chosen = f"{key}.{form}" if f"{key}.{form}" in self.texts else f"{key}.other"
        return self(chosen, count=self.number(count), **values)

    def number(self, value: int) -> str:
        """Return a whole number with the language's thousands separator."""
        return f"{value:,}".replace(",", THOUSANDS[self.language])

    def decimal(self, value: float) -> str:
        """Return a number of 0 or more with the language's separators; one decimal where it is not whole."""
        marks = str.maketrans({",": THOUSANDS[self.language], ".": DECIMAL_MARK[self.language]})
        return f"{value:,.1f}".removesuffix(".0").translate(marks)

    def percent(self, share: float) -> str:
        """Return a share of 0 to 1 as a percentage; one decimal below 10 %."""
        figure = f"{share:.1%}" if 0 < share < SMALL_SHARE else f"{share:.0%}"
        return figure.replace(".", DECIMAL_MARK[self.language])

    def instant(self, at: datetime, zone: ZoneInfo) -> str:
        """Return the instant in `zone`, to the second."""
        return in_zone(at, zone).strftime(SECONDS_FORMAT[self.language])

    def day(self, at: datetime, zone: ZoneInfo) -> str:
        """Return the day that the instant falls on in `zone`."""
        return in_zone(at, zone).strftime(DAY_FORMAT[self.language])

    def clock(self, at: datetime, zone: ZoneInfo) -> str:
        """Return the time of day in `zone`, to the second: of an instant that nobody takes for one of another day."""
        return in_zone(at, zone).strftime(CLOCK_FORMAT)

    def instant_with_zone(self, at: datetime, zone: ZoneInfo) -> str:
        """Return the instant to the second, with the zone's name and its distance from UTC."""
        offset = in_zone(at, zone).utcoffset() or timedelta()
        sign, minutes = ("-" if offset < timedelta() else "+"), abs(offset) // timedelta(minutes=1)
        return f"{self.instant(at, zone)} ({zone.key}, UTC{sign}{minutes // 60:02d}:{minutes % 60:02d})"


@cache
def words_of(language: Language) -> Words:
    """Return the texts of `language`, read once."""
    return Words(language, json.loads((LOCALES / f"{language}.json").read_text("utf-8")))


def language_of(cookie: str | None, accept_language: str | None) -> Language:
    """Return the visitor's language: the one they chose, else the one that the browser likes best."""
    return choose_language(cookie if cookie in LANGUAGES else None, accept_language or "")


def choose_zone(cookie: str | None) -> ZoneInfo:
    """Return the zone that the browser told in its cookie; São Paulo's when it told none, or nonsense."""
    return known_zone(cookie) or ZoneInfo(DEFAULT_ZONE)


def known_zone(name: str | None) -> ZoneInfo | None:
    """Return the zone of that name, None for none and for nonsense."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

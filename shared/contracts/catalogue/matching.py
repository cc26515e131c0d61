"""A message → its error code, by variable-free fragments. Stands on the hot path: one pass over the words of the message.

A message is reduced to its plain words: case, accents, quotes and punctuation gone. Each pattern is filed under its longest word;
only the patterns filed under a word that the message has are compared. The longest that is found wins, those of the event's own
kind before all others, so that a precise text beats a general one.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.contracts.catalogue.model import ErrorCode

MAX_LENGTH: Final = 4_000
"""Characters of a message that are looked at: a page of HTML says what it has to say before that."""

_WORD: Final = re.compile(r"[a-z0-9_]+")
_GAP: Final = " * "


@dataclass(frozen=True, slots=True)
class Pattern:
    """Fragments that stand in a message in this order, anything in between."""

    code: str
    kinds: frozenset[str]
    fragments: tuple[str, ...]
    weight: int

    def is_in(self, text: str) -> bool:
        """Tell whether all fragments stand in `text`, itself a result of `plain_words`, one after the other."""
        start = 0
        for fragment in self.fragments:
            found = text.find(fragment, start)
            if found < 0:
                return False
            start = found + len(fragment) - 1
        return True


class Matcher:
    """The patterns of a catalogue, filed for looking up."""

    def __init__(self, codes: Iterable[ErrorCode]) -> None:
        self._by_word: dict[str, list[Pattern]] = {}
        for code in codes:
            for written in code.patterns:
                fragments = tuple(plain_words(part) for part in written.split(_GAP))
                pattern = Pattern(code.code, frozenset(code.kinds), fragments, sum(map(len, fragments)))
                rarest = max(" ".join(fragments).split(), key=len)
                self._by_word.setdefault(rarest, []).append(pattern)

    def find(self, message: str, kind: str) -> str | None:
        """Return the code that the message tells of; None when no pattern is in it."""
        text = plain_words(message[:MAX_LENGTH])
        best: Pattern | None = None
        for word in self._by_word.keys() & text.split():
            for pattern in self._by_word[word]:
                if pattern.is_in(text) and (best is None or _rank(pattern, kind) > _rank(best, kind)):
                    best = pattern
        return best.code if best else None


def plain_words(text: str) -> str:
    """Return the words of `text` without case, accents and punctuation, a space before and after each."""
    latin = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return f" {' '.join(_WORD.findall(latin))} "


def by_vtex_code(codes: Iterable[ErrorCode], meant: Mapping[str, str]) -> dict[str, str]:
    """Return VTEX code → our code: the only one that lists it, or the one `meant` where several do."""
    owners: dict[str, list[str]] = {}
    for row in codes:
        for vtex_code in row.vtex_codes:
            owners.setdefault(vtex_code, []).append(row.code)
    return {vtex_code: listed[0] for vtex_code, listed in owners.items() if len(listed) == 1} | dict(meant)


def _rank(pattern: Pattern, kind: str) -> tuple[bool, int, str]:
    return kind in pattern.kinds, pattern.weight, pattern.code

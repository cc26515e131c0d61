"""Errors that a search may have meant: codes and titles of the catalogue stand in no message, so the search box finds none by them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.query.entrypoints.pages.address import ListAddress
from services.query.entrypoints.pages.typed import known_code
from shared.contracts.catalogue import CATALOGUE, ErrorCode, Language, find
from shared.contracts.names import Kind
from shared.contracts.text import fold_words

MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The list of one error: its code and title, the tab that has it and the address."""

    code: str
    title: str
    kind: Kind
    href: str


def errors_meant(address: ListAddress, language: Language) -> list[Suggestion]:
    """Return the lists of the errors whose code is the search of `address`, or whose title has all its words; those of its tab first."""
    text = address.rows.q.strip()
    if not text:
        return []
    code = known_code(text)
    if known := find(code):
        return [_suggestion(address, code, known, language)]
    named = sorted(_titled(text, language), key=lambda known: address.kind not in known.kinds)
    return [_suggestion(address, known.code, known, language) for known in named[:MOST]]


def _titled(text: str, language: Language) -> Iterator[ErrorCode]:
    asked = set(fold_words([text]))
    return (known for known in CATALOGUE.values() if asked and asked <= set(fold_words([known.title(language)])))


def _suggestion(address: ListAddress, code: str, known: ErrorCode, language: Language) -> Suggestion:
    kind = address.kind if address.kind in known.kinds else known.kinds[0]
    return Suggestion(code, known.title(language), kind, address.of_error(kind, code))

"""Text as the search box sees it: case and accents folded, words apart. The same folding at write and at search."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_WORD: Final = re.compile(r"\w{2,64}")
MAX_WORDS: Final = 64
"""Words kept of an entry's messages: a marketplace's page of HTML as a message must not make an index entry each."""

MAX_ID_LENGTH: Final = 300


def fold(text: str) -> str:
    """Return `text` without case and accents: `Não` and `NAO` become `nao`."""
    if text.isascii():
        return text.lower().strip()
    for _ in range(2):  # folding case can bring up what decomposes, and the other way round
        text = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).strip()


def fold_id(value: str) -> str:
    """Return an id as it is searched for, or the beginning of one: folded, and cut where stored ids are."""
    return fold(value)[:MAX_ID_LENGTH]


def fold_ids(values: Iterable[str | None]) -> list[str]:
    """Return the folded, distinct ids, sorted; None and what is empty are none."""
    return sorted({folded for value in values if value and (folded := fold_id(value))})


def fold_words(texts: Iterable[str]) -> list[str]:
    """Return the folded, distinct words of `texts`, sorted; at most MAX_WORDS, the first ones met."""
    words: dict[str, None] = {}
    for text in texts:
        for word in _WORD.findall(fold(text)):
            words[word] = None
            if len(words) == MAX_WORDS:
                return sorted(words)
    return sorted(words)

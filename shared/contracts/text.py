"""Text as the search box sees it: case and accents folded, words apart. The same folding at write and at search."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from typing import Final

_SIGNED: Final = r"(?<=[^\W\d_])(?<!\w\w)(?:(?:[&/+.-]\w)+|[+#]{1,2})(?!\w)"
_WORD: Final = re.compile(rf"\w(?:\w{{1,63}}|{_SIGNED})")
"""Two letters or digits and more; or single ones that signs hold together: `R&D`, `A/B`, `S.A`, `C++`. A letter alone is no word."""

_UNSIGNED: Final = re.compile(r"\w+")

MAX_WORDS: Final = 64
"""Words kept of an entry's messages: a marketplace's page of HTML as a message must not make an index entry each."""

MAX_ID_LENGTH: Final = 300

USUAL_LENGTH: Final = 500
"""Characters of messages and names that are remembered: a page of HTML does not come twice."""


def remember_short(most: int) -> Callable[[Callable[[str], str]], Callable[[str], str]]:
    """Return a decorator: `lru_cache(most)` for texts of a usual length; what is made of a longer one is worked out each time."""

    def remembering(function: Callable[[str], str]) -> Callable[[str], str]:
        remembered = lru_cache(most)(function)

        @wraps(function)
        def answer(text: str) -> str:
            return remembered(text) if len(text) <= USUAL_LENGTH else function(text)

        return answer

    return remembering


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
    found: set[str] = set()
    for value in values:
        if value:  # what follows is `fold_id`, without two calls for each id of each event
            found.add((value.lower().strip() if value.isascii() else fold(value))[:MAX_ID_LENGTH])
    found.discard("")
    return sorted(found)


def fold_words(texts: Iterable[str]) -> list[str]:
    """Return the folded, distinct words of `texts`, sorted; at most MAX_WORDS, the first ones met."""
    words: dict[str, None] = {}
    for text in texts:
        for word in _WORD.findall(fold(text)):
            words[word] = None
            if len(words) == MAX_WORDS:
                return sorted(words)
    return sorted(words)


def asked_words(text: str) -> list[str]:
    """Return the folded words of a message that a search for `text` asks for, sorted; none where it holds no word.

    Words with signs only where there is nothing else: entries written before there were such words have all their others, and a message
    that is searched for as it stands is to be found in them too.
    """
    words = fold_words([text])
    return [word for word in words if _UNSIGNED.fullmatch(word)] or words

"""Where a text tells of a person: there even a bare `name` is one's."""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Final

from shared.contracts.masking.fields import is_about_a_person

NEARBY: Final = 2000
"""So many characters back we look for what a bare `name` in a cut text belongs to."""


def names_a_person(key: str, found: re.Match[str]) -> bool:
    """Say whether `key`, found in a text, is the name of somebody whom the text tells of shortly before."""
    if key.casefold() not in {"name", "nome", "nombre"}:
        return False
    ends = _people_in(found.string)
    before = bisect_right(ends, found.start())
    return before > 0 and ends[before - 1] > found.start() - NEARBY


@lru_cache(1)  # a text may name thousands of things, and each of them asks
def _people_in(text: str) -> list[int]:
    """Return where the words end that tell of a person."""
    return [word.end() for word in re.finditer(r"[\w.\-]{4,40}", text) if is_about_a_person(word.group())]

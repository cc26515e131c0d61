"""Where a text tells of a person: between the brackets or tags of one (`"buyer": {…}`, `Buyer(…)`, `<buyer>…</buyer>`), and near a word for one.

Between them whatever is not known to be harmless is personal, as it is below a person in whole JSON (`content.py`). Where the beginning
of a text was cut off nothing tells what its fields belong to; there a bare `name` near such a word is somebody's. Time grows with the
length of the text alone: what lies within one description is not looked at for another.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from shared.contracts.masking.fields import is_about_a_person

NEARBY: Final = 2000
"""So many characters back we look for what a bare `name` in a cut text belongs to."""

LONGEST_OWNER: Final = 60
"""Characters before a bracket, at whose end the name of what it holds must stand."""

_OPENING: Final = re.compile(
    r"[:={(](?:(?<=[:=])>?\s{0,4}(?P<type>[A-Za-z_][\w.]{0,39})?\s{0,40}[{\[(]|(?<=[A-Za-z][{(]))"
)
"""One set of signs to begin with, and not two ways: so a text is looked through in a tenth of the time."""
_COUNT: Final = re.compile(r"(?:(?<=[\"'])(?:;a)?:\d{1,9})\Z")
"""What PHP writes between an owner and its bracket, how many fields follow: `"buyer";a:2:{`, `O:5:"Buyer":2:{`."""
_WORD: Final = re.compile(r"[\w.\-]+")
_PART_OF_PATH: Final = re.compile(r"[\w\-]+")
_OPEN_TAG: Final = re.compile(r"<(?:\w{1,20}:)?(?P<key>[\w.\-]{1,40})(?:\s[^<>]{0,1000})?(?<!/)>")


class Description(NamedTuple):
    """A stretch of a text that describes a person. `is_bare`: the name before it stands in no quotes, so its fields' may not either."""

    start: int
    end: int
    is_bare: bool


def names_a_person(key: str, found: re.Match[str]) -> bool:
    """Say whether `key`, found in a text, is the name of somebody whom the text tells of shortly before."""
    if key.casefold() not in {"name", "nome", "nombre"}:
        return False
    ends = _people_in(found.string)
    before = bisect_right(ends, found.start())
    return before > 0 and ends[before - 1] > found.start() - NEARBY


def is_path_of_a_person(path: str) -> bool:
    """Say whether one of the names in `buyer.address` or `customer[contacts][0]` is that of a person's description."""
    return any(is_about_a_person(name) for name in _PART_OF_PATH.findall(path))


def description_at(place: int, descriptions: Sequence[Description]) -> Description | None:
    """Return which of `descriptions`, in the order of their text, holds that place of it."""
    before = bisect_left(descriptions, (place + 1, 0, False))
    return descriptions[before - 1] if before and place < descriptions[before - 1].end else None


@lru_cache(1)
def between_brackets(text: str) -> tuple[Description, ...]:
    """Return what describes a person between brackets: objects of JSON, and objects, hashes and lists as programs print them."""
    return tuple(_bracketed(text))


def is_anybody_printed(text: str) -> bool:
    """Say whether a text holds a person as programs print one, `Buyer(alias=Ana)`. Masking brings none in, so it is asked once."""
    has_brackets = "{" in text or "(" in text or "[" in text  # most values have none, and are short
    return has_brackets and any(described.is_bare for described in between_brackets(text))


@lru_cache(1)
def between_tags(text: str) -> tuple[Description, ...]:
    """Return what describes a person between tags."""
    return tuple(_tagged(text))


def _bracketed(text: str) -> Iterator[Description]:
    done = 0
    for opening in _OPENING.finditer(text):
        quote = _quote_of_owner(text, opening) if opening.start() >= done else None
        if quote is not None:
            done = _end_of_bracket(text, opening.end(), quote)
            yield Description(opening.end(), done, is_bare=not quote)


def _quote_of_owner(text: str, opening: re.Match[str]) -> str | None:
    """Return the quote around the name of the person whom a bracket describes, "" where there is none; None where it describes nobody."""
    before = _COUNT.sub("", text[max(0, opening.start() - LONGEST_OWNER) : opening.start()].rstrip())
    name = before.removesuffix("]").rstrip("\"'").rstrip("\\")
    words = _WORD.findall(name)
    if words and name.endswith(words[-1]) and is_about_a_person(words[-1]):
        return before[len(name) :] if before.endswith(('"', "'")) else ""
    return "" if opening["type"] and is_about_a_person(opening["type"].rpartition(".")[2]) else None


def _end_of_bracket(text: str, start: int, quote: str) -> int:
    # A name without quotes may have been a word of a sentence, and its bracket one that nobody closes.
    last = len(text) if quote else min(len(text), start + NEARBY)
    depth = 1
    for token in _tokens(quote).finditer(text, start, last):
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth -= 1
        if depth == 0 or (token["string"] is None and not token["open"] and not token["close"]):
            return token.start()
    return last


@lru_cache(32)
def _tokens(quote: str) -> re.Pattern[str]:
    """Return what finds brackets outside of strings, the strings, and, where quotes are escaped, one that is not: there their text ends."""
    brackets = r"(?P<open>[{\[(])|(?P<close>[}\])])"
    if not quote:
        return re.compile(rf"""{brackets}|(?P<string>"[^"\n]*+"|'[^'\n]*+')""")
    mark, sign = re.escape(quote), quote[-1]
    if quote == sign:
        return re.compile(
            rf"{brackets}|(?P<string>{mark}[^{sign}\\]*+(?:\\.[^{sign}\\]*+)*+(?:{mark}|\\?\Z))", re.DOTALL
        )
    # Those that are escaped further are within the string.
    within = rf"[^{sign}\\]++|\\{{{len(quote)},}}+{sign}|\\++(?!{sign})"
    return re.compile(rf"{brackets}|(?P<string>{mark}(?:{within})*+(?:{mark}|\Z))|(?<!\\){sign}")


def _tagged(text: str) -> Iterator[Description]:
    done = 0
    for tag in _OPEN_TAG.finditer(text):
        if tag.start() >= done and is_about_a_person(tag["key"]):
            closing = re.compile(rf"<\\{{0,3}}/(?:\w{{1,20}}:)?{re.escape(tag['key'])}\s{{0,4}}>")
            closed = closing.search(text, tag.end())
            done = closed.start() if closed else len(text)
            yield Description(tag.end(), done, is_bare=True)


@lru_cache(1)  # a text may name thousands of things, and each of them asks
def _people_in(text: str) -> list[int]:
    """Return where the words end that tell of a person."""
    return [word.end() for word in re.finditer(r"[\w.\-]{4,40}", text) if is_about_a_person(word.group())]

"""Where a text tells of a person: between the brackets or tags of one (`"buyer": {…}`, `Buyer(…)`, `<buyer>…</buyer>`), and near a word for one.

Between them whatever is not known to be harmless is personal, as it is below a person in whole JSON (`content.py`). Where the beginning
of a text was cut off nothing tells what its fields belong to; there a bare `name` near such a word is somebody's. In a sentence only what
stands right behind such a word and a colon, and is written as names are, is taken for one: `buyer: Maria Souza is invalid`. Time grows with
the length of the text alone: what lies within one description is not looked at for another.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from shared.contracts.masking.fields import category_of, is_about_a_person
from shared.contracts.masking.secrets_in_text import is_explaining
from shared.contracts.masking.values import mask_name
from shared.contracts.text import fold

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

BARE: Final = frozenset(("name", "nome", "nombre"))
"""Of whom or what, they do not say: products have names, too."""

_CAPITALISED: Final = r"(?:[A-Z]['\u2019])?[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{1,30}(?:['\u2019-][A-ZÀ-ÖØ-Þa-zß-öø-ÿ]{1,30})?"
_PARTICLE: Final = "(?:[Dd](?:[aeo]s?|el|i|u)|[Ll][ao]s?|e|y|v[ao]n)"
_WHO: Final = re.compile(
    rf"""(?:\\{{0,7}}["'])?(?P<who>{_CAPITALISED}(?:[ ](?:{_PARTICLE}[ ]){{0,2}}{_CAPITALISED}){{1,6}}+)(?![\w*]|[ ][A-ZÀ-ÖØ-Þ0-9])"""
)
"""Two capitalised words or more: one alone begins a sentence as well. Where capitals or figures follow it is a headline, such as an error's."""
_IN_BETWEEN: Final = re.compile(_PARTICLE)
_THING: Final = re.compile(
    "(?:order|pedido|number|numero|code|codigo|field|campo|value|invoice|nota|payment|pagamento|product|produto|item|store|loja|tienda)s?|"
    "valor(?:es)?|dat[ae]|itens|fiscal|factura|shipping|delivery|entrega|credit|limit"
)
"""What errors that tell of a person speak of besides, and nobody is called."""
_WORD_BEFORE: Final = re.compile(r"([\w\-]{4,40})[ ]\Z")


class Description(NamedTuple):
    """A stretch of a text that describes a person. `is_bare`: the name before it stands in no quotes, so its fields' may not either."""

    start: int
    end: int
    is_bare: bool


def names_a_person(key: str, found: re.Match[str]) -> bool:
    """Say whether `key`, found in a text, is the name of somebody whom the text tells of shortly before."""
    if key.casefold() not in BARE:
        return False
    ends = _people_in(found.string)
    before = bisect_right(ends, found.start())
    return before > 0 and ends[before - 1] > found.start() - NEARBY


def mask_who(text: str, key: str, start: int, end: int) -> tuple[str, int] | None:
    """Return what to show of a person's name that stands at `end` behind `key`, which begins at `start`, and where that ends; None without one."""
    who = _WHO.match(text, end)
    if who is None or not _is_a_persons(text, key, start):
        return None
    words = [word for word in who["who"].split(" ") if not _IN_BETWEEN.fullmatch(word)]
    if any(_is_no_name(word) for word in words):
        return None
    return text[end : who.start("who")] + mask_name(who["who"]), who.end("who")


def _is_no_name(word: str) -> bool:
    is_known = is_explaining(word) or category_of(word) is not None or is_about_a_person(word)
    return is_known or _THING.fullmatch(fold(word)) is not None


def _is_a_persons(text: str, key: str, start: int) -> bool:
    """Say whether a key is a word for a person, or a bare `name` right behind one: `buyer:`, `order.buyer:`, `buyer name:`."""
    if key.casefold() in BARE:
        before = _WORD_BEFORE.search(text, max(0, start - LONGEST_OWNER), start)
        return before is not None and is_about_a_person(before[1])
    return is_about_a_person(key.rpartition(".")[2])


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

"""Names and values without quotes around the name: forms and addresses (`cpf=…&`), attributes, lines (`E-mail: …`), hashes (`cpf => …`)."""

import re
from collections.abc import Sequence
from typing import Final

from shared.contracts.masking.content import mask_described
from shared.contracts.masking.fields import category_of
from shared.contracts.masking.people_in_text import (
    LONGEST_OWNER,
    Description,
    between_brackets,
    description_at,
    is_path_of_a_person,
    mask_who,
)
from shared.contracts.masking.secrets_in_text import mask_secret
from shared.contracts.masking.values import mask_words

_PAIR: Final = re.compile(
    r"(?<![\w.])(?P<key>\w[\w.\-]{0,39})(?:\\{0,7}[\"'])?\]?(?:[ \t]{0,8}(?==>)|\s?)(?P<is>=>|[=:])(?:(?<=>)[ \t]{0,8}|\s?)"
)
_PAIR_VALUE: Final = re.compile(r"[^&;,|\"'<>\n{}\[\]\\]{1,200}")
_PAIR_QUOTED: Final = re.compile(r"""(?P<q>\\{0,7}["'])(?P<text>(?:(?!(?P=q))(?:\\.|[^\\<>\n])){1,200})""")
"""The same in quotes, as attributes have it: `firstName="Ana"`."""

_PRINTED: Final = re.compile(r"[^&;,|\"'<>\n{}\[\])\\]{1,200}")

_NOT_OF_PATH: Final = re.compile(r"[^\w.\-\[\]]")
_OPENS: Final = re.compile(r"[\w.]{0,40}[({\[]|//")
"""No value: one of a printed object begins, or it is an address and no name's colon."""

_OPENS_WITH_FIELD: Final = re.compile(r"[A-Za-z][\w.]{0,39}\((?=\w{1,40}=)")
"""The same of what a name says to be personal: `address=Address(street=…`. Its fields are masked one by one."""

_LITERAL: Final = re.compile(r"(?i)\s*(?:none|null|nil|true|false|undefined|-?\d[\d.]{0,6})?\s*")


def mask_pairs(text: str, *, is_anybody_printed: bool) -> str:
    """Return `text` without the values whose names say that they are personal; `is_anybody_printed` as `people_in_text.py` says of it."""
    shown: list[str] = []
    done = 0
    described = [one for one in between_brackets(text) if one.is_bare] if is_anybody_printed else []
    for found in _PAIR.finditer(text):
        masked = _mask_told(text, found, described) if found.start("is") >= done else None
        if masked is not None:
            shown += [text[done : found.end()], masked[0]]
            done = masked[1]
    return "".join([*shown, text[done:]])


def _mask_told(text: str, found: re.Match[str], described: Sequence[Description]) -> tuple[str, int] | None:
    """Return what to show of the value after a key, and where that ends; None where nothing is to be masked."""
    key, category = found["key"], category_of(found["key"])
    if key[0] in "nrt" and text[found.start() - 1 : found.start()] == "\\":
        # The letter of an escaped line's end, `\\nCookie: …`, or that of a name.
        key, category = key[1:], category_of(key[1:]) or category
    if category == "secret":
        return mask_secret(text, key, found.start(), found.end())
    if category is None:
        is_of_person = bool(described) or found["is"] == "="
        told = _mask_of_person(text, found, described) if is_of_person else None
        return told or mask_who(text, key, found.start(), found.end())
    if _OPENS_WITH_FIELD.match(text, found.end()):
        return None
    is_sentence = found["is"] == ":"
    if quoted := _PAIR_QUOTED.match(text, found.end()):
        return quoted["q"] + mask_words(category, quoted["text"], is_sentence=is_sentence), quoted.end()
    value = _PAIR_VALUE.match(text, found.end())
    return value and (mask_words(category, value[0], is_sentence=is_sentence), value.end())


def _mask_of_person(text: str, found: re.Match[str], described: Sequence[Description]) -> tuple[str, int] | None:
    """The same of a value that describes a person: in one who was printed, `Buyer(alias=…)`, or by its path, `buyer[alias]=…`."""
    around = description_at(found.start(), described)
    if around is None and not (found["is"] == "=" and _is_path(text, found)):
        return None
    name = found["key"].rpartition(".")[2]
    value = _PAIR_QUOTED.match(text, found.end()) or (_PRINTED if around else _PAIR_VALUE).match(text, found.end())
    if value is None or _OPENS.match(text, found.end()):
        return None
    quote, written = (value["q"], value["text"]) if value.re is _PAIR_QUOTED else ("", value[0])
    masked = written if _LITERAL.fullmatch(written) else mask_described(name, written)
    return None if masked == written else (quote + masked, value.end())


def _is_path(text: str, found: re.Match[str]) -> bool:
    if text[found.start() - 1 : found.start()] == "[":
        before = _NOT_OF_PATH.split(text[max(0, found.start() - LONGEST_OWNER) : found.start()])[-1]
        return is_path_of_a_person(before)
    path, dot, _ = found["key"].rpartition(".")
    return bool(dot) and is_path_of_a_person(path)

"""Names and values without quotes around the name: forms and addresses (`cpf=…&`), attributes, lines (`E-mail: …`), hashes (`cpf => …`)."""

import re
from typing import Final

from shared.contracts.masking.fields import category_of
from shared.contracts.masking.secrets_in_text import mask_secret
from shared.contracts.masking.values import mask_words

_PAIR: Final = re.compile(
    r"(?<![\w.])(?P<key>\w[\w.\-]{0,39})(?:\\{0,7}[\"'])?\]?(?:[ \t]{0,8}(?==>)|\s?)(?P<is>=>|[=:])(?:(?<=>)[ \t]{0,8}|\s?)"
)
_PAIR_VALUE: Final = re.compile(r"[^&;,|\"'<>\n{}\[\]\\]{1,200}")
_PAIR_QUOTED: Final = re.compile(r"""(?P<q>\\{0,7}["'])(?P<text>(?:(?!(?P=q))(?:\\.|[^\\<>\n])){1,200})""")
"""The same in quotes, as attributes have it: `firstName="Ana"`."""


def mask_pairs(text: str) -> str:
    """Return `text` without the values whose names say that they are personal."""
    shown: list[str] = []
    done = 0
    for found in _PAIR.finditer(text):
        masked = _mask_told(text, found) if found.start("is") >= done else None
        if masked is not None:
            shown += [text[done : found.end()], masked[0]]
            done = masked[1]
    return "".join([*shown, text[done:]])


def _mask_told(text: str, found: re.Match[str]) -> tuple[str, int] | None:
    """Return what to show of the value after a key, and where that ends; None where nothing is to be masked."""
    key, category = found["key"], category_of(found["key"])
    if key[0] in "nrt" and text[found.start() - 1 : found.start()] == "\\":
        # The letter of an escaped line's end, `\\nCookie: …`, or that of a name.
        key, category = key[1:], category_of(key[1:]) or category
    if category == "secret":
        return mask_secret(text, key, found.start(), found.end())
    if category is None:
        return None
    is_sentence = found["is"] == ":"
    if quoted := _PAIR_QUOTED.match(text, found.end()):
        return quoted["q"] + mask_words(category, quoted["text"], is_sentence=is_sentence), quoted.end()
    value = _PAIR_VALUE.match(text, found.end())
    return value and (mask_words(category, value[0], is_sentence=is_sentence), value.end())

"""One personal value → what may be seen of it. Total: whatever the value is, something comes back, and never the whole."""

import re
from collections.abc import Callable
from typing import Final

from shared.contracts.masking.fields import Category

HIDDEN: Final = "***"
CPF_DIGITS: Final = 11
CNPJ_DIGITS: Final = 14
SHORTEST_SHOWN: Final = 6
"""Of a shorter number nothing is shown: its last digits would be half of it."""

_MASKED_NUMBER: Final = re.compile(r"[*.\-/]*\*[*.\-/]*[0-9A-Za-z]{0,4}|\d{3}\*{3}")
_MASKED_WORD: Final = re.compile(r".?\*{3}", re.DOTALL)
_NOT_A_DIGIT: Final = re.compile(r"[^0-9]+")
_NOT_A_LETTER: Final = re.compile(r"[^0-9A-Za-z]+")
_WORD: Final = re.compile(r"\S+")
_TELLING: Final = re.compile(r"[\d@]")


def mask_value(category: Category, text: str) -> str:
    """Return what may be seen of `text`, a value of that category. An empty text stays empty."""
    return _MASKS[category](text) if text.strip() else text


def mask_words(category: Category, text: str, *, is_sentence: bool) -> str:
    """Return what may be seen of `text` after a name: of words that stand for a value, or of a sentence ("firstName: is required").

    In a sentence words in small letters stay; those with digits, `@` or capitals are masked.
    """
    if category == "name":
        return _WORD.sub(lambda word: word[0] if is_sentence and word[0].islower() else mask_name(word[0]), text)
    if category == "hidden" and not is_sentence:
        return HIDDEN
    return _WORD.sub(lambda word: mask_value(category, word[0]) if _TELLING.search(word[0]) else word[0], text)


def mask_name(text: str) -> str:
    """Return each word's first letter: `João da Silva` → `J*** d*** S***`. Also for streets."""
    return _WORD.sub(_initial, text)


def mask_document(text: str) -> str:
    """Return a CPF or CNPJ by its last two digits, in its usual form; another document by its last two characters."""
    if _MASKED_NUMBER.fullmatch(text):
        return text
    digits = _NOT_A_DIGIT.sub("", text)
    if len(digits) == CPF_DIGITS:
        return f"***.***.***-{digits[-2:]}"
    if len(digits) == CNPJ_DIGITS:
        return f"**.***.***/****-{digits[-2:]}"
    return _tail(_NOT_A_LETTER.sub("", text), 2) if digits else HIDDEN


def mask_phone(text: str) -> str:
    """Return the last four digits."""
    return text if _MASKED_NUMBER.fullmatch(text) else _tail(_NOT_A_DIGIT.sub("", text), 4)


def mask_email(text: str) -> str:
    """Return the domain, which is what goes wrong with addresses."""
    _, at, domain = text.replace("%40", "@").rpartition("@")
    return f"{HIDDEN}@{domain}" if at and "." in domain else HIDDEN


def mask_postal(text: str) -> str:
    """Return the first three digits: the region, which decides about delivery."""
    digits = _NOT_A_DIGIT.sub("", text)
    if _MASKED_NUMBER.fullmatch(text):
        return text
    return f"{digits[:3]}{HIDDEN}" if len(digits) >= SHORTEST_SHOWN + 1 else HIDDEN


def _tail(text: str, shown: int) -> str:
    return f"{HIDDEN}{text[-shown:]}" if len(text) >= SHORTEST_SHOWN else HIDDEN


def _initial(word: re.Match[str]) -> str:
    text = word.group()
    if _MASKED_WORD.fullmatch(text):
        return text
    return text[0] + HIDDEN if len(text) > 1 and text[0] != "*" else HIDDEN


_MASKS: Final[dict[Category, Callable[[str], str]]] = {
    "name": mask_name,
    "document": mask_document,
    "email": mask_email,
    "phone": mask_phone,
    "postal": mask_postal,
    "card": mask_phone,
    "hidden": lambda _: HIDDEN,
    "secret": lambda _: HIDDEN,
}

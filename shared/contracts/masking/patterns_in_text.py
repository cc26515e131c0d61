"""What its form alone, or a word right before it, tells to be personal: e-mail addresses, CPF and CNPJ, phones, postal codes, tokens."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from shared.contracts.masking.secrets_in_text import mask_addresses, mask_bearer
from shared.contracts.masking.values import HIDDEN, mask_document, mask_email, mask_phone, mask_postal

_EMAIL: Final = re.compile(
    r"""(?<![^\s@<>"',;:()\[\]{}=&?/\\|%])[^\s@<>"',;:()\[\]{}=&?/\\|%]{1,200}(?:@|%40)(?:[\w-]{1,63}\.){1,6}[\w-]{2,24}"""
)
_FORMATTED: Final = re.compile(
    r"(?<![\w.])(?:\d{3}\.\d{3}\.\d{3}-\d{2}|[\dA-Z]{2}\.[\dA-Z]{3}\.[\dA-Z]{3}/[\dA-Z]{4}-\d{2})(?!\w)"
)
_LABELLED: Final = re.compile(
    r"(?i)\b(?P<label>cpf|cnpj|documento?|rg|tax ?id)(?P<gap>(?:[\s:#=º°.,/(\[\"']|cpf|cnpj|documento?|n[uú]mero|number|n[oº°]|"
    r"inv[aá]lid[oa]?|is|not|n[aã]o|d[aoe]|of|the|cliente?|customer|buyer|comprador){0,12})(?P<number>\d[\d.\-/]{6,18}\d)(?!\w)"
)
_PHONE: Final = re.compile(
    r"(?<![\w.+])(?:\+\d{1,3}[ .-]?(?:\(?\d{2,3}\)?[ .-]?)?\d{4,5}[ .-]?\d{4}|\(\d{2,3}\) ?9?[ .-]?\d{4}[ .-]?\d{4}|\d{2} 9\d{4}-\d{4})(?!\w)"
)
_CALLED: Final = re.compile(
    r"(?i)\b(?P<label>phone|telephone|telefone|tel[eé]fono|celular|whatsapp|fone|tel|mobile)(?P<gap>(?:[\s:#=.]|n[uú]mero|number|is|"
    r"inv[aá]lid[oa]?){0,6})(?P<number>\(?\d[\d ().-]{6,18}\d)(?!\w)"
)
_POSTAL: Final = re.compile(
    r"(?i)\b(?P<label>cep|postal ?code|zip(?: ?code)?)(?P<gap>(?:[\s:#=.]|inv[aá]lido?|number|is){0,6})(?P<number>\d{5}-?\d{3})(?!\w)"
)
_TOKEN: Final = re.compile(
    r"(?i)\b(basic)(\s{1,4}|%20)(?=[\w.~+/=-]{0,200}[\d=])[\w.~+/=-]{8,}|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
)

_NUMBERS: Final[tuple[tuple[tuple[str, ...], re.Pattern[str], Callable[[str], str]], ...]] = (
    (("cpf", "cnpj", "document", "rg", "tax"), _LABELLED, mask_document),
    (("phone", "tel", "celular", "whatsapp", "fone", "mobile"), _CALLED, mask_phone),
    (("cep", "postal", "zip"), _POSTAL, mask_postal),
)
"""Words without which a pattern cannot match, the pattern, the mask: looking for a word is a tenth of trying a pattern."""


def mask_patterns(text: str) -> str:
    """Return `text` without what needs no name of a field to be known."""
    folded = text.casefold()
    if "@" in text and ":" in text:
        text = mask_addresses(text)
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(lambda found: mask_email(found.group()), text)
    if "-" in text:
        text = _FORMATTED.sub(lambda found: _formatted(found.group()), text)
    for words, pattern, mask in _NUMBERS:
        if any(word in folded for word in words):
            text = pattern.sub(partial(_labelled, mask), text)
    if "+" in text or "-" in text or "(" in text:
        text = _PHONE.sub(lambda found: mask_phone(found.group()), text)
    if "bearer" in folded:
        text = mask_bearer(text)
    if "basic" in folded or "eyj" in folded:
        text = _TOKEN.sub(lambda found: f"{found[1]}{found[2]}{HIDDEN}" if found[1] else HIDDEN, text)
    return text


def _formatted(number: str) -> str:
    # Since 2026 a CNPJ may hold letters; its form alone tells it.
    return f"**.***.***/****-{number[-2:]}" if "/" in number else mask_document(number)


def _labelled(mask: Callable[[str], str], found: re.Match[str]) -> str:
    return f"{found['label']}{found['gap']}{mask(found['number'])}"

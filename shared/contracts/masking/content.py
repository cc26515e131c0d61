"""A payload, a request or a response: any JSON value → the same value with personal data masked. Its shape stays."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from shared.contracts.masking.fields import (
    Category,
    category_by_label,
    category_of,
    is_about_a_person,
    is_impersonal,
    normal,
)
from shared.contracts.masking.secrets_in_text import is_said
from shared.contracts.masking.values import CNPJ_DIGITS, CPF_DIGITS, HIDDEN, mask_document, mask_name, mask_value

LABELS: Final = frozenset(
    ("name", "key", "type", "field", "fieldname", "label", "id", "nome", "chave", "tipo", "campo")
)
VALUES: Final = frozenset(
    ("value", "values", "number", "content", "fieldvalue", "fieldvalues", "valor", "valores", "numero")
)
LONG_NUMBER: Final = 8
"""Below a person, a number of so many digits is a phone or a document under a name that we do not know."""

_PAIR: Final = 2
_SHOWN: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].{0,40})?|\*{3}\.\*{3}\.\*{3}-\d\d|\*\*\.\*{3}\.\*{3}/\*{4}-\d\d")
"""A date, and a CPF or CNPJ that was masked before."""


Text = Callable[[str], str]


def mask_with(text: Text, value: Any) -> Any:
    """Return `value` with personal data masked; `text` masks what stands in a field that nothing is known of."""
    return _Masking(text).of(value, None, about_a_person=False)


class _Masking:
    def __init__(self, text: Text) -> None:
        self._text = text

    def of(self, value: Any, category: Category | None, *, about_a_person: bool) -> Any:
        if isinstance(value, Mapping):
            if category == "secret":
                return self._secrets(value)
            return self._fields(value, about_a_person=about_a_person or category is not None)
        if isinstance(value, (list, tuple)):
            return self._items(value, category, about_a_person=about_a_person)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return mask_value(category, value) if category else self._unnamed(value, about_a_person=about_a_person)
        return self._number(value, category, about_a_person=about_a_person)

    def _fields(self, fields: Mapping[Any, Any], *, about_a_person: bool) -> dict[str, Any]:
        labelled = _labelled(fields)
        masked: dict[str, Any] = {}
        for name, value in fields.items():
            shown = _free(self._text(str(name)), masked)
            masked[shown] = self._field(str(name), value, labelled, about_a_person=about_a_person)
        return masked

    def _items(self, items: Sequence[Any], category: Category | None, *, about_a_person: bool) -> list[Any]:
        if category is None and _are_pairs(items):
            return [
                [self._text(name), self._field(name, told, None, about_a_person=about_a_person)] for name, told in items
            ]
        shown = [self.of(item, category, about_a_person=about_a_person) for item in items]
        if category is None:
            # Headers, one after the other as some libraries list them: name, value, name, value.
            for at, (name, told) in enumerate(pairwise(items), 1):
                if (
                    isinstance(told, str)
                    and isinstance(name, str)
                    and category_of(name) == "secret"
                    and not is_said(told)
                ):
                    shown[at] = HIDDEN
        return shown

    def _secrets(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        # Below `cookies` or `credentials` no name is harmless: a session's id is the session.
        masked: dict[str, Any] = {}
        for name, value in fields.items():
            masked[_free(self._text(str(name)), masked)] = self.of(value, "secret", about_a_person=True)
        return masked

    def _field(self, name: str, value: Any, labelled: Category | None, *, about_a_person: bool) -> Any:
        category = category_of(name)
        below = is_about_a_person(name)
        if category is None and labelled is not None and normal(name) in VALUES:
            category = labelled
        if category is None and isinstance(value, str) and below:
            category = "name"
        if category is None and about_a_person and is_impersonal(name) and not isinstance(value, (Mapping, list)):
            return self._kept(name, value)
        if (
            category is None
            and about_a_person
            and normal(name) in VALUES
            and not isinstance(value, (Mapping, list, bool))
        ):
            return value if value is None else mask_document(str(value))
        return self.of(value, category, about_a_person=about_a_person or below)

    def _kept(self, name: str, value: Any) -> Any:
        if _is_own_number(name, str(value)):
            return mask_document(str(value))
        return self._text(value) if isinstance(value, str) else value

    def _unnamed(self, text: str, *, about_a_person: bool) -> str:
        return _mask_unnamed(text) if about_a_person and text.strip() else self._text(text)

    def _number(self, value: Any, category: Category | None, *, about_a_person: bool) -> Any:
        if category is not None:
            return mask_value(category, str(value))
        return HIDDEN if about_a_person and len(str(value)) >= LONG_NUMBER else value


def mask_described(name: str, text: str) -> str:
    """Return what may be seen of a text below a person, in a field of whose `name` nothing else is known; an id stays as it is."""
    if is_impersonal(name):
        return mask_document(text) if _is_own_number(name, text) else text
    return mask_document(text) if normal(name) in VALUES else _mask_unnamed(text)


def mask_described_number(name: str, number: str) -> str:
    """Return the same of a number; a short one stays."""
    is_known = is_impersonal(name) or normal(name) in VALUES
    if is_known or len(number) < LONG_NUMBER:
        return mask_described(name, number) if is_known else number
    return HIDDEN


def _is_own_number(name: str, text: str) -> bool:
    # An id beside a person's name is kept, unless the marketplace took the person's own number for it.
    return is_tax_number(text) and "order" not in normal(name) and "pedido" not in normal(name)


def _mask_unnamed(text: str) -> str:
    if _SHOWN.fullmatch(text.strip()):
        return text
    return mask_document(text) if is_tax_number(text) else mask_name(text)


def _are_pairs(items: Sequence[Any]) -> bool:
    """Say whether a list holds pairs of a name and a value, which some libraries make of headers and forms."""
    return bool(items) and all(
        isinstance(item, (list, tuple)) and len(item) == _PAIR and isinstance(item[0], str) for item in items
    )


def is_tax_number(text: str) -> bool:
    """Say whether `text` is a bare CPF or CNPJ: 11 or 14 digits whose check digits are right."""
    if not (text.isascii() and text.isdigit()) or len(set(text)) == 1:
        return False
    cycle = {CPF_DIGITS: 10, CNPJ_DIGITS: 8}.get(len(text), 0)
    return cycle > 0 and all(
        int(text[end]) == _check_digit(text[:end], cycle) for end in (len(text) - 2, len(text) - 1)
    )


def _check_digit(digits: str, cycle: int) -> int:
    """Weights from the right: 2, 3, …; a CNPJ's begin again after 9."""
    weighted = (int(digit) * (2 + position % cycle) for position, digit in enumerate(reversed(digits)))
    return (11 - sum(weighted) % 11) % 11 % 10


def _labelled(fields: Mapping[Any, Any]) -> Category | None:
    """Return the category that one field of a pair names for the other: {"type": "CPF", "number": …}."""
    for label, named in fields.items():
        if isinstance(named, str) and normal(str(label)) in LABELS and (category := category_by_label(named)):
            return category
    return None


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return `name`, told apart where two names are masked to the same."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free

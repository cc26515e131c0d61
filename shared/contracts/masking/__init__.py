"""Personal data, hidden but recognisable: `João Silva` → `J*** S***`, `ana@example.com` → `***@example.com`, a CPF → `***.***.***-91`.

By the *name* of a field, in any casing and in English, Portuguese or Spanish (`fields.py`), and in text by *patterns* that cannot be
an order id or a SKU (`patterns_in_text.py`). What is left of a value: `values.py`. JSON values are masked by `content.py`, text by `text.py`,
which has every way to write looked for, each by the file that is called after it: `…_in_text.py`. Masking what is masked changes nothing.
Shown values are masked unless someone with the scope `admin` asks to see them; an integration may ask for masking before anything is
stored (decision "retention and personal data").
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from shared.contracts.masking.content import is_tax_number, mask_with
from shared.contracts.masking.text import mask_text
from shared.contracts.masking.values import mask_document

__all__ = ["mask_causes", "mask_content", "mask_field", "mask_text"]

_WHICH: Final = frozenset(("code", "field"))
_USUAL_FIELDS: Final = _WHICH | {"message", "evidence"}
"""A cause that has no others, and no evidence, is masked as any would be, in a fifth of the time: a list shows many."""

_USUAL_LENGTH: Final = 500
"""Characters of messages whose masked form is remembered: the same page is looked at again and again."""

_mask_usual: Final = lru_cache(4096)(mask_text)
"""Some megabytes, when full."""


def mask_content(value: Any) -> Any:
    """Return a payload, a request or an answer, any JSON value, with personal data masked; its shape stays."""
    return mask_with(mask_text, value)


def mask_field(field: Any) -> Any:
    """Return a cause's `field` masked as text. It is no id: digits alone that make a CPF or CNPJ are one."""
    if not isinstance(field, str):
        return mask_content(field)
    return mask_document(field) if is_tax_number(field) else _mask_short(field)


def mask_causes(causes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return causes with masked messages, evidence and further fields, and `field`, where someone wrote more than a name. `code` stays."""
    return [_mask_cause(cause) for cause in causes]


def _mask_cause(cause: Mapping[str, Any]) -> dict[str, Any]:
    if cause.keys() <= _USUAL_FIELDS and isinstance(cause.get("message"), str) and cause.get("evidence") is None:
        masked = {**cause, "message": _mask_short(cause["message"])}
    else:
        told = {name: value for name, value in cause.items() if name in _WHICH}
        masked = {**mask_content({name: value for name, value in cause.items() if name not in told}), **told}
    return {**masked, "field": mask_field(cause["field"])} if cause.get("field") is not None else masked


def _mask_short(text: str) -> str:
    return _mask_usual(text) if len(text) <= _USUAL_LENGTH else mask_text(text)

"""JSON in text that nothing can parse any more, cut or printed by a program (`{'cpf': …}`, `"cpf" => …`), also as text within other JSON.

And what PHP makes of a value for itself, `s:3:"cpf";s:11:"…"`: the lengths stay as they were, and nothing needs them.
"""

import re
from typing import Final

from shared.contracts.masking.content import mask_described, mask_described_number
from shared.contracts.masking.fields import Category, category_of, is_about_a_person, is_impersonal
from shared.contracts.masking.people_in_text import between_brackets, description_at, names_a_person
from shared.contracts.masking.values import HIDDEN, mask_value

_QUOTED: Final = re.compile(
    r"""(?P<q>(?P<escape>\\{0,7})["'])(?P<key>[\w .\-]{1,40})(?P=q)(?:\s{0,4}[:=]>?\s{0,4}|;(?:s:\d{1,9}|[id]):)"""
    r"""(?:(?P=q)(?P<text>(?:[^\\"']++|(?P=escape)\\(?P=q)|(?!(?P=q))(?:\\.|[^\\])){1,4000})|(?P<number>-?\d[\d.]{3,30})|(?P<list>\[[^\[\]{}]{1,4000}\]?))""",
    re.DOTALL,
)
"""A quote within the value is escaped once more than those around it."""


def mask_cut_json(text: str) -> str:
    """Return `text` without what stands behind a quoted name that says it is personal."""
    return _mask_within(text, 0, len(text))


def _mask_within(text: str, start: int, end: int) -> str:
    """Return what to show of a stretch of `text`."""
    shown: list[str] = []
    for found in _QUOTED.finditer(text, start, end):
        shown += [text[start : found.start()], _quoted(found)]
        start = found.end()
    return "".join([*shown, text[start:end]])


def _quoted(found: re.Match[str]) -> str:
    key = found["key"]
    category: Category | None = category_of(key)
    if category is None and (is_about_a_person(key) or names_a_person(key, found)):
        category = "name"
    if category is not None:
        return _shown(found, mask_value(category, found["text"] or found["number"] or HIDDEN))
    if description_at(found.start(), between_brackets(found.string)) and (masked := _masked_described(found)):
        return _shown(found, masked)
    return _with_quoted_within(found)


def _masked_described(found: re.Match[str]) -> str | None:
    """Return what to show of a value that describes a person, None where that is all of it."""
    key, text, number = found["key"], found["text"], found["number"]
    if found["list"]:
        return None if is_impersonal(key) else HIDDEN
    masked = mask_described(key, text) if text else mask_described_number(key, number)
    return None if masked == (text or number) else masked


def _shown(found: re.Match[str], masked: str) -> str:
    kind = found.lastgroup or "text"
    before = found.group()[: found.start(kind) - found.start()]
    return before + {"text": masked, "number": f'"{masked}"', "list": f'["{HIDDEN}"]'}[kind]


def _with_quoted_within(found: re.Match[str]) -> str:
    """Return a value that says nothing by its own name, without what is personal in the JSON that it may be the text of."""
    inner = found["text"] or ""
    if '"' not in inner and "'" not in inner:
        return found.group()
    # The rest of it is not written in these quotes: each level has its own, so few are within others.
    start, end = found.span("text")
    return found.string[found.start() : start] + _mask_within(found.string, start, end)

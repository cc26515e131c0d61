"""JSON in text that nothing can parse any more, cut or printed by a program (`{'cpf': …}`, `"cpf" => …`), also as text within other JSON."""

import re
from typing import Final

from shared.contracts.masking.fields import Category, category_of, is_about_a_person
from shared.contracts.masking.people_in_text import names_a_person
from shared.contracts.masking.values import HIDDEN, mask_value

_QUOTED: Final = re.compile(
    r"""(?P<q>\\{0,7}["'])(?P<key>[\w .\-]{1,40})(?P=q)\s{0,4}[:=]>?\s{0,4}"""
    r"""(?:(?P=q)(?P<text>(?:(?!(?P=q))(?:\\.|[^\\])){1,4000})|(?P<number>-?\d[\d.]{3,30})|(?P<list>\[[^\[\]{}]{1,4000}\]?))""",
    re.DOTALL,
)


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
    if category is None:
        return _with_quoted_within(found)
    written = found["text"] or found["number"]
    if written is None:
        return f'{found.group()[: found.start("list") - found.start()]}["{HIDDEN}"]'
    start = found.start("text" if found["text"] else "number") - found.start()
    masked = mask_value(category, written)
    return found.group()[:start] + (masked if found["text"] else f'"{masked}"')


def _with_quoted_within(found: re.Match[str]) -> str:
    """Return a value that says nothing by its own name, without what is personal in the JSON that it may be the text of."""
    inner = found["text"] or ""
    if '"' not in inner and "'" not in inner:
        return found.group()
    # The rest of it is not written in these quotes: each level has its own, so few are within others.
    start, end = found.span("text")
    return found.string[found.start() : start] + _mask_within(found.string, start, end)

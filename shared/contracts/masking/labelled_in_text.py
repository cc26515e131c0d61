"""A value in text that a member beside it names: `<value>Maria</value><name>receiverName</name>`, in either order.

In whole JSON the members of an object name each other (`content.py`). In text, cut or of another kind, those do between which stands a comma,
a closing tag or the like, and nothing else: so the end of an object or an element parts them from the next one's. Where no such ends are,
`value=Maria; name=receiverName; value=…`, they are pairs from the first member on. Time grows with the length of the text alone.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Final

from shared.contracts.masking.fields import Category, category_by_label
from shared.contracts.masking.secrets_in_text import explains
from shared.contracts.masking.values import HIDDEN, mask_value, mask_words
from shared.contracts.masking.xml_in_text import CDATA, CONTENT

LABEL: Final = r"field[ _.\-]?name|name|key|type|field|label|id|nome|chave|tipo|campo"
VALUE: Final = r"(?:field[ _.\-]?)?values?|number|content|valor(?:es)?|n[uú]mero"
"""LABELS and VALUES of `content.py` as they stand in text; a test holds them against each other."""

LONGEST_GAP: Final = 80
"""Characters between two members of a pair: a closing tag with its namespace, and the blanks before an indented line."""

_KEY: Final = rf"(?:(?P<label>{LABEL})|{VALUE})"
_VALUE: Final = re.compile(f"(?i){VALUE}")
_NAME: Final = re.compile(r"[\w .\-]{1,40}")

Member = re.Match[str]
"""A name, by the group `label` if it is a label's, and what is `written` as its value."""


@dataclass(frozen=True, slots=True)
class _Form:
    """A way to write members, known by one of `marks`; `between` is all that may part two that belong together."""

    marks: str
    member: re.Pattern[str]
    between: re.Pattern[str]
    mask: Callable[[Category, Member], str]


def mask_labelled(text: str) -> str:
    """Return `text` without the values that a label right before or behind them says to be personal."""
    if _VALUE.search(text) is None:
        return text
    for form in _FORMS:
        if any(mark in text for mark in form.marks):
            text = _mask_form(form, text)
    return text


def _mask_form(form: _Form, text: str) -> str:
    shown: list[str] = []
    done = 0
    for run in _runs(form, text):
        for category, value in _personal(run):
            start, end = value.span("written")
            shown += [text[done:start], form.mask(category, value)]
            done = end
    return "".join([*shown, text[done:]])


def _runs(form: _Form, text: str) -> Iterator[list[Member]]:
    """Yield the members that follow each other with nothing else between them."""
    run: list[Member] = []
    for member in form.member.finditer(text):
        gap = member.start() - run[-1].end() if run else 0
        if run and (gap > LONGEST_GAP or not form.between.fullmatch(text, run[-1].end(), member.start())):
            yield run
            run = []
        run.append(member)
    yield run


def _personal(run: Sequence[Member]) -> Iterator[tuple[Category, Member]]:
    """Yield the values of a run that are personal, in order, each with what it is."""
    sides = [list(side) for _, side in groupby(run, key=_is_label)]
    nothing: list[Member] = []
    category, values = _category_of(nothing), nothing
    for side, other in zip_longest(sides[::2], sides[1::2], fillvalue=nothing):
        labels, told = (side, other) if _is_label(side[0]) else (other, side)
        if not told and category is None:  # a label left over is of the values before it, if theirs says nothing
            told = values
        category, values = _category_of(labels), told
        if category is not None:
            yield from ((category, value) for value in values)


def _is_label(member: Member) -> bool:
    return member["label"] is not None


def _category_of(labels: Sequence[Member]) -> Category | None:
    named = (label["written"].strip("\\\"' \t\r") for label in labels)
    return next((found for name in named if _NAME.fullmatch(name) and (found := category_by_label(name))), None)


def _mask_quoted(category: Category, member: Member) -> str:
    written, quote = member["written"], member["q"]
    if written.startswith("["):
        return f"[{quote}{HIDDEN}{quote}]"
    is_cut = written.startswith(quote) and not written.endswith(quote)
    masked = mask_value(category, written.removeprefix(quote).removesuffix(quote))
    return f"{quote}{masked}{'' if is_cut else quote}"


def _mask_tagged(category: Category, member: Member) -> str:
    return mask_value(category, member["written"])


def _mask_bare(category: Category, member: Member) -> str:
    written, is_sentence = member["written"], member["is"] == ":"
    if member["q"]:
        return _mask_quoted(category, member)
    if category == "secret":
        return written if is_sentence and explains(written, 0) else HIDDEN
    return mask_words(category, written, is_sentence=is_sentence)


_FORMS: Final = (
    _Form(
        marks="\"'",
        member=re.compile(
            rf"""(?is)(?P<q>(?P<escape>\\{{0,7}})["']){_KEY}(?P=q)\s{{0,4}}[:=]>?\s{{0,4}}"""
            r"""(?P<written>(?P=q)(?:[^\\"']++|(?P=escape)\\(?P=q)|(?!(?P=q))(?:\\.|[^\\])){1,4000}(?:(?P=q))?|-?\d[\d.]{0,30}|\[[^\[\]{}]{1,4000}\]?)"""
        ),
        between=re.compile(r"\s{0,4},\s{0,40}"),
        mask=_mask_quoted,
    ),
    _Form(
        marks="<",
        member=re.compile(rf"(?i)<(?:\w{{1,20}}:)?{_KEY}(?:\s[^<>]{{0,200}})?>{CDATA}(?P<written>{CONTENT})"),
        between=re.compile(r"(?:\]\]>\s{0,30})?<\\{0,3}/[\w.:\-]{1,45}>\s{0,30}"),
        mask=_mask_tagged,
    ),
    _Form(
        marks="=:",
        member=re.compile(
            rf"(?i)(?<![\w.\-]){_KEY}[ \t]?(?P<is>=>|[=:])[ \t]?"
            r"""(?P<written>(?P<q>["'])[^"'<>\n]{1,200}(?P=q)|"""
            r"""(?:(?!\s{1,4}[\w.\-]{1,40}=)[^&;,|"'<>\n{}\[\]\\]){1,200})"""
        ),
        between=re.compile(r"[ \t\r]{0,4}(?:[;,|]|&(?:amp;)?)?[ \t\r]{0,4}\n?[ \t]{0,30}"),
        mask=_mask_bare,
    ),
)

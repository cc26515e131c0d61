"""Personal data in running text: in messages, and in requests and answers that came as text, whole or cut.

A number alone says nothing of whose it is: eleven digits are as likely an order as a CPF. So a bare number is personal only under a
name (`"cpf": …`, `CPF 123…`), or in a form that only such numbers have (`123.456.789-09`, `(11) 98765-4321`, `+5511…`). Names of people
in a sentence cannot be told from other words and stay; of secrets words go, too (`secrets_in_text.py`). Time grows with the length of
the text alone: every pattern is bounded, or what it took is not looked at again.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final
from xml.sax.saxutils import escape, unescape

import orjson

from shared.contracts.masking.content import mask_with
from shared.contracts.masking.fields import Category, category_of, is_about_a_person
from shared.contracts.masking.labelled_in_text import CDATA, CONTENT, mask_labelled
from shared.contracts.masking.secrets_in_text import mask_addresses, mask_bearer, mask_listed, mask_secret
from shared.contracts.masking.values import (
    HIDDEN,
    mask_document,
    mask_email,
    mask_phone,
    mask_postal,
    mask_value,
    mask_words,
)

_HARMLESS: Final = re.compile(r"[^0-9@=:<%&\[]*")
"""Most messages: words alone. Nothing below finds anything in them, but for what follows one word."""

_BEFORE_JSON: Final = "\ufeff \t\r\n"
"""What some servers send before it: a byte order mark, a line's end."""

_QUOTED: Final = re.compile(
    r"""(?P<q>\\{0,7}["'])(?P<key>[\w .\-]{1,40})(?P=q)\s{0,4}[:=]>?\s{0,4}"""
    r"""(?:(?P=q)(?P<text>(?:(?!(?P=q))(?:\\.|[^\\])){1,4000})|(?P<number>-?\d[\d.]{3,30})|(?P<list>\[[^\[\]{}]{1,4000}\]?))""",
    re.DOTALL,
)
_TAG: Final = re.compile(
    rf"(<(?:\w{{1,20}}:)?(?P<key>[\w.\-]{{1,40}})(?:\s[^<>]{{0,200}})?>{CDATA})(?P<text>{CONTENT})"
)
_NAMED_TAG: Final = re.compile(
    r"""(?i)(<[\w:.\-]{1,40}\s(?:[^<>]{0,200}?\s)?(?:name|key|field|label|nome|chave|campo)\s?=\s?(?P<q>\\{0,7}["'])"""
    r"""(?P<key>[\w .\-]{1,40})(?P=q)[^<>]{0,200}(?<!/)>"""
    rf"{CDATA})(?P<text>{CONTENT})"
)
"""An element that an attribute says the meaning of: `<field name="receiverName">Ana</field>`. What an `id` says is a place on a page."""

_OPEN_TAG: Final = re.compile(r"<(?:\w{1,20}:)?(?P<key>[\w.\-]{1,40})\s[^<>]{1,1000}")
_NAME_WITHIN: Final = re.compile(
    r"""(?i)(?P<is>\s(?:name|nome|nombre)\s?=\s?(?P<q>\\{0,7}["']))(?P<text>(?:(?!(?P=q))(?:\\.|[^\\<>\n])){1,200})"""
)
"""Below a person it is one's: `<buyer name="Ana"/>`."""

_PAIR: Final = re.compile(
    r"(?<![\w.])(?P<key>\w[\w.\-]{0,39})(?:\\{0,7}[\"'])?\]?(?:[ \t]{0,8}(?==>)|\s?)(?P<is>=>|[=:])(?:(?<=>)[ \t]{0,8}|\s?)"
)
_PAIR_VALUE: Final = re.compile(r"[^&;,|\"'<>\n{}\[\]\\]{1,200}")
_PAIR_QUOTED: Final = re.compile(r"""(?P<q>\\{0,7}["'])(?P<text>(?:(?!(?P=q))(?:\\.|[^\\<>\n])){1,200})""")
"""The same in quotes, as attributes have it: `firstName="Ana"`."""

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

_SIGNS: Final = {"&quot;": '"', "&apos;": "'", "&#34;": '"', "&#39;": "'", "&#60;": "<", "&#62;": ">"}
"""What an escaped sign stands for, beside those that `unescape` knows."""

_ESCAPED_SIGN: Final = re.compile("&(?:amp;){0,3}(?:lt|gt|quot|apos|#34|#39|#60|#62);")
_QUOTES: Final = {'"': "&quot;"}
_STRETCH: Final = re.compile(r"[^<>]+")
MOST_LEVELS: Final = 3
"""An order's XML in a SOAP envelope in another's text."""

NEARBY: Final = 2000
"""So many characters back we look for what a bare `name` in a cut text belongs to."""


def mask_text(text: str) -> str:
    """Return `text` with what is certainly personal masked; a whole JSON document in it is masked as one."""
    if _HARMLESS.fullmatch(text):
        return mask_bearer(text) if "bearer" in text.casefold() else text
    written = text.lstrip(_BEFORE_JSON)
    if written[:1] in {"{", "["} and (masked := _masked_json(written)) is not None:
        return text if masked == written else masked
    return _mask_writing(_mask_enclosed(text), MOST_LEVELS)


def _mask_enclosed(text: str) -> str:
    """Return a sentence about JSON, `Bad request: {"buyer": …}`, with that masked by its fields."""
    start, end = text.find("{"), text.rfind("}") + 1
    masked = _masked_json(text[start:end]) if 0 <= start < end else None
    return text if masked is None else text[:start] + masked + text[end:]


def _mask_writing(text: str, levels: int) -> str:
    """Return text that is no whole JSON masked, and what is escaped in it so many levels deep."""
    if levels and _ESCAPED_SIGN.search(text):
        text = _STRETCH.sub(partial(_mask_escaped, levels), text)
    return _mask_patterns(_mask_pairs(text))


def _mask_escaped(levels: int, found: re.Match[str]) -> str:
    """Return a stretch without tags masked as what it stands for, and escaped again: `&lt;cpf&gt;…`, `{&quot;cpf&quot;: …`."""
    written = found.group()
    if not _ESCAPED_SIGN.search(written):
        return written
    plain = unescape(written, _SIGNS)
    masked = _mask_writing(plain, levels - 1)
    return written if masked == plain else escape(masked, _QUOTES if "&quot;" in written else {})


def _masked_json(text: str) -> str | None:
    """Return a JSON document masked by its fields; None for what is none, or is nested deeper than we can follow."""
    try:
        value = orjson.loads(text)
        masked = mask_with(mask_text, value)
        return text if masked == value else orjson.dumps(masked).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None


def _mask_pairs(text: str) -> str:
    text = mask_labelled(text)
    if '"' in text or "'" in text:
        text = mask_listed(_mask_quoted(text, 0, len(text)))
    if "<" in text:
        text = _OPEN_TAG.sub(_open_tag, _NAMED_TAG.sub(_tag, _TAG.sub(_tag, text)))
    return _mask_named(text) if "=" in text or ":" in text else text


def _mask_patterns(text: str) -> str:
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


def _mask_quoted(text: str, start: int, end: int) -> str:
    """Return what to show of a stretch of `text`: of what stands quoted behind a quoted name."""
    shown: list[str] = []
    for found in _QUOTED.finditer(text, start, end):
        shown += [text[start : found.start()], _quoted(found)]
        start = found.end()
    return "".join([*shown, text[start:end]])


def _quoted(found: re.Match[str]) -> str:
    key = found["key"]
    category: Category | None = category_of(key)
    if category is None and (is_about_a_person(key) or _names_a_person(key, found)):
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
    return found.string[found.start() : start] + _mask_quoted(found.string, start, end)


def _names_a_person(key: str, found: re.Match[str]) -> bool:
    if key.casefold() not in {"name", "nome", "nombre"}:
        return False
    ends = _people_in(found.string)
    before = bisect_right(ends, found.start())
    return before > 0 and ends[before - 1] > found.start() - NEARBY


@lru_cache(1)  # a text may name thousands of things, and each of them asks
def _people_in(text: str) -> list[int]:
    """Return where the words end that tell of a person."""
    return [word.end() for word in re.finditer(r"[\w.\-]{4,40}", text) if is_about_a_person(word.group())]


def _tag(found: re.Match[str]) -> str:
    category = category_of(found["key"]) or ("name" if _names_a_person(found["key"], found) else None)
    if category is None or not found["text"].strip():
        return found.group()
    return found[1] + mask_value(category, found["text"])


def _open_tag(found: re.Match[str]) -> str:
    return _NAME_WITHIN.sub(_name_within, found.group()) if is_about_a_person(found["key"]) else found.group()


def _name_within(found: re.Match[str]) -> str:
    # `<contact name="email">` says what is in it.
    is_label = category_of(found["text"]) or is_about_a_person(found["text"])
    return found.group() if is_label else found["is"] + mask_value("name", found["text"])


def _mask_named(text: str) -> str:
    """Mask `cpf=…` and `E-mail: …`."""
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


def _formatted(number: str) -> str:
    # Since 2026 a CNPJ may hold letters; its form alone tells it.
    return f"**.***.***/****-{number[-2:]}" if "/" in number else mask_document(number)


def _labelled(mask: Callable[[str], str], found: re.Match[str]) -> str:
    return f"{found['label']}{found['gap']}{mask(found['number'])}"

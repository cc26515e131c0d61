"""Personal data in running text: in messages, and in requests and answers that came as text, whole or cut.

A number alone says nothing of whose it is: eleven digits are as likely an order as a CPF. So a bare number is personal only under a
name (`"cpf": …`, `CPF 123…`), or in a form that only such numbers have (`123.456.789-09`, `(11) 98765-4321`, `+5511…`). Names of people
in a sentence cannot be told from other words and stay, but for those right behind a word for a person (`buyer: Maria Souza is invalid`):
behind a bare `name:` a product's stands as often, and has to be read. Of secrets words go, too (`secrets_in_text.py`). Time grows with
the length of the text alone: every pattern is bounded, or what it took is not looked at again.
"""

import re
from functools import partial
from typing import Final
from urllib.parse import quote_plus, unquote_plus
from xml.sax.saxutils import escape, unescape

import orjson

from shared.contracts.masking.content import mask_with
from shared.contracts.masking.json_in_text import mask_cut_json
from shared.contracts.masking.labelled_in_text import mask_labelled
from shared.contracts.masking.multipart_in_text import mask_multipart
from shared.contracts.masking.pairs_in_text import mask_pairs
from shared.contracts.masking.patterns_in_text import mask_patterns
from shared.contracts.masking.people_in_text import is_anybody_printed
from shared.contracts.masking.secrets_in_text import mask_bearer, mask_listed
from shared.contracts.masking.xml_in_text import mask_xml
from shared.contracts.read_json import read_json

_HARMLESS: Final = re.compile(r"[^0-9@=:<%&\[]*")
"""Most messages: words alone. Nothing below finds anything in them, but for what follows one word."""

_BEFORE_JSON: Final = "\ufeff \t\r\n"
"""What some servers send before it: a byte order mark, a line's end."""

_SIGNS: Final = {"&quot;": '"', "&apos;": "'", "&#34;": '"', "&#39;": "'", "&#60;": "<", "&#62;": ">"}
"""What an escaped sign stands for, beside those that `unescape` knows."""

_ESCAPED_SIGN: Final = re.compile("&(?:amp;){0,3}(?:lt|gt|quot|apos|#34|#39|#60|#62);")
_QUOTES: Final = {'"': "&quot;"}
_STRETCH: Final = re.compile(r"[^<>]+")

_PERCENT: Final = re.compile("%(?:25){0,3}(?:22|3[Cc]|5[Bb]|7[Bb])")
"""A quote or an opening bracket in an address or a form: `data=%7B%22cpf%22…`, `buyer%5Bname%5D=…`."""

_VALUE_OF_FORM: Final = re.compile(r"[^&\s\"'<>\\]+")
_SIGNS_OF_ADDRESSES: Final = ":/?@,;()[]{}$!#"

_JSON_SIGN: Final = re.compile(r"(\\{1,8})u00([2-46][\da-fA-F]|5[\dabd-fABD-F]|7[\da-eA-E]|[a-fA-F][\da-fA-F])")
"""A sign that need not be escaped in JSON, but is by some libraries: `\\u003c` for `<`, `\\u0022` for `"`, `\\u00e7` for `ç`."""

MOST_LEVELS: Final = 3
"""An order's XML in a SOAP envelope in another's text."""


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
    if "u00" in text and (readable := _JSON_SIGN.sub(_json_sign, text)) != text:
        masked = _mask_writing(readable, levels)
        return text if masked == readable else masked
    if levels and "%" in text and _PERCENT.search(text):
        text = _VALUE_OF_FORM.sub(partial(_mask_percent, levels), text)
    if levels and _ESCAPED_SIGN.search(text):
        text = _STRETCH.sub(partial(_mask_escaped, levels), text)
    return mask_patterns(_mask_named(text))


def _mask_escaped(levels: int, found: re.Match[str]) -> str:
    """Return a stretch without tags masked as what it stands for, and escaped again: `&lt;cpf&gt;…`, `{&quot;cpf&quot;: …`."""
    written = found.group()
    if not _ESCAPED_SIGN.search(written):
        return written
    plain = unescape(written, _SIGNS)
    masked = _mask_writing(plain, levels - 1)
    return written if masked == plain else escape(masked, _QUOTES if "&quot;" in written else {})


def _mask_percent(levels: int, found: re.Match[str]) -> str:
    """Return a part of an address or a form masked as what it stands for, and escaped again."""
    written = found.group()
    if not _PERCENT.search(written):
        return written
    plain = unquote_plus(written, errors="surrogateescape")
    masked = _mask_writing(_mask_enclosed(plain), levels - 1)
    if masked == plain:
        return written
    was = written.upper()
    safe = "*=" + "".join(sign for sign in _SIGNS_OF_ADDRESSES if sign in was and f"%{ord(sign):X}" not in was)
    return quote_plus(masked, safe=safe, errors="surrogateescape")


def _json_sign(found: re.Match[str]) -> str:
    sign = chr(int(found[2], 16))
    # Each level of JSON in JSON doubles the backslashes, and adds one for the quote.
    return "\\" * (2 * len(found[1]) - 1) + sign if sign == '"' else sign


def _masked_json(text: str) -> str | None:
    """Return a JSON document masked by its fields; None for what is none, or is nested deeper than we can follow."""
    try:
        value = read_json(text)
        masked = mask_with(mask_text, value)
        return text if masked == value else orjson.dumps(masked).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return None


def _mask_named(text: str) -> str:
    text = mask_labelled(text)
    if "form-data" in text:
        text = mask_multipart(text)
    is_printed = is_anybody_printed(text)
    if '"' in text or "'" in text:
        text = mask_listed(mask_cut_json(text))
    if "<" in text:
        text = mask_xml(text)
    return mask_pairs(text, is_anybody_printed=is_printed) if "=" in text or ":" in text else text

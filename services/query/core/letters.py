"""Dead letters as they may be seen: personal data masked, and bytes that no rule can read withheld.

A letter is what nobody could read, so its masking is stricter than an entry's: JSON that does not parse has no fields to go by,
and everything in it but the names of its fields and a few plain ids is masked.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import orjson

from shared.contracts.dead_letters import Letter
from shared.contracts.masking import mask_content, mask_text
from shared.contracts.masking.content import is_tax_number
from shared.contracts.masking.fields import category_of, is_impersonal
from shared.contracts.masking.values import HIDDEN
from shared.contracts.read_json import read_json

Encoding = Literal["utf-8", "base64", "withheld"]

MARK: Final = "\ufeff"
ENVELOPE: Final = frozenset(("account", "kind", "affiliate", "code", "specversion", "source", "marketplace"))
"""Fields that say which item it was; of what else a broken document holds, only ids, dates and kinds stay."""

_TOKEN: Final = re.compile(
    r'"(?P<key>[\w.$@-]{1,60})"(?P<is>\s{0,20}:\s{0,20})'
    r'(?:"(?P<text>[\w .:/+-]{0,64})"(?=\s{0,20}[,}\]])|(?P<number>-?\d[\d.]{0,6})(?=\s{0,20}[,}\]]))?'
    r"|(?P<word>[^\s\"'\\{}\[\],:]+)"
)
_PLAIN: Final = re.compile(r"true|false|null|-?\d{1,2}|\*+|[^\w]+")


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes as they may be seen. Without text they were absent (no encoding), or cannot be masked (`withheld`)."""

    text: str | None
    encoding: Encoding | None


@dataclass(frozen=True, slots=True)
class ShownLetter:
    """A dead letter as it may be seen: its content stands in `value` and `headers`, no longer in `letter`."""

    letter: Letter
    value: Content
    headers: Sequence[tuple[str, Content]]
    is_masked: bool


def masked_letter(letter: Letter) -> ShownLetter:
    """Return the letter with key, message, headers and value masked."""
    headers = [_masked_header(name, value) for name, value in letter.headers]
    return ShownLetter(masked_summary(letter), _masked(letter.value), headers, is_masked=True)


def revealed_letter(letter: Letter) -> ShownLetter:
    """Return the letter as it came. Only who was written down in the audit may see it."""
    headers = [(name, _written(value)) for name, value in letter.headers]
    return ShownLetter(_bare(letter), _written(letter.value), headers, is_masked=False)


def masked_summary(letter: Letter) -> Letter:
    """Return what a list shows: no content, key and message masked. A key that is not text is left out."""
    text = _text_of(letter.key)
    key = None if text is None else mask_text(text).encode()
    return replace(_bare(letter), key=key, error_message=mask_text(letter.error_message))


def mask_document(text: str) -> str:
    """Return a message's text masked: JSON by its fields, broken JSON wholly, any other text by its patterns."""
    body = text.removeprefix(MARK)
    try:
        value = read_json(body)
        masked = mask_content(value)
        return text if masked == value else orjson.dumps(masked).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return _mask_broken(text) if "{" in text or "[" in text else mask_text(text)


def _bare(letter: Letter) -> Letter:
    return replace(letter, value=None, headers=())


def _masked(raw: bytes | None) -> Content:
    if raw is None:
        return Content(None, None)
    text = _text_of(raw)
    return Content(None, "withheld") if text is None else Content(mask_document(text), "utf-8")


def _masked_header(name: str, raw: bytes | None) -> tuple[str, Content]:
    text = _text_of(raw)
    if text is None:
        return mask_text(name), Content(None, None if raw is None else "withheld")
    ((shown, value),) = mask_content({name: text}).items()
    return shown, Content(value, "utf-8")


def _text_of(raw: bytes | None) -> str | None:
    """UTF-16 of plain letters is UTF-8 too, with a NUL between any two: no pattern would find anything in it."""
    if raw is None or b"\x00" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _written(raw: bytes | None) -> Content:
    if raw is None:
        return Content(None, None)
    try:
        return Content(raw.decode(), "utf-8")
    except UnicodeDecodeError:
        return Content(base64.b64encode(raw).decode(), "base64")


def _mask_broken(text: str) -> str:
    return _TOKEN.sub(_mask_token, text)


def _mask_token(found: re.Match[str]) -> str:
    if (word := found["word"]) is not None:
        return _mask_word(word)
    key, text, number = found["key"], found["text"], found["number"]
    shown = f'"{mask_text(key)}"{found["is"]}'
    if number is not None:
        return shown + (HIDDEN if category_of(key) else number)
    if text is None:
        return shown
    is_kept = key in ENVELOPE or (category_of(key) is None and is_impersonal(key))
    if is_kept and not is_tax_number(text):
        return f'{shown}"{mask_text(text)}"'
    return f'{shown}"{" ".join(map(_mask_word, text.split()))}"'


def _mask_word(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    return f"{word[0]}{HIDDEN}" if word[0].isalpha() else HIDDEN

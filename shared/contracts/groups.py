"""Root causes: causes that say the same, whatever item they say it of, are one group.

A group is (kind, cause code, message template); the template is the message with ids, numbers, quoted values, addresses and dates
replaced. Ingest names the groups of an entry in `state.groups`, so a changed rule here names new groups and leaves old ones as they were.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from shared.contracts.text import fold

MAX_MESSAGE: Final = 500
"""Characters of a message that tell its group: a page of HTML is told apart by its beginning."""

MAX_TEMPLATE: Final = 200
GROUP: Final = re.compile(r"[0-9a-f]{16}")
"""What a group's id looks like, for `fullmatch`."""

_VALUES: Final = re.compile(
    r"""
    (?P<url> \b(?:https?|ftp):// [^\s"'<>]+ | \bwww\. [^\s"'<>]+ )
  | (?P<email> [\w.+%-]+ @ [\w-]+ (?:\.[\w-]+)+ )
  | (?P<text> "[^"\n]{0,200}" | “[^”\n]{0,200}” | «[^»\n]{0,200}» | `[^`\n]{0,200}` | \{[^{}\n]{0,200}\} | (?<!\w)'[^'\n]{0,200}'(?!\w) )
  | (?P<date> \b\d{4}-\d{2}-\d{2} (?: [t ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)? (?:\ ?z\b|[+-]\d{2}:?\d{2})? )?
            | \b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b (?:\ \d{1,2}:\d{2}(?::\d{2})?)? | \b\d{1,2}:\d{2}(?::\d{2})?\b )
  | (?P<named> \b(sku|ean|gtin|asin|mpn|seller_sku|sku_id|item_id|order_id)\b \s* [:=\#] \s* [^\s,;)\]"']+ )
  | (?P<number> [\w.,/+-]* \d [\w.,/+-]* )
    """,
    re.VERBOSE,
)
VALUE: Final = "…"
"""Stands where a message names something. A folded message has none of its own: it becomes three dots."""

_REPEATED: Final = re.compile(rf"{VALUE}(?:[\s,;|/&-]*(?:\b(?:e|and|y)\b\s*)?{VALUE})+")
_SPACE: Final = re.compile(r"\s+")
_NAME_ENDS: Final = re.compile(r"[\s:=#]")
_TAIL: Final = ".,/+-"


def template_of(message: str) -> str:
    """Return what a message says whatever it says it of: folded, values replaced, at most MAX_TEMPLATE characters."""
    folded = _SPACE.sub(" ", fold(message[:MAX_MESSAGE]))
    return _REPEATED.sub(VALUE, _VALUES.sub(_placeholder, folded)).strip()[:MAX_TEMPLATE]


def group_of(kind: str, code: str | None, message: str) -> str:
    """Return the id of the group of a cause: 16 hex digits."""
    find = _usual_group if code is None or len(code) <= MAX_TEMPLATE else _group
    return find(kind, code or "", message[:MAX_MESSAGE])


def groups_of(kind: str, causes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the groups of some causes of one entry, distinct, sorted."""
    found = {group_of(kind, cause.get("code"), cause.get("message") or "") for cause in causes}
    return sorted(found) if len(found) > 1 else list(found)


def _group(kind: str, code: str, message: str) -> str:
    told = "\x00".join((kind, code, template_of(message)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_usual_group = lru_cache(4096)(_group)  # marketplaces say the same few sentences again and again


def _placeholder(found: re.Match[str]) -> str:
    text = found[0]
    if found.lastgroup == "named":
        return f"{_NAME_ENDS.split(text, maxsplit=1)[0]} {VALUE}"
    if found.lastgroup == "number":
        return VALUE + text[len(text.rstrip(_TAIL)) :]
    return VALUE

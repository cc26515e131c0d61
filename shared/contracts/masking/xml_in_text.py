"""XML in text, whole or cut: elements with their text or CDATA, elements that an attribute says the meaning of, attributes of a person."""

import re
from typing import Final

from shared.contracts.masking.fields import category_of, is_about_a_person
from shared.contracts.masking.people_in_text import names_a_person
from shared.contracts.masking.values import mask_value

CDATA: Final = r"(?:\s{0,80}<!\[CDATA\[)?"
"""What may stand between a tag and its content."""

CONTENT: Final = r"(?:[^<>\]]|\](?!\]>)){1,2000}"
"""The content of an element, as a pattern: as far as its text goes, or its CDATA."""

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


def mask_xml(text: str) -> str:
    """Return `text` without what its elements and attributes say to be personal. Other attributes are pairs, as in forms."""
    return _OPEN_TAG.sub(_open_tag, _NAMED_TAG.sub(_tag, _TAG.sub(_tag, text)))


def _tag(found: re.Match[str]) -> str:
    category = category_of(found["key"]) or ("name" if names_a_person(found["key"], found) else None)
    if category is None or not found["text"].strip():
        return found.group()
    return found[1] + mask_value(category, found["text"])


def _open_tag(found: re.Match[str]) -> str:
    return _NAME_WITHIN.sub(_name_within, found.group()) if is_about_a_person(found["key"]) else found.group()


def _name_within(found: re.Match[str]) -> str:
    # `<contact name="email">` says what is in it.
    is_label = category_of(found["text"]) or is_about_a_person(found["text"])
    return found.group() if is_label else found["is"] + mask_value("name", found["text"])

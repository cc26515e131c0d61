"""XML in text, whole or cut: elements with their text or CDATA, elements that an attribute says the meaning of, attributes of a person."""

import re
from typing import Final

from shared.contracts.masking.content import mask_described
from shared.contracts.masking.fields import category_by_label, category_of, is_about_a_person
from shared.contracts.masking.people_in_text import between_tags, description_at, names_a_person
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
_ATTRIBUTE: Final = re.compile(
    r"""(?P<is>\s(?P<key>[A-Za-z][\w.\-]{0,39})\s?=\s?(?P<q>\\{0,7}["']))(?P<text>(?:(?!(?P=q))(?:\\.|[^\\<>\n])){1,200})"""
)
_OF_XML: Final = frozenset(("xmlns", "lang", "version", "encoding", "href", "class", "style"))
"""What they say is said of the text, not of the person in it."""


def mask_xml(text: str) -> str:
    """Return `text` without what its elements and attributes say to be personal. Other attributes are pairs, as in forms."""
    return _OPEN_TAG.sub(_open_tag, _NAMED_TAG.sub(_tag, _TAG.sub(_tag, text)))


def _tag(found: re.Match[str]) -> str:
    key, text = found["key"], found["text"]
    if not text.strip():
        return found.group()
    category = category_of(key) or ("name" if names_a_person(key, found) else None)
    if category is None and not description_at(found.start("text"), between_tags(found.string)):
        return found.group()
    return found[1] + (mask_value(category, text) if category else mask_described(key, text))


def _open_tag(found: re.Match[str]) -> str:
    return _ATTRIBUTE.sub(_attribute, found.group()) if is_about_a_person(found["key"]) else found.group()


def _attribute(found: re.Match[str]) -> str:
    # `<contact name="email">` says what is in it.
    key, text = found["key"], found["text"]
    is_told = category_of(key) or category_by_label(text) or key.casefold() in _OF_XML
    return found.group() if is_told else found["is"] + mask_described(key, text)

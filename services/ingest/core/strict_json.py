"""Bytes → a JSON object that MongoDB can hold as it is, or the reason why not.

orjson is strict, but lets four things pass that would change or break on their way into BSON. Each has a test on the bytes that is
almost free and almost never hits; only what it hits is looked at exactly. The same tests stand for a parser that leaves parts unread.
"""

import json
import math
from typing import Any, Final

import orjson

from services.ingest.core.json_faults import fault_of
from shared.contracts.errors import InvalidEvent
from shared.contracts.field_faults import this_is
from shared.contracts.names import MAX_EVENT_BYTES
from shared.contracts.read_json import read_json

MAX_DEPTH: Final = 100
"""Nested objects and arrays; MongoDB refuses 180 levels, and ours add a few."""

_QUOTE: Final = ord('"')
_TOLD: Final = b'0123456789{[eE"'
_TELLING: Final = bytes.maketrans(_TOLD, b'0000000000{{ee"')
_OUTLINE: Final = bytes(_TELLING[byte] if byte in _TOLD else ord(" ") for byte in range(256))
"""A digit becomes 0, what opens a level {, an exponent e, all else but a quote a blank: few searches in C find what is rare."""

_LEFT_OUT: Final = b"+"
"""What an exponent may begin with."""

_LONG_RUN: Final = b"0" * 19
"""So many digits are not surely a 64-bit number."""

_LONG_EXPONENT: Final = b"0e000"
"""A number with such an exponent is not surely a double; nor is it surely a number."""

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LONGEST: Final = len(str(_SMALLEST))


def parse_object(value: bytes | None) -> dict[str, Any]:
    """Return the object that `value` holds. Raise InvalidEvent with the class of what is wrong."""
    if value is None:
        raise InvalidEvent("Tombstone", "the record has no value; an event is never a deletion")
    if len(value) > MAX_EVENT_BYTES:
        raise InvalidEvent("TooLarge", f"the value has {len(value)} bytes, at most {MAX_EVENT_BYTES} are taken")
    body = _parse(value)
    if not isinstance(body, dict):
        raise InvalidEvent("NotAnObject", f"an event is a JSON object, {this_is(body)}")
    _refuse_unstorable(value, value.translate(_OUTLINE, _LEFT_OUT), body, MAX_DEPTH)
    return body


def storable_text(value: bytes, *, levels_above: int = 0) -> str:
    """Return JSON of which not every part was parsed as its text; it stands `levels_above` deep in an event. Raise InvalidEvent where
    `parse_object` would not take it, and UnicodeDecodeError.

    Its structure was checked: what is left are texts that are not UTF-8, numbers beyond 64 bit or a double, U+0000 in names, depth.
    """
    text = value.decode()
    outline = value.translate(_OUTLINE, _LEFT_OUT)
    body = _parse(value) if _LONG_EXPONENT in outline else None
    _refuse_unstorable(value, outline, body, MAX_DEPTH - levels_above)
    return text


def _refuse_unstorable(value: bytes, outline: bytes, body: Any, depth: int) -> None:
    if _LONG_RUN in outline and _has_long_number(outline):
        _refuse_wide_numbers(value)
    # A single byte is found ten times as fast as six, and few events hold a backslash.
    if outline.count(b"{") > depth or (b"\\" in value and b"\\u0000" in value):
        _refuse_nul_keys_and_depth(_parse(value) if body is None else body, depth)


def _has_long_number(outline: bytes) -> bool:
    """Say whether a long run of digits may be a number: digits after a quote are a text, as the key of an invoice is."""
    at = outline.find(_LONG_RUN)
    while at > 0 and outline[at - 1] == _QUOTE:
        at = outline.find(_LONG_RUN, outline.find(b'"', at))
    return at >= 0


def _parse(value: bytes) -> Any:
    try:
        return read_json(value)
    except orjson.JSONDecodeError as error:
        raise fault_of(value, error) from error


def _refuse_wide_numbers(value: bytes) -> None:
    json.loads(value, parse_int=_narrow, parse_float=_finite)


def _narrow(digits: str) -> int:
    # By length first: Python refuses to read some thousands of digits at all.
    if len(digits) > _LONGEST or not _SMALLEST <= int(digits) <= _LARGEST:
        raise InvalidEvent("NumberTooLarge", f"the integer {digits[:40]} needs more than 64 bit; send it as a text")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):  # some hundreds of digits need no long exponent for that
        raise InvalidEvent("NumberTooLarge", f"the number {digits[:40]} is beyond a double; send it as a text")
    return number


def _refuse_nul_keys_and_depth(body: Any, most: int) -> None:
    level, depth = [body], 0
    while level:
        depth += 1
        if depth > most:
            raise InvalidEvent("TooDeep", f"nested more than {MAX_DEPTH} levels deep")
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                if any("\x00" in name for name in node):
                    raise InvalidEvent("NulInKey", "the name of a field holds U+0000")
                below += [child for child in node.values() if isinstance(child, (dict, list))]
            else:
                below += [child for child in node if isinstance(child, (dict, list))]
        level = below

"""Bytes that are no JSON → what is wrong with them, in a sentence that tells their publisher what to change."""

import re
from typing import Final

import orjson

from shared.contracts.errors import InvalidEvent

_MARKS: Final = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_FRAME: Final = re.compile(rb"\x00.{4}[{\x00-\x1f]", re.DOTALL)
"""How serializers of a schema registry begin: a zero, the schema's number in four bytes, then the JSON, or Avro and Protobuf."""

_WIDE: Final = re.compile(rb"(?:\x00\x00)?\x00[{\[]\x00")
"""How `{` and `[` begin in UTF-16 and UTF-32 with the high byte first."""

_NO_NUMBER: Final = re.compile(r"-?(?:NaN|Infinity)\b")
_WIDEST: Final = len("-Infinity")


def fault_of(value: bytes, error: orjson.JSONDecodeError) -> InvalidEvent:
    """Return the error to raise where the parser found `error` in `value`."""
    if not value.strip():
        return InvalidEvent("Empty", "the value is empty: send the event as a JSON object")
    for mark, encoding in _MARKS.items():
        if value.startswith(mark):
            return InvalidEvent(
                "ByteOrderMark", f"the value begins with a byte order mark of {encoding}: send UTF-8 without one"
            )
    if _FRAME.match(value) and not _WIDE.match(value):
        return InvalidEvent(
            "InvalidJson",
            "the value begins with the five bytes that a schema registry's serializer writes: send the JSON alone",
        )
    try:
        value.decode()
    except UnicodeDecodeError as broken:
        found = f"byte {broken.start} of the value, 0x{value[broken.start]:02X}, is not UTF-8"
        return InvalidEvent("NotUtf8", f"{found}: send the text as UTF-8, not as Latin-1 or another encoding")
    return _not_json(value, error)


def _not_json(value: bytes, error: orjson.JSONDecodeError) -> InvalidEvent:
    where = f"at line {error.lineno}, column {error.colno}"
    if b"\x00" in value[:2]:
        return InvalidEvent("InvalidJson", "the value is not UTF-8 but looks like UTF-16: send UTF-8")
    if "depth limit" in error.msg:
        return InvalidEvent("TooDeep", f"objects and arrays are nested too deeply {where}: send a flatter payload")
    if "number is infinity" in error.msg:
        return InvalidEvent("NumberTooLarge", f"the number {where} is beyond a double; send it as a text")
    # The parser points at the word or, where it has a sign, beyond that.
    around = _NO_NUMBER.search(error.doc, max(error.pos - 1, 0), error.pos + _WIDEST)
    if around is not None:
        return InvalidEvent("InvalidJson", f"{around[0]} {where} is not JSON: send null or a text in its place")
    return InvalidEvent("InvalidJson", f"the value is not JSON: {error.msg} {where}")

"""Records that are no events, each with the class of the dead letter that it becomes; and events that only look dangerous."""

import json
from typing import Any

from shared.contracts.names import MAX_EVENT_BYTES
from tests.support.builders import make_cloudevent, make_data

DANGEROUS_LOOKING = {
    "the largest integer": str(2**63 - 1),
    "the smallest integer": str(-(2**63)),
    "a float of many digits": "1234567890123456789012345.5",
    "digits in a text": '"99999999999999999999999999"',
    "NUL in a text": r'"\u0000 in a text"',
    "99 levels": "[" * 97 + "]" * 97,
    "names with a dollar, a dot, or nothing": '{"$where": 1, "a.b": 2, "": 3}',
    "expressions of a pipeline": '{"$function": {"body": "x", "args": [], "lang": "js"}, "$literal": "$_id", "price": "$account"}',
    "what the driver would take for a reference": '{"$ref": "log_entries", "$id": {"$regex": "."}, "_id": [1]}',
    "a sequence for terminals": r'"\u001b[31m"',
    "a text longer than a cell": f'"{"x" * 32_768}"',
    "many objects": "[" + ",".join(["{}"] * 500) + "]",
    "a name that stands twice": '{"twice": 1, "twice": 2}',
}
"""Payloads as JSON that are taken as they are: what a pipeline, a parser or a workbook might trip over."""


def encoded(**changes: Any) -> bytes:
    """Return the bytes of a structured CloudEvent."""
    return json.dumps(make_cloudevent(**changes)).encode()


def with_payload(text: str, **changes: Any) -> bytes:
    """Return an event whose payload is `text`, as it is."""
    return encoded(**changes, payload="HERE").replace(b'"HERE"', text.encode())


def nested(depth: int) -> str:
    """Return lists in lists."""
    return "[" * depth + "]" * depth


def poison_of(account: str = "loja") -> dict[str, tuple[bytes | None, str]]:
    """Return (value, error class) by what is wrong; whatever can be read names `account`. All are records of the topic of orders."""

    def event(**changes: Any) -> dict[str, Any]:
        return make_cloudevent(account=account, **changes)

    def bent(**changes: Any) -> bytes:
        return json.dumps({**event(), **changes}).encode()

    def whole(**changes: Any) -> bytes:
        return encoded(**{"account": account, **changes})

    def loaded(text: str) -> bytes:
        return with_payload(text, account=account)

    without_data = {name: value for name, value in event().items() if name != "data"}
    return {
        "no value": (None, "Tombstone"),
        "no bytes": (b"", "Empty"),
        "blanks only": (b" \n\t ", "Empty"),
        "not UTF-8": (b'{"account": "\xff"}', "NotUtf8"),
        "UTF-8 with a byte order mark": (b"\xef\xbb\xbf" + whole(), "ByteOrderMark"),
        "UTF-16": (whole().decode().encode("utf-16"), "ByteOrderMark"),
        "UTF-16 without a mark": (whole().decode().encode("utf-16-le"), "InvalidJson"),
        "not JSON": (b"{account: 1}", "InvalidJson"),
        "two objects": (b"{}{}", "InvalidJson"),
        "NaN": (loaded("NaN"), "InvalidJson"),
        "Infinity": (loaded("-Infinity"), "InvalidJson"),
        "a float beyond a double": (loaded("1e400"), "NumberTooLarge"),
        "a float beyond a double by its digits": (loaded("1" * 400 + ".0"), "NumberTooLarge"),
        "a float beyond a double by digits and exponent": (loaded("7" * 300 + "e99"), "NumberTooLarge"),
        "a lone surrogate": (loaded(r'"\ud800"'), "InvalidJson"),
        "5,000 digits": (loaded("9" * 5000), "NumberTooLarge"),
        "2^63": (loaded(str(2**63)), "NumberTooLarge"),
        "2^64, which a parser may turn into a float": (loaded(str(2**64)), "NumberTooLarge"),
        "-2^63 - 1": (loaded(str(-(2**63) - 1)), "NumberTooLarge"),
        "2^63 in evidence": (whole(causes=[{"evidence": {"request": 2**63}}]), "NumberTooLarge"),
        "2^63 in an extension": (bent(traceno=2**63), "NumberTooLarge"),
        "NUL in a key": (loaded(r'{"a": [{"b\u0000": 1}]}'), "NulInKey"),
        "NUL in an alias name": (whole(aliases={"a\x00b": "1"}), "NulInKey"),
        "101 levels": (loaded(nested(99)), "TooDeep"),
        "1,100 levels": (loaded(nested(1100)), "TooDeep"),
        "100,000 levels": (loaded(nested(100_000)), "TooDeep"),
        "more than a mebibyte": (loaded(f'"{"x" * MAX_EVENT_BYTES}"'), "TooLarge"),
        "an array": (b"[]", "NotAnObject"),
        "a text": (b'"event"', "NotAnObject"),
        "a number": (b"17", "NotAnObject"),
        "null": (b"null", "NotAnObject"),
        "another specification": (bent(specversion="0.3"), "InvalidEnvelope"),
        "an envelope without id": (bent(id=""), "InvalidEnvelope"),
        "no data": (json.dumps(without_data).encode(), "InvalidField"),
        "data as text": (bent(data="x"), "InvalidField"),
        "a missing field": (bent(data={"account": account}), "InvalidField"),
        "an unknown status": (whole(status="failed"), "InvalidField"),
        "an unknown kind": (whole(kind="inventory"), "UnknownType"),
        "a code that is a number": (whole(code=17), "InvalidField"),
        "a code with a control character": (whole(code="a\x1f"), "InvalidField"),
        "an account with a bar": (whole(account="a|b"), "InvalidField"),
        "no zone": (whole(processed_at="2026-11-23T10:11:12"), "InvalidField"),
        "a zone of 75 minutes": (whole(processed_at="2026-11-23T10:11:12+01:75"), "InvalidField"),
        "a day that never was": (whole(processed_at="2026-02-30T10:11:12Z"), "InvalidField"),
        "before the year 1 in UTC": (whole(processed_at="0001-01-01T00:00:00+05:00"), "InvalidField"),
        "a sequence beyond 64 bit": (whole(sequence=2**64), "NumberTooLarge"),
        "a sequence below 0": (whole(sequence=-1), "InvalidField"),
        "a type that nobody reads": (bent(type="com.example"), "UnknownType"),
        "a kind other than its type's": (bent(type="integration.price.processed"), "InvalidField"),
        "a kind other than its topic's": (whole(kind="price"), "WrongTopic"),
        "plain JSON on another topic": (json.dumps(make_data(account=account, kind="price")).encode(), "WrongTopic"),
    }

"""A dead letter says in a plain sentence what its publisher has to change."""

import json
from typing import Any

import pytest

from services.ingest.core.decode import decode
from shared.contracts.errors import InvalidEvent
from shared.contracts.events import ORDER_RESULT_TYPE
from tests.support.builders import make_cloudevent, make_data, make_record

UNSUITABLE = (
    "_Data",
    "_Cause",
    "_Evidence",
    "Input should",
    "timedelta",
    "surrogates",
    "pattern",
    "Value error",
    "***",
)


def written(**changes: Any) -> bytes:
    return json.dumps(make_cloudevent(**changes), ensure_ascii=False).encode()


def enveloped(**changes: Any) -> bytes:
    return json.dumps({**make_cloudevent(), **changes}).encode()


def with_payload(text: str) -> bytes:
    return written(code="é", payload="HERE").replace(b'"HERE"', text.encode())


SENTENCES = {
    "no bytes": (b"", "the value is empty: send the event as a JSON object"),
    "blanks": (b" \n", "the value is empty"),
    "Latin-1": (written(code="ç").decode().encode("latin-1"), "0xE7, is not UTF-8: send the text as UTF-8"),
    "UTF-16": (written().decode().encode("utf-16"), "byte order mark of UTF-16: send UTF-8"),
    "UTF-16 without a mark": (written().decode().encode("utf-16-be"), "looks like UTF-16: send UTF-8"),
    "UTF-32 without a mark": (written().decode().encode("utf-32-be"), "looks like UTF-16: send UTF-8"),
    "a schema registry's JSON": (b"\x00\x00\x00\x00\x07" + written(), "serializer writes: send the JSON alone"),
    "with a number that is no UTF-8": (b"\x00\x00\x01\x86\xa0" + written(), "serializer writes: send the JSON alone"),
    "a schema registry's Avro": (b"\x00\x00\x00\x00\x07\x08loja\x0aorder", "serializer writes: send the JSON alone"),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + written(), "byte order mark of UTF-8: send UTF-8 without one"),
    "NaN": (with_payload("NaN"), "NaN at line 1, column"),
    "-Infinity": (with_payload("[1, -Infinity]"), "-Infinity at line 1, column"),
    "Infinity": (with_payload('{"é": Infinity}'), "is not JSON: send null or a text in its place"),
    "a number beyond a double": (with_payload("1e400"), "beyond a double; send it as a text"),
    "too deep": (with_payload("[" * 1100 + "]" * 1100), "nested too deeply"),
    "an unquoted name": (b"{account: 1}", "the value is not JSON: "),
    "a CloudEvent without a version": (
        json.dumps({name: value for name, value in make_cloudevent().items() if name != "specversion"}).encode(),
        "specversion must be '1.0'",
    ),
    "a CloudEvent without data": (
        json.dumps({name: value for name, value in make_cloudevent().items() if name != "data"}).encode(),
        "data: is missing; it must be an object with the event's fields",
    ),
    "JSON as a text": (
        enveloped(data=json.dumps(make_data())),
        "data: must be an object with the event's fields, this is a text: send the JSON itself",
    ),
    "all of it as a text": (
        json.dumps(written().decode()).encode(),
        "an event is a JSON object, this is a text: send the JSON itself, not as a quoted text",
    ),
    "several events in one record": (b"[{}, {}]", "an event is a JSON object, this is an array"),
    "data that is an array": (enveloped(data=[]), "data: must be an object with the event's fields, this is an array"),
    "another's data": (enveloped(type=ORDER_RESULT_TYPE, data="x"), "data: must be an object"),
    "a cause that is a text": (written(causes=["boom"]), 'causes.0: must be an object such as {"code": "…"'),
    "evidence that is a text": (written(causes=[{"evidence": "x"}]), "causes.0.evidence: must be an object such as"),
    "causes that are null": (written(causes=None), "causes: must be an array, this is null"),
    "a code with a control character": (written(code="a\x1f"), "code: must be 1 to 300 characters, none of them a con"),
    "an account with a bar": (written(account="a|b"), "account: must be 1 to 64 letters without accents, digits"),
    "a code that is a number": (written(code=17), "code: must be a text, this is a number"),
    "a sequence with decimals": (written(sequence=1.5), "sequence: must be a whole number"),
    "a sequence below 0": (written(sequence=-1), "sequence: must be 0 or more"),
    "a status that nobody knows": (written(status="failed"), "status: must be 'success', 'error', 'warning' or"),
    "no zone": (
        written(processed_at="2026-11-23T10:11:12"),
        "processed_at: must be an RFC 3339 date and time with a z",
    ),
    "a zone that is none": (written(processed_at="2026-11-23T10:11:12+99:00"), "processed_at: has the zone +99:00"),
    "a day that never was": (written(processed_at="2026-02-30T10:11:12Z"), "processed_at: day is out of range"),
    "two fields at fault": (written(status=1, processed_at="x"), "; processed_at: must be"),
}


@pytest.mark.parametrize(("value", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_a_dead_letter_says_what_to_change(value: bytes, sentence: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(make_record(value))

    assert sentence in str(refused.value)
    assert not [word for word in UNSUITABLE if word in str(refused.value)]

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.decode import decode
from services.ingest.handlers.ingesting import decode_all
from shared.contracts.errors import InvalidEvent
from shared.contracts.names import MAX_EVENT_BYTES
from shared.contracts.records import UNREADABLE_HEADERS
from tests.support.builders import RECEIVED_AT, make_cloudevent, make_data, make_record

BINARY = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"7"),
    ("ce_source", b"/mlc"),
    ("ce_type", b"integration.order.processed"),
)


def encoded(**changes: Any) -> bytes:
    return json.dumps(make_cloudevent(**changes)).encode()


def with_payload(text: str) -> bytes:
    return encoded(payload="HERE").replace(b'"HERE"', text.encode())


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


POISON = {
    "no value": (None, "Tombstone"),
    "no bytes": (b"", "Empty"),
    "blanks only": (b" \n\t ", "Empty"),
    "not UTF-8": (b'{"account": "\xff"}', "NotUtf8"),
    "UTF-8 with a byte order mark": (b"\xef\xbb\xbf" + encoded(), "ByteOrderMark"),
    "UTF-16": (encoded().decode().encode("utf-16"), "ByteOrderMark"),
    "UTF-16 without a mark": (encoded().decode().encode("utf-16-le"), "InvalidJson"),
    "not JSON": (b"{account: 1}", "InvalidJson"),
    "two objects": (b"{}{}", "InvalidJson"),
    "NaN": (with_payload("NaN"), "InvalidJson"),
    "Infinity": (with_payload("-Infinity"), "InvalidJson"),
    "a float beyond a double": (with_payload("1e400"), "NumberTooLarge"),
    "a float beyond a double by its digits": (with_payload("1" * 400 + ".0"), "NumberTooLarge"),
    "a float beyond a double by digits and exponent": (with_payload("7" * 300 + "e99"), "NumberTooLarge"),
    "a lone surrogate": (with_payload(r'"\ud800"'), "InvalidJson"),
    "5,000 digits": (with_payload("9" * 5000), "NumberTooLarge"),
    "2^63": (with_payload(str(2**63)), "NumberTooLarge"),
    "2^64, which a parser may turn into a float": (with_payload(str(2**64)), "NumberTooLarge"),
    "-2^63 - 1": (with_payload(str(-(2**63) - 1)), "NumberTooLarge"),
    "2^63 in evidence": (encoded(causes=[{"evidence": {"request": 2**63}}]), "NumberTooLarge"),
    "2^63 in an extension": (json.dumps({**make_cloudevent(), "traceno": 2**63}).encode(), "NumberTooLarge"),
    "NUL in a key": (with_payload(r'{"a": [{"b\u0000": 1}]}'), "NulInKey"),
    "NUL in an alias name": (encoded(aliases={"a\x00b": "1"}), "NulInKey"),
    "101 levels": (with_payload(nested(99)), "TooDeep"),
    "1,100 levels": (with_payload(nested(1100)), "TooDeep"),
    "more than a mebibyte": (with_payload(f'"{"x" * MAX_EVENT_BYTES}"'), "TooLarge"),
    "an array": (b"[]", "NotAnObject"),
    "a text": (b'"event"', "NotAnObject"),
    "a number": (b"17", "NotAnObject"),
    "null": (b"null", "NotAnObject"),
    "another specification": (json.dumps({**make_cloudevent(), "specversion": "0.3"}).encode(), "InvalidEnvelope"),
    "an envelope without id": (json.dumps({**make_cloudevent(), "id": ""}).encode(), "InvalidEnvelope"),
    "no data": (json.dumps({k: v for k, v in make_cloudevent().items() if k != "data"}).encode(), "InvalidField"),
    "data as text": (json.dumps({**make_cloudevent(), "data": "x"}).encode(), "InvalidField"),
    "a missing field": (json.dumps({**make_cloudevent(), "data": {"account": "loja"}}).encode(), "InvalidField"),
    "an unknown status": (encoded(status="failed"), "InvalidField"),
    "an unknown kind": (encoded(kind="inventory"), "UnknownType"),
    "a code that is a number": (encoded(code=17), "InvalidField"),
    "a code with a control character": (encoded(code="a\x1f"), "InvalidField"),
    "an account with a bar": (encoded(account="a|b"), "InvalidField"),
    "no zone": (encoded(processed_at="2026-11-23T10:11:12"), "InvalidField"),
    "a zone of 75 minutes": (encoded(processed_at="2026-11-23T10:11:12+01:75"), "InvalidField"),
    "a day that never was": (encoded(processed_at="2026-02-30T10:11:12Z"), "InvalidField"),
    "before the year 1 in UTC": (encoded(processed_at="0001-01-01T00:00:00+05:00"), "InvalidField"),
    "a sequence beyond 64 bit": (encoded(sequence=2**64), "NumberTooLarge"),
    "a sequence below 0": (encoded(sequence=-1), "InvalidField"),
    "a type that nobody reads": (json.dumps({**make_cloudevent(), "type": "com.example"}).encode(), "UnknownType"),
    "a kind other than its type's": (
        json.dumps({**make_cloudevent(), "type": "integration.price.processed"}).encode(),
        "InvalidField",
    ),
    "a kind other than its topic's": (encoded(kind="price"), "WrongTopic"),
    "plain JSON on another topic": (json.dumps(make_data(kind="price")).encode(), "WrongTopic"),
}


@pytest.mark.parametrize(("value", "error_class"), POISON.values(), ids=POISON)
def test_poison_is_refused_by_the_name_of_what_is_wrong(value: bytes | None, error_class: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(make_record(value))

    assert refused.value.error_class == error_class
    assert str(refused.value)


@pytest.mark.parametrize(
    "payload",
    [
        str(2**63 - 1),
        str(-(2**63)),
        "1234567890123456789012345.5",
        '"99999999999999999999999999"',
        r'"\u0000 in a text"',
        nested(98),
        '{"$where": 1, "a.b": 2, "": 3}',
        r'"\u001b[31m"',
        "[" + ",".join(["{}"] * 500) + "]",
        '{"twice": 1, "twice": 2}',
    ],
)
def test_what_only_looks_dangerous_is_taken_as_it_is(payload: str) -> None:
    (event,) = decode(make_record(with_payload(payload)))

    assert event.data.payload == json.loads(payload)


@given(st.integers(-(2**65), 2**65))
def test_an_integer_is_exact_or_refused(number: int) -> None:
    record = make_record(with_payload(str(number)))
    if -(2**63) <= number < 2**63:
        assert decode(record)[0].data.payload == number
    else:
        with pytest.raises(InvalidEvent, match="64 bit"):
            decode(record)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_events_or_dead_letters_and_never_an_accident(value: bytes) -> None:
    deliveries, letters = decode_all([make_record(value)], frozenset())

    assert len(deliveries) + len(letters) == 1
    assert all(letter.error_class != "Undecodable" for letter in letters)


def test_what_has_headers_that_nobody_can_read_is_a_dead_letter() -> None:
    record = make_record(encoded())._replace(headers=UNREADABLE_HEADERS)
    with pytest.raises(InvalidEvent, match="name of a header") as caught:
        decode(record)
    assert caught.value.error_class == "NotUtf8"


def test_all_three_ways_of_writing_an_event_say_the_same() -> None:
    structured = make_cloudevent(id="7", source="/mlc")
    headers = tuple((f"ce_{name}", structured[name].encode()) for name in ("specversion", "id", "source", "type"))
    data = json.dumps(structured["data"]).encode()

    (one,) = decode(make_record(json.dumps(structured).encode()))
    (two,) = decode(make_record(data, headers=headers))
    (three,) = decode(make_record(data))

    assert one.data == two.data == three.data
    assert (one.source, one.id) == (two.source, two.id) == ("/mlc", "7")
    assert (three.source, len(three.id)) == ("", 64)
    assert one.received_at == RECEIVED_AT


def test_a_clock_that_runs_ahead_orders_by_the_broker_and_keeps_what_it_said() -> None:
    (event,) = decode(make_record(encoded(processed_at="2026-11-24T10:11:13Z")))

    assert event.order_at == RECEIVED_AT
    assert event.processed_at.day == 24


def test_only_the_listed_accounts_are_taken() -> None:
    record = make_record(encoded())

    assert decode(record, frozenset({"loja", "other"}))
    with pytest.raises(InvalidEvent) as refused:
        decode(record, frozenset({"other"}))
    assert refused.value.error_class == "UnknownAccount"


def test_a_cause_without_code_gets_one_and_a_code_that_came_is_kept() -> None:
    causes = [
        {"message": "No available sla to deliver this order"},
        {"code": "", "message": "zzz qqq nobody ever named this"},
        {"code": " \t", "message": "No available sla to deliver this order"},
        {"code": "OWN-1", "message": "No available sla to deliver this order", "hint": "kept"},
    ]

    (event,) = decode(make_record(encoded(causes=causes)))

    assert [cause["code"] for cause in event.data.causes] == ["ORD-SLA", "UNMAPPED", "ORD-SLA", "OWN-1"]
    assert event.data.causes[3]["hint"] == "kept"


def test_a_lone_cause_with_a_blank_code_gets_one() -> None:
    (event,) = decode(make_record(encoded(causes=[{"code": " ", "message": "No available sla"}])))

    assert event.data.causes[0]["code"] == "ORD-SLA"


@pytest.mark.parametrize("beside", [{}, {"data": None}])
def test_data_in_base64_counts_in_a_structured_event_without_data(beside: dict[str, None]) -> None:
    data = base64.b64encode(json.dumps(make_data(sequence=4)).encode()).decode()
    envelope = {name: value for name, value in make_cloudevent().items() if name != "data"}

    (event,) = decode(make_record(json.dumps({**envelope, **beside, "data_base64": data}).encode()))

    assert event.data.sequence == 4


@pytest.mark.parametrize("told", [None, "e30="])
def test_data_that_is_there_stands_whatever_base64_says(told: str | None) -> None:
    (event,) = decode(make_record(json.dumps({**make_cloudevent(sequence=4), "data_base64": told}).encode()))

    assert (event.data.sequence, event.data.extra) == (4, {})


@pytest.mark.parametrize("headers", [(), BINARY], ids=["plain", "binary"])
@pytest.mark.parametrize("told", [None, "e30=", 1])
def test_beside_the_fields_of_bare_data_base64_is_a_field_that_nobody_knows(
    headers: tuple[tuple[str, bytes], ...], told: Any
) -> None:
    (event,) = decode(make_record(json.dumps(make_data(data_base64=told)).encode(), headers=headers))

    assert event.data.extra == {"data_base64": told}

"""What is read at once says what reading by parts says; what is plainly right is read at once."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.ingest.core.decode import read_by_parts
from services.ingest.core.read_at_once import read_at_once
from shared.contracts.records import Record
from tests.support.builders import make_cloudevent, make_data, make_record

STRUCTURED = make_cloudevent(id="7", source="/mlc")
HEADERS = tuple((f"ce_{name}", STRUCTURED[name].encode()) for name in ("specversion", "id", "source", "type"))
DATA = json.dumps(STRUCTURED["data"]).encode()
CAUSE = {"code": "ORD-SLA", "message": "m", "field": "f", "evidence": {"request": {"a": [1]}, "response": "no"}}


def whole(value: Any) -> bytes:
    return json.dumps(value).encode()


def of_structured(**changes: Any) -> Record:
    return make_record(whole(make_cloudevent(id="7", **changes)))


PLAINLY_RIGHT = {
    "structured": of_structured(),
    "binary": make_record(DATA, headers=HEADERS),
    "plain JSON": make_record(DATA),
    "with a content type": make_record(whole(STRUCTURED), headers=(("content-type", b"application/cloudevents+json"),)),
    "with a content type and a trace": make_record(
        whole(STRUCTURED),
        headers=(("ce_traceparent", b"00-ab-cd-01"), ("content-type", b"application/cloudevents+json; charset=utf-8")),
    ),
    "plain JSON with a trace": make_record(DATA, headers=(("ce_traceparent", b"00-ab-cd-01"),)),
    "with an extension": make_record(whole({**STRUCTURED, "traceparent": "00-ab-cd-01"})),
    "every field": of_structured(sequence=2**63 - 1, reprocess_id="r", causes=[CAUSE], aliases={"a.b": None, "c": "é"}),
    "no optional field": make_record(
        whole({name: make_data()[name] for name in ("account", "kind", "affiliate", "code", "status", "processed_at")})
    ),
    "no payload": of_structured(payload=None),
    "a payload that is a text": of_structured(payload="null"),
    "the key of an invoice": of_structured(payload={"chave": "35" * 22, "of": ["41" * 22, "x"]}),
    "another zone": of_structured(processed_at="2026-11-23T07:11:12.5-03:00"),
    "a hundred objects": of_structured(payload=[{"a": [n]} for n in range(100)]),
    "a UUID that looks like a large number": of_structured(payload="7e400e3e500"),
    "U+0000 in a text": of_structured(payload="a\x00b"),
    "a cause without code": of_structured(causes=[{"message": "No available sla to deliver this order"}]),
}


def assert_same(record: Record) -> None:
    event = read_at_once(record)
    if event is None:
        return
    (other,) = read_by_parts(record)
    assert (event.source, event.id, event.received_at) == (other.source, other.id, other.received_at)
    assert replace(event.data, payload_json=None) == replace(other.data, payload_json=None)
    assert event.data.payload == other.data.payload


@pytest.mark.parametrize("name", PLAINLY_RIGHT)
def test_what_is_plainly_right_is_read_at_once(name: str) -> None:
    assert read_at_once(PLAINLY_RIGHT[name]) is not None
    assert_same(PLAINLY_RIGHT[name])


@pytest.mark.parametrize(
    ("written", "kept"),
    [('{"a" : [1.10, 2e3] }', '{"a" : [1.10, 2e3] }'), ("null", None), (" 5 ", "5"), ('"\\u00e9"', '"\\u00e9"')],
)
def test_a_payload_is_kept_as_it_is_written(written: str, kept: str | None) -> None:
    event = read_at_once(make_record(DATA.replace(whole(STRUCTURED["data"]["payload"]), written.encode())))

    assert event is not None
    assert event.data.payload_json == kept


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(["integration.price.processed", "integration.order.processed", "price"])
    | st.sampled_from(
        [0, -1, 1.0, 1.5, -0.0, 2**53 + 1, 2**63, 2**64, 1e300, "", "order", "2026-11-23T10:11:12Z", "a|b"]
    )
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from([*STRUCTURED["data"], "sequence", "reprocess_id", "unknown"])


@given(
    changes=st.dictionaries(NAMES, ODD, max_size=3),
    missing=st.sets(NAMES, max_size=2),
    cause=st.dictionaries(st.sampled_from([*CAUSE, "unknown"]), ODD, max_size=2),
    envelope=st.dictionaries(st.sampled_from([*STRUCTURED, "data_base64", "extension"]), ODD, max_size=1),
    way=st.sampled_from(["structured", "binary", "plain"]),
    is_ascii=st.booleans(),
)
@example(changes={"sequence": 1.0}, missing=set(), cause={}, envelope={}, way="plain", is_ascii=True)
def test_both_ways_of_reading_say_the_same(
    *,
    changes: dict[str, Any],
    missing: set[str],
    cause: dict[str, Any],
    envelope: dict[str, Any],
    way: str,
    is_ascii: bool,
) -> None:
    data = {**make_data(causes=[{**CAUSE, **cause}]), **changes}
    data = {name: value for name, value in data.items() if name not in missing}
    told = {**STRUCTURED, "data": data, **envelope} if way == "structured" else data
    text = json.dumps(told, ensure_ascii=is_ascii)

    assert_same(make_record(text.encode(errors="surrogatepass"), headers=HEADERS if way == "binary" else ()))


@given(st.data())
def test_both_ways_agree_on_bytes_that_were_damaged(data: st.DataObject) -> None:
    value = bytearray(
        whole({**STRUCTURED, "data": make_data(payload={"n": [1, -2.5e3, True], "t": "é\n"}, sequence=3)})
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value) - 1))
        new = data.draw(st.sampled_from([b"", *(bytes([one]) for one in b'{}[],:"\\0129.eE+-tfn \n\xc3\x80\xff')]))
        value[at : at + data.draw(st.integers(0, 1))] = new

    assert_same(make_record(bytes(value)))

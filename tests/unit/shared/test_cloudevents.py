import json

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event, to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as ReferenceEvent

from shared.contracts.cloudevents import CloudEvent, read_message, structured
from shared.contracts.errors import InvalidEvent
from tests.support.builders import make_cloudevent


def reference(event):
    attributes = {name: value for name, value in event.items() if name not in {"data", "time"}}
    return ReferenceEvent(attributes=attributes, data=event["data"])


def read(message):
    value = message.value if isinstance(message.value, bytes) else message.value.encode()
    headers = [(name, text if isinstance(text, bytes) else text.encode()) for name, text in message.headers.items()]
    return read_message(value, orjson.loads(value), headers)


@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
def test_what_the_reference_implementation_writes_is_read(write):
    wanted = make_cloudevent()
    seen = read(write(reference(wanted)))
    assert (seen.id, seen.source, seen.type, seen.data) == (
        wanted["id"],
        wanted["source"],
        wanted["type"],
        wanted["data"],
    )


def test_the_reference_implementation_reads_what_we_write():
    value, headers = structured(
        CloudEvent(id="1", source="/s", type="t", data={"a": "ç"}, extensions={"traceparent": "x"})
    )
    seen = from_kafka_event(KafkaMessage(headers=dict(headers), key=None, value=value), event_format=JSONFormat())
    assert (seen.get_id(), seen.get_source(), seen.get_type(), seen.get_data()) == ("1", "/s", "t", {"a": "ç"})


def test_plain_json_is_identified_by_its_bytes():
    one, other = b'{"a": 1}', b'{"a":1}'
    first, again, different = (read_message(value, json.loads(value), []) for value in (one, one, other))
    assert first.id == again.id != different.id
    assert first.type == ""


@pytest.mark.parametrize(
    ("envelope", "wrong"),
    [
        ({"specversion": "0.3", "id": "1", "source": "/s", "type": "t"}, "specversion"),
        ({"specversion": "1.0", "source": "/s", "type": "t"}, "'id'"),
        ({"specversion": "1.0", "id": 1, "source": "/s", "type": "t"}, "'id'"),
        ({"specversion": "1.0", "id": "1", "source": "", "type": "t"}, "'source'"),
    ],
)
def test_a_broken_envelope_is_named(envelope, wrong):
    with pytest.raises(InvalidEvent, match=wrong) as caught:
        read_message(b"", envelope, [])
    assert caught.value.error_class == "InvalidEnvelope"


def test_a_header_that_is_no_text_is_an_envelope_at_fault():
    with pytest.raises(InvalidEvent, match="ce_id"):
        read_message(b"{}", {}, [("ce_specversion", b"1.0"), ("ce_id", b"\xff")])


@pytest.mark.parametrize("body", [[], "text", 1, None, True])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(InvalidEvent, match="JSON object"):
        read_message(b"", body, [])


ENVELOPE = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": 1}}
TRACE = ("ce_traceparent", b"00-ab-cd-01")
ATTRIBUTES = [("ce_specversion", b"1.0"), ("ce_id", b"2"), ("ce_source", b"/b"), ("ce_type", b"u")]


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"application/cloudevents+json; charset=UTF-8",
        b" Application/CloudEvents+JSON ;charset=utf-8",
    ],
)
@pytest.mark.parametrize("beside", [[], [TRACE], ATTRIBUTES])
def test_the_content_type_of_cloudevents_makes_it_structured_whatever_stands_beside_it(content_type, beside):
    seen = read_message(b"", ENVELOPE, [*beside, ("content-type", content_type)])
    assert (seen.id, seen.source, seen.type, seen.data) == ("1", "/s", "t", {"a": 1})


def test_a_lone_header_of_cloudevents_leaves_a_structured_or_a_plain_body_what_it_is():
    assert read_message(b"", ENVELOPE, [TRACE]).id == "1"
    plain = read_message(b"{}", {"a": 1}, [TRACE, ("ce_id", b"2"), ("ce_specversion", None)])
    assert (plain.type, plain.data) == ("", {"a": 1})


@pytest.mark.parametrize("other", [[], [("content-type", b"application/json")], [("Content-Type", None)]])
def test_binary_mode_is_told_by_its_attributes(other):
    seen = read_message(b"", {"a": 1}, [*other, *ATTRIBUTES])
    assert (seen.id, seen.source, seen.type, seen.data) == ("2", "/b", "u", {"a": 1})
    with pytest.raises(InvalidEvent, match="specversion"):
        read_message(b"", {"a": 1}, [*other, *ATTRIBUTES[1:]])


def test_an_envelope_that_forgot_its_version_is_refused_for_that_and_our_own_data_never_is():
    forgetful = {name: value for name, value in ENVELOPE.items() if name != "specversion"}
    with pytest.raises(InvalidEvent, match="specversion"):
        read_message(b"", forgetful, [])
    for body in ({**forgetful, "kind": "order"}, {name: forgetful[name] for name in ("id", "type", "data")}):
        assert read_message(b"", body, []).data == body


def test_what_is_announced_as_a_structured_event_has_an_envelope():
    with pytest.raises(InvalidEvent, match="specversion"):
        read_message(b"", {"a": 1}, [("content-type", b"application/cloudevents+json")])


def test_a_null_attribute_is_one_that_is_not_there():
    seen = read_message(b"", {**ENVELOPE, "time": None, "subject": None, "reprocessid": None, "traceparent": "x"}, [])
    assert (seen.time, seen.subject, seen.extensions) == (None, None, {"traceparent": "x"})

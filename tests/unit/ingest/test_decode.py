import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.decode import decode
from services.ingest.handlers.ingesting import decode_all
from shared.contracts.errors import InvalidEvent
from shared.contracts.records import UNREADABLE_HEADERS
from tests.support.builders import RECEIVED_AT, make_cloudevent, make_data, make_record
from tests.support.poison import DANGEROUS_LOOKING, encoded, nested, poison_of, with_payload

BINARY = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"7"),
    ("ce_source", b"/mlc"),
    ("ce_type", b"integration.order.processed"),
)
POISON = poison_of()


@pytest.mark.parametrize(("value", "error_class"), POISON.values(), ids=POISON)
def test_poison_is_refused_by_the_name_of_what_is_wrong(value: bytes | None, error_class: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(make_record(value))

    assert refused.value.error_class == error_class
    assert str(refused.value)


@pytest.mark.parametrize("payload", DANGEROUS_LOOKING.values(), ids=DANGEROUS_LOOKING)
def test_what_only_looks_dangerous_is_taken_as_it_is(payload: str) -> None:
    (event,) = decode(make_record(with_payload(payload)))

    assert event.data.payload == json.loads(payload)


def test_a_hundred_levels_are_as_deep_as_an_event_may_be() -> None:
    (event,) = decode(make_record(with_payload(nested(98))))

    assert event.data.payload == json.loads(nested(98))


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

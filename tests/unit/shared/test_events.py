from datetime import timedelta

import pytest

from shared.contracts.errors import InvalidEvent
from shared.contracts.events import attempt_id, entry_id, parse_event_data, split_entry_id
from tests.support.builders import RECEIVED_AT, make_data, make_event


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account": "lo|ja"}, "account"),
        ({"account": ""}, "account"),
        ({"affiliate": "M LC"}, "affiliate"),
        ({"code": ""}, "code"),
        ({"code": "a\nb"}, "code"),
        ({"code": "x" * 301}, "code"),
        ({"code": 2000004567}, "code"),
        ({"kind": "orders"}, "kind"),
        ({"status": "ok"}, "status"),
        ({"processed_at": "2026-11-23T10:11:12"}, "processed_at"),
        ({"processed_at": 5}, "processed_at"),
        ({"sequence": "17"}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"causes": {}}, "causes"),
        ({"causes": [{"code": 7}]}, "causes.0.code"),
        ({"aliases": []}, "aliases"),
    ],
)
def test_a_field_at_fault_is_named(changes, field):
    with pytest.raises(InvalidEvent, match=field.replace(".", r"\.")) as caught:
        parse_event_data(make_data(**changes))
    assert caught.value.error_class == "InvalidField"


def test_a_missing_field_is_named():
    data = make_data()
    del data["status"]
    with pytest.raises(InvalidEvent, match="status"):
        parse_event_data(data)


@pytest.mark.parametrize("code", ["a/b", "MLC-1|2", "Ç ã", "x" * 300, "%2F", "$where", "a.b"])
def test_an_odd_code_is_still_a_code(code):
    event = make_event(code=code)
    assert split_entry_id(event.entry_id) == ("loja", "order", "MLC", code)


def test_unknown_fields_and_cause_codes_are_kept():
    data = parse_event_data(make_data(batch="7", causes=[{"code": "NEW-9", "message": "m", "severity": 3}]))
    assert data.extra == {"batch": "7"}
    assert data.causes[0]["severity"] == 3
    assert data.causes[0]["code"] == "NEW-9"


def test_attempts_are_ordered_by_time_then_sequence_then_source_then_id():
    events = [
        make_event(processed_at="2026-11-23T10:11:12.123Z", id="a"),
        make_event(processed_at="2026-11-23T10:11:12.123Z", id="b"),
        make_event(processed_at="2026-11-23T10:11:12.123Z", id="a", source="/z"),
        make_event(processed_at="2026-11-23T10:11:12.123Z", sequence=0, id="a"),
        make_event(processed_at="2026-11-23T10:11:12.123Z", sequence=10, id="a"),
        make_event(processed_at="2026-11-23T10:11:12.1230001Z", id="a"),
    ]
    versions = [event.version for event in events]
    assert versions == sorted(versions)


def test_a_clock_a_day_ahead_orders_by_when_the_broker_took_it_in():
    ahead = make_event(processed_at="2026-11-24T10:11:12Z")
    next_one = make_event(processed_at="2026-11-23T10:12:00Z", received_at=RECEIVED_AT + timedelta(minutes=1))
    assert ahead.version < next_one.version
    assert ahead.processed_at > next_one.processed_at


def test_a_clock_four_minutes_ahead_is_believed():
    event = make_event(processed_at="2026-11-23T10:15:00Z")
    assert event.version[0] == "2026-11-23T10:15:00"


def test_attempts_of_one_entry_never_stand_in_the_range_of_another():
    inner = attempt_id(entry_id("loja", "order", "MLC", "1"), "s", "i")
    outer = entry_id("loja", "order", "MLC", "1|2")
    assert not outer.startswith(inner.split("\x1f")[0] + "\x1f")


def test_a_line_break_at_the_end_is_no_part_of_a_code():
    with pytest.raises(InvalidEvent, match="code"):
        parse_event_data(make_data(code="1\n"))
    with pytest.raises(InvalidEvent, match="account"):
        parse_event_data(make_data(account="loja\n"))

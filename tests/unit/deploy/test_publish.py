import json

import pytest

from deploy.errors import CommandError
from deploy.publish import read_items, to_message
from services.ingest.core.decode import decode
from shared.contracts.errors import InvalidEvent
from tests.support.builders import make_cloudevent, make_data, make_record


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', '[{"a": 1}]', '{"a": 1}\n', '\ufeff{"a": 1}', '{"a": 1}\n\n'],
)
def test_an_object_an_array_and_lines_are_all_items(tmp_path, text):
    path = tmp_path / "events"
    path.write_text(text, encoding="utf-8")
    assert read_items(str(path)) == [{"a": 1}]


def test_a_line_ends_where_json_lines_says_and_not_at_unicodes_other_breaks(tmp_path):
    path = tmp_path / "events"
    path.write_text('{"a": "x\u2028y\x85z"}\r\n{"a": 2}\r\n', encoding="utf-8", newline="")
    assert read_items(str(path)) == [{"a": "x\u2028y\x85z"}, {"a": 2}]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"a": 1}\n{"a": }\n', "line 2: Expecting value"),
        (b'{\n  "a": 1,\n}\n', "line 3 column 1"),  # one value over several lines: the place in the whole
        (b"[" * 200_000, "nested deeper"),
        (b"\xff\xfe{}", "no text in UTF-8"),
    ],
)
def test_a_file_that_is_no_json_says_where(tmp_path, content, why):
    path = tmp_path / "events"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=why):
        read_items(str(path))


def test_half_a_surrogate_pair_is_refused_with_its_place():
    with pytest.raises(CommandError, match="item 3: half of a surrogate pair"):
        to_message(make_data(code="\ud800"), "loja", "item 3")


def test_the_same_data_is_the_same_event():
    one, again = (json.loads(to_message(make_data(), "loja", "item 1").value) for _ in "ab")
    other = json.loads(to_message(make_data(code="7"), "loja", "item 1").value)
    assert one["id"] == again["id"] != other["id"]


def test_the_events_of_the_readme_are_two_and_a_dead_letter():
    items = read_items("deploy/demo/events.jsonl")
    messages = [to_message(item, "loja", "line") for item in items]
    *right, wrong = [make_record(message.value, topic=message.topic) for message in messages]

    assert [event.data.code for record in right for event in decode(record)] == ["2000009876", "88"]
    with pytest.raises(InvalidEvent, match="code"):
        decode(wrong)


def test_a_cloudevent_travels_as_it_is():
    event = make_cloudevent()
    message = to_message(event, "loja", "item 1")
    assert json.loads(message.value) == event
    assert message.key.decode() == "loja|order|MLC|2000004567"


def test_a_number_that_no_database_holds_is_published_as_it_stands():
    message = to_message(make_data(payload={"n": 2**64 + 1}), "loja", "item 1")
    assert json.loads(message.value)["data"]["payload"]["n"] == 2**64 + 1


@pytest.mark.parametrize("item", [1, "text", {"kind": "orders"}, {"specversion": "1.0", "data": {"kind": 3}}])
def test_what_has_no_topic_is_refused_with_its_place(item):
    with pytest.raises(CommandError, match="item 3"):
        to_message(item, "loja", "item 3")


def test_another_shape_goes_to_the_topic_that_is_named_under_its_subject():
    result = {
        "specversion": "1.0",
        "id": "1",
        "source": "/oms",
        "type": "integration.order.result",
        "subject": "loja|order|MLC|1",
        "data": {"code": "SOI001"},
    }
    message = to_message(result, "loja", "item 1", "order")
    assert (message.topic, message.key) == ("integration.events.order", b"loja|order|MLC|1")
    with pytest.raises(CommandError, match="--kind"):
        to_message(result, "loja", "item 1")


def test_an_event_of_ours_without_its_kind_is_not_told_to_choose_one():
    event = make_cloudevent(kind="order")
    del event["data"]["kind"]

    with pytest.raises(CommandError, match=r"item 1: `data\.kind` must be one of order, [a-z, ]+$"):
        to_message(event, "loja", "item 1", "order")


@pytest.mark.parametrize("named", [{}, {"kind": None}, {"kind": "price"}])
def test_bare_data_that_names_no_kind_is_of_the_one_that_is_given(named):
    data = {name: value for name, value in make_data().items() if name != "kind"}
    message = to_message(data | named, "loja", "item 1", "price")

    (event,) = decode(make_record(message.value, topic=message.topic))
    assert (message.topic, event.data.kind) == ("integration.events.price", "price")
    same = to_message(make_data(kind="price"), "loja", "item 1")
    assert (json.loads(message.value), message.key) == (json.loads(same.value), same.key)
    with pytest.raises(CommandError, match=r"item 1: `kind` must be one of .* needs --kind"):
        to_message(data, "loja", "item 1")


@pytest.mark.parametrize("item", [make_data(kind="order"), make_data(kind="orders"), make_cloudevent(kind="order")])
def test_a_kind_that_contradicts_the_one_that_is_given_is_refused_naming_both(item):
    with pytest.raises(CommandError, match=r"item 2: its `kind` is 'orders?' and --kind is 'price': "):
        to_message(item, "loja", "item 2", "price")

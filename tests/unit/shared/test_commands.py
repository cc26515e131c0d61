from datetime import timedelta

import pytest

from shared.contracts.commands import ExportCommand, ReprocessCommand, named, parse_command
from shared.contracts.errors import InvalidCommand
from tests.support.builders import make_record

ITEM = {"affiliate": "MLC", "code": "1"}


def nested(levels):
    """Return a list in a list in a list: as deep as JSON may be that a command's parser takes."""
    value = ["error"]
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "order"}, "body"),
        ({"kind": "order", "items": [ITEM], "filter": {}}, "body"),
        ({"kind": "order", "items": []}, "items"),
        ({"kind": "order", "items": [{"affiliate": "MLC"}]}, "items.0.code"),
        ({"kind": "orders", "items": [ITEM]}, "kind"),
        ({"kind": "order", "filter": {"color": ["red"]}}, "filter.color"),
        ({"kind": "order", "filter": {"status": ["failed"]}}, "filter.status"),
        ({"kind": "order", "filter": {"status": ""}}, "filter.status"),
        ({"kind": "order", "filter": {"affiliate": [""]}}, "filter.affiliate"),
        ({"kind": "order", "filter": {"status": ["error", " "]}}, "filter.status"),
        ({"kind": "order", "filter": {"retry": []}}, "filter.retry"),
        ({"kind": "order", "filter": {"status": nested(1_000)}}, "filter.status"),
        ({"kind": "order", "items": [ITEM], "max_per_second": 0}, "max_per_second"),
        ({"kind": "order", "items": [ITEM], "surprise": 1}, "surprise"),
        ({"kind": "order", "items": [ITEM], "id": "a b"}, "id"),
    ],
)
def test_a_reprocess_command_at_fault_names_the_field(body, field):
    with pytest.raises(InvalidCommand) as caught:
        parse_command(ReprocessCommand, {"account": "loja", **body})
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "America", "a\x00b", "localtime", "right/UTC"])
def test_an_unknown_time_zone_is_refused_before_any_work(name):
    with pytest.raises(InvalidCommand) as caught:
        parse_command(ExportCommand, {"account": "loja", "time_zone": name})
    assert caught.value.field == "time_zone"


def test_a_filter_is_bound_to_the_kind_of_its_command():
    command = parse_command(ReprocessCommand, {"account": "loja", "kind": "price", "filter": {"status": ["error"]}})
    rows = command.log_filter()
    assert (rows.kind, rows.status) == (("price",), ("error",))


def test_an_export_may_name_one_kind_several_or_none():
    kinds = [
        parse_command(ExportCommand, {"account": "loja", **chosen}).log_filter().kind
        for chosen in ({"kind": "order"}, {"kinds": ["order", "price", "order"]}, {})
    ]
    assert kinds == [("order",), ("order", "price"), ()]


def test_a_command_without_an_id_gets_one_of_its_own():
    one, other = (parse_command(ReprocessCommand, {"account": "loja", "kind": "order", "items": [ITEM]}) for _ in "ab")
    assert one.id != other.id


def test_a_filter_of_another_kind_is_refused_and_never_widened():
    for model, body in (
        (ReprocessCommand, {"kind": "order", "filter": {"kind": ["product"]}}),
        (ExportCommand, {"kinds": ["order", "price"], "filter": {"kind": ["product"]}}),
    ):
        with pytest.raises(InvalidCommand) as caught:
            parse_command(model, {"account": "loja", **body})
        assert caught.value.field == "filter.kind"


def test_a_filter_may_name_some_of_the_kinds_of_its_command():
    command = parse_command(
        ExportCommand, {"account": "loja", "kinds": ["order", "price"], "filter": {"kind": ["price"]}}
    )
    assert command.log_filter().kind == ("price",)


def test_an_export_names_its_kinds_in_one_way():
    with pytest.raises(InvalidCommand, match="not both"):
        parse_command(ExportCommand, {"account": "loja", "kind": "order", "kinds": ["price"]})


def test_a_command_without_an_id_is_named_after_its_place_and_moment():
    here, there = (
        make_record(b"{}", topic="integration.exports"),
        make_record(b"{}", topic="integration.exports", offset=1),
    )
    anew = here._replace(timestamp=here.timestamp + timedelta(days=30))

    names = [named({}, record)["id"] for record in (here, here, there, anew)]

    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert parse_command(ExportCommand, named({"account": "loja"}, here)).id == names[0]
    assert named({"id": None}, here)["id"] == names[0]
    assert named({"id": "mine"}, here) == {"id": "mine"}

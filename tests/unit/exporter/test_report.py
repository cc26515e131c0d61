import zoneinfo

import pytest

from services.exporter.core.report import report_of
from services.exporter.core.tally import MAX_LINES, OTHERS, Tally
from shared.contracts.commands import ExportCommand, parse_command
from shared.contracts.errors import InvalidCommand
from tests.support.export_rows import AT, make_entry, make_report


@pytest.mark.parametrize(
    "name", ["Nowhere/City", "", "../../etc/passwd", "America", "/etc/localtime", "\x00", "x" * 64, "UTC+3"]
)
def test_an_unknown_time_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        parse_command(ExportCommand, {"account": "loja", "time_zone": name})

    assert refused.value.field == "time_zone"
    assert "America/Sao_Paulo" in refused.value.reason


@pytest.mark.parametrize("name", ["America/Sao_Paulo", "UTC", "Asia/Kolkata", "Pacific/Chatham"])
def test_every_zone_of_the_iana_database_is_known(name: str) -> None:
    assert parse_command(ExportCommand, {"account": "loja", "time_zone": name}).time_zone == name


def test_zones_come_from_a_package_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    zoneinfo.reset_tzpath(())
    try:
        assert zoneinfo.ZoneInfo.no_cache("America/Sao_Paulo").key == "America/Sao_Paulo"
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"format": "pdf"}, "format"),
        ({"language": "fr"}, "language"),
        ({"filter": {"status": ["boom"]}}, "filter.status"),
        ({"filter": {"nope": "x"}}, "filter.nope"),
        ({"kind": "boat"}, "kind"),
        ({"surprise": 1}, "surprise"),
        ({"account": "a|b"}, "account"),
    ],
)
def test_a_wrong_command_is_refused_by_the_field_at_fault(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        parse_command(ExportCommand, {"account": "loja", **wrong})

    assert refused.value.field == field


def test_a_file_is_named_after_what_whose_and_when_in_the_readers_zone() -> None:
    command = {"account": "loja", "kind": "order", "language": "en", "time_zone": "America/Sao_Paulo", "format": "csv"}
    report = report_of(command, made_at=AT, marketplaces={})

    assert report.file_name == "integrations-order-loja-20261123-071112.csv"
    assert make_report().file_name == "integracoes-loja-20261123-071112.xlsx"


def test_a_tally_counts_rows_once_and_each_cause_in_its_line() -> None:
    tally = Tally()
    tally.add(
        [
            make_entry(causes=[{"code": "A"}, {"code": "B"}, {"code": "A"}]),
            make_entry(causes=[{"code": "A"}]),
            make_entry(causes=[]),
            make_entry(status="success", causes=[], affiliate="AMZ"),
        ]
    )

    assert tally.rows == 4
    assert tally.largest_first() == [
        (("AMZ", "success", ""), 1),
        (("MLC", "error", "A"), 2),
        (("MLC", "error", "B"), 1),
        (("MLC", "error", "UNMAPPED"), 1),
    ]


def test_a_tally_stays_small_whatever_codes_come() -> None:
    tally = Tally()
    tally.add(make_entry(causes=[{"code": f"C{number}"}]) for number in range(MAX_LINES + 100))

    assert len(tally.lines) == MAX_LINES + 1
    assert tally.lines[OTHERS] == 100
    assert tally.largest_first()[-1] == (OTHERS, 100)

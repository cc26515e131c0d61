from typing import Any

import pytest

from services.exporter.core.columns import COLUMNS, headers_of, values_of
from services.exporter.core.labels import WORDS
from services.exporter.core.records import record_of
from shared.contracts.catalogue import CATALOGUE, find
from shared.contracts.commands import Language
from shared.contracts.entries import LogEntry
from shared.contracts.events import STATUSES
from shared.contracts.names import KINDS
from tests.support.export_rows import AT, make_entry, make_report

LANGUAGES: tuple[Language, ...] = ("pt", "en", "es")


def shown(entry: LogEntry, **changes: Any) -> dict[str, Any]:
    return dict(zip([column.name for column in COLUMNS], values_of(entry, make_report(**changes)), strict=True))


def test_no_report_shows_whose_field_it_was() -> None:
    entry = make_entry(causes=[{"code": "ORD-SLA", "message": "senha: segredo", "field": "529.982.247-25"}])

    row, (cause,) = shown(entry), record_of(entry, make_report())["causes"]

    assert (row["field"], row["message"]) == ("***.***.***-25", "senha: ***")
    assert (cause["field"], cause["message"]) == ("***.***.***-25", "senha: ***")


def test_a_row_tells_which_error_it_was_what_to_do_and_where() -> None:
    row = shown(make_entry(causes=[{"code": "ORD-SLA", "message": "No available sla", "field": "items[0]"}]))
    sla = find("ORD-SLA")

    assert sla is not None
    assert row["error_code"] == "ORD-SLA"
    assert row["error"] == sla.titles["pt"]
    assert row["guidance"] == sla.guidance["pt"]
    assert row["message"] == "No available sla"
    assert row["retry"] == WORDS["pt"].retry[sla.retry]
    assert row["field"] == "items[0]"
    assert row["marketplace"] == "MercadoLivre Classic"
    assert row["status"] == "processo com erro"
    assert row["kind"] == "Pedido"
    assert row["attempts"] == 3
    assert row["aliases"] == "vtex_order_id: MLC-2000004567"
    assert row["processed_at"] == AT


def test_every_cause_is_told_a_line_each() -> None:
    row = shown(
        make_entry(
            causes=[
                {"code": "ORD-SLA", "message": "one"},
                {"code": "ORD-SLA", "message": "two"},
                {"code": "X-9", "message": "one"},
            ]
        )
    )

    assert row["error_code"] == "ORD-SLA\nX-9"
    assert row["message"] == "one\ntwo"
    assert len(row["error"].splitlines()) == 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", ["error", "warning"])
@pytest.mark.parametrize(
    "causes",
    [
        [],
        [{}],
        [{"code": None, "message": None}],
        [{"code": "ORD-SLA", "message": ""}],
        [{"code": "UNMAPPED", "message": "   "}],
        [{"code": "EOI-NOBODY-KNOWS", "message": "\n"}],
        [{"code": "ORD-SLA", "message": 5}],
    ],
)
def test_an_error_row_never_has_an_empty_detail(language: Language, status: str, causes: list[Any]) -> None:
    row = shown(make_entry(status=status, causes=causes), language=language)

    for name in ("error_code", "error", "message", "guidance", "retry"):
        assert str(row[name] or "").strip(), name


def test_a_message_in_another_language_is_kept_beside_the_title_in_the_readers() -> None:
    row = shown(make_entry(causes=[{"code": "ORD-SLA", "message": "Error no mapeado"}]), language="en")

    assert row["message"] == "Error no mapeado"
    assert row["error"] == CATALOGUE["ORD-SLA"].titles["en"]


def test_a_row_without_trouble_has_no_detail() -> None:
    row = shown(make_entry(status="success", causes=[], aliases={}, reprocess=None))

    assert [
        row[name] for name in ("error_code", "error", "message", "guidance", "retry", "field", "aliases", "reprocess")
    ] == [None] * 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_in_every_language(language: Language) -> None:
    words = WORDS[language]
    headers = headers_of(make_report(language=language))

    assert len(set(headers)) == len(COLUMNS)
    assert all(headers)
    assert set(words.kinds) == set(KINDS)
    assert set(words.statuses) == set(STATUSES)
    assert set(words.retry) == {"auto", "fix", "never"}
    assert set(words.reprocess) == {"claimed", "sent", "answered", "unknown"}
    assert words.summary.keys() == WORDS["pt"].summary.keys()
    assert sum("(America/Sao_Paulo)" in header for header in headers) == 4


@pytest.mark.parametrize(("state", "text"), [("claimed", "na fila"), ("sent", "enviado"), ("other", "other")])
def test_a_row_says_how_far_its_reprocessing_is(state: str, text: str) -> None:
    assert shown(make_entry(reprocess={"id": "r1", "state": state}))["reprocess"] == text


def test_an_unregistered_marketplace_is_shown_by_its_affiliate() -> None:
    assert shown(make_entry(affiliate="AMZ"))["marketplace"] == "AMZ"


def test_a_record_keeps_our_own_names_and_utc() -> None:
    record = record_of(
        make_entry(reprocess={"id": "r1", "state": "sent", "claimed_at": AT}), make_report(language="en")
    )

    assert record["kind"] == "order"
    assert record["processed_at"] == "2026-11-23T10:11:12.123Z"
    assert record["causes"][0]["guidance"] == CATALOGUE["ORD-SLA"].guidance["en"]
    assert record["causes"][0]["retry"] == CATALOGUE["ORD-SLA"].retry
    assert record["reprocess"] == {"id": "r1", "state": "sent"}
    assert record_of(make_entry(causes=[]), make_report())["causes"][0]["code"] == "UNMAPPED"


def test_a_report_never_tells_personal_data() -> None:
    entry = make_entry(causes=[{"code": "X", "message": "CPF 123.456.789-09 of ana@example.com"}])

    assert shown(entry)["message"] == "CPF ***.***.***-09 of ***@example.com"
    assert record_of(entry, make_report())["causes"][0]["message"] == "CPF ***.***.***-09 of ***@example.com"

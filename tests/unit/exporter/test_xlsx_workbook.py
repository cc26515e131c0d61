import io
import re
import zipfile
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.exporter.adapters.xlsx_workbook import XlsxWorkbook
from services.exporter.core.cells import safe_cell, safe_row
from services.exporter.core.columns import COLUMNS, headers_of
from services.exporter.core.report import Report
from services.exporter.core.tally import Tally
from shared.contracts.commands import Language
from shared.contracts.entries import LogEntry
from shared.contracts.filters import LogFilter
from tests.support.export_rows import HOSTILE_TEXTS, hostile_entries, make_entry, make_report
from tests.support.fakes.exporter import PlainWorkbook, cells_of

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
ANY_NUMBER = st.integers() | st.floats() | st.booleans()
ANY_INSTANT = st.datetimes(datetime(1800, 1, 1), datetime(9999, 12, 1))  # noqa: DTZ001
ANY_ROW = st.tuples(
    *(
        ANY_TEXT
        | st.none()
        | (ANY_INSTANT if column.is_instant else ANY_NUMBER if column.name == "attempts" else ANY_TEXT)
        for column in COLUMNS
    )
)


def file_of(book: XlsxWorkbook | PlainWorkbook, entries: Sequence[LogEntry], *, is_one_moment: bool = True) -> bytes:
    tally = Tally()
    tally.add(entries)
    with closing(book):
        book.append(entries)
        return book.finish(tally, is_one_moment=is_one_moment).stream.read()


def opened(file: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(file))


def text_of(file: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        return "".join(parts.read(name).decode() for name in parts.namelist())


@pytest.mark.parametrize("language", ["pt", "en", "es"])
def test_the_streamed_file_is_cell_by_cell_what_plain_openpyxl_writes(language: Language) -> None:
    report = make_report(language=language, rows=LogFilter(kind=("order",), status=("error",)))
    entries = [*hostile_entries(), make_entry(status="success", causes=[], aliases={}), make_entry(attempts=0)]

    streamed, plain = (file_of(book, entries) for book in (XlsxWorkbook(report), PlainWorkbook(report)))

    for sheet in (0, 1):
        assert list(cells_of(streamed, sheet)) == list(cells_of(plain, sheet))
    ours, theirs = opened(streamed), opened(plain)
    for one, other in zip(ours.worksheets, theirs.worksheets, strict=True):
        assert (one.title, one.freeze_panes, one.auto_filter.ref) == (
            other.title,
            other.freeze_panes,
            other.auto_filter.ref,
        )
        assert {name: size.width for name, size in one.column_dimensions.items()} == {
            name: size.width for name, size in other.column_dimensions.items()
        }


@settings(max_examples=60)
@given(st.lists(ANY_ROW, min_size=1, max_size=4))
def test_any_text_of_all_unicode_comes_back_equal(rows: list[tuple[Any, ...]]) -> None:
    report = make_report()
    with closing(XlsxWorkbook(report)) as book:
        book.append_rows([safe_row(row, report.zone) for row in rows])
        sheet = opened(book.finish(Tally(), is_one_moment=True).stream.read()).worksheets[0]

    for row, written in zip(rows, sheet.iter_rows(min_row=2, max_row=1 + len(rows), max_col=len(COLUMNS)), strict=True):
        for value, cell in zip(row, written, strict=True):
            expected = safe_cell(value, report.zone)
            if isinstance(expected, datetime) and isinstance(cell.value, datetime):
                assert abs((expected - cell.value).total_seconds()) < 0.001
            else:
                assert cell.value == expected
            assert cell.data_type != "f"


def test_no_hostile_row_can_run_or_link() -> None:
    file = file_of(XlsxWorkbook(make_report()), hostile_entries())
    xml = text_of(file)

    assert "<f>" not in xml.replace("&lt;f&gt;", "")
    assert not re.search(r"<f[ >/]", xml)
    assert "<hyperlink" not in xml
    assert 't="e"' not in xml
    for row in opened(file).worksheets[0].iter_rows(min_row=2):
        for cell in row:
            assert cell.data_type in {"s", "n", "d", "inlineStr"}
            if isinstance(cell.value, str) and cell.value[:1] in set("=+-@\t"):
                assert cell.quotePrefix


def test_a_report_without_rows_is_a_valid_workbook_that_says_so() -> None:
    file = file_of(XlsxWorkbook(make_report()), [])
    sheet = opened(file).worksheets[0]

    assert [cell.value for cell in sheet[1]] == headers_of(make_report())
    assert sheet["A2"].value == "Nenhum item foi encontrado"
    assert sheet.max_row == 2
    assert list(cells_of(file, 1)) == list(cells_of(file_of(PlainWorkbook(make_report()), []), 1))


def test_rows_roll_to_a_next_sheet_with_its_own_header() -> None:
    entries = [make_entry(code=str(number)) for number in range(25)]
    book = opened(file_of(XlsxWorkbook(make_report(), sheet_rows=10), entries))

    assert book.sheetnames == ["Itens", "Itens 2", "Itens 3", "Resumo"]
    rows = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets[:3]]
    assert [len(sheet) for sheet in rows] == [11, 11, 6]
    assert all(list(sheet[0]) == headers_of(make_report()) for sheet in rows)
    assert [row[1] for sheet in rows for row in sheet[1:]] == [entry.code for entry in entries]
    assert [sheet.auto_filter.ref for sheet in book.worksheets[:3]] == ["A1:R11", "A1:R11", "A1:R6"]


def test_a_sheet_that_is_full_leaves_no_empty_one_behind() -> None:
    book = opened(file_of(XlsxWorkbook(make_report(), sheet_rows=10), [make_entry()] * 20))

    assert book.sheetnames == ["Itens", "Itens 2", "Resumo"]


def test_a_sheet_ends_before_its_zip_member_needs_zip64() -> None:
    with closing(XlsxWorkbook(make_report(), sheet_bytes=5_000)) as book:
        for _ in range(10):
            book.append([make_entry()] * 5)
        file = book.finish(Tally(), is_one_moment=True).stream.read()

    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        assert len([name for name in parts.namelist() if "worksheets/sheet" in name]) > 3
        assert all(part.extract_version < 45 for part in parts.infolist())
    assert sum(sheet.max_row - 1 for sheet in opened(file).worksheets[:-1]) == 50


@pytest.mark.parametrize(("language", "shown"), [("pt", "dd/mm/yyyy hh:mm:ss"), ("en", "yyyy-mm-dd hh:mm:ss")])
def test_the_summary_tells_when_it_was_made_as_a_date_of_the_reports_zone(language: Language, shown: str) -> None:
    report = make_report(language=language)
    sheet = opened(file_of(XlsxWorkbook(report), [make_entry()])).worksheets[-1]
    cell = next(row[1] for row in sheet.iter_rows() if row[0].value == report.words.summary["made_at"])
    assert cell.is_date
    assert cell.value == report.made_at.astimezone(report.zone).replace(tzinfo=None, microsecond=0)
    assert cell.number_format == shown


def test_the_summary_names_the_filter_and_counts_by_affiliate_and_cause() -> None:
    rows = LogFilter.parse(
        {
            "kind": ["order"],
            "affiliate": ["MLC", "AMZ"],
            "status": "error",
            "q": "=1+1",
            "from": "2026-11-01T00:00:00-03:00",
            "to": "2026-12-01T03:00:00Z",
            "retry": ["auto", "never"],
            "reprocess_id": "job-7",
            "date_axis": "received_at",
            "attempts_min": 3,
            "stale_since": "2026-12-01T00:00:00-03:00",
        }
    )
    entries = [make_entry(), make_entry(), make_entry(affiliate="AMZ", causes=[])]
    sheet = opened(file_of(XlsxWorkbook(make_report(rows=rows)), entries, is_one_moment=False)).worksheets[1]
    lines = [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]

    assert ["Itens", 3] in lines
    assert ["Filtro", "Afiliado", "MLC, AMZ"] in lines
    assert ["Filtro", "Status", "processo com erro"] in lines
    assert ["Filtro", "Busca", "=1+1"] in lines
    assert ["Filtro", "Retentativa", "automática, não adianta reprocessar"] in lines
    assert ["Filtro", "Reprocessamento", "job-7"] in lines
    assert ["Filtro", "Data", "Recebido em"] in lines
    assert ["Filtro", "Tentativas, no mínimo", "3"] in lines
    assert ["Filtro", "Sem processamento desde", "2026-12-01 00:00:00 (2026-12-01T03:00:00.000Z)"] in lines
    assert ["Filtro", "De", "2026-11-01 00:00:00 (2026-11-01T03:00:00.000Z)"] in lines
    assert ["Fuso horário", "America/Sao_Paulo"] in lines
    assert [
        "MLC",
        "MercadoLivre Classic",
        "processo com erro",
        "ORD-SLA",
        "Nenhuma entrega disponível para o pedido",
        2,
    ] in lines
    assert any(line[:4] == ["AMZ", "AMZ", "processo com erro", "UNMAPPED"] for line in lines)
    assert any("lida depois" in str(line[0]) for line in lines if line)


def test_a_file_tells_its_title_and_time_and_is_recognized_by_its_first_bytes() -> None:
    file = file_of(XlsxWorkbook(make_report()), [make_entry()])
    book = opened(file)

    assert book.properties.title == make_report().file_name
    assert book.properties.creator == "Ponte"
    assert zipfile.ZipFile(io.BytesIO(file)).namelist()[0] == "docProps/app.xml"


def test_instants_are_dates_of_the_zone_and_ids_are_texts() -> None:
    row = next(
        opened(file_of(XlsxWorkbook(make_report()), [make_entry(code="00012")])).worksheets[0].iter_rows(min_row=2)
    )
    cells = {column.name: cell for column, cell in zip(COLUMNS, row, strict=True)}

    assert cells["processed_at"].value == datetime.fromisoformat("2026-11-23T07:11:12.123")
    assert cells["processed_at"].number_format == "dd/mm/yyyy hh:mm:ss"
    assert cells["code"].value == "00012"
    assert cells["code"].number_format == "@"
    assert cells["attempts"].value == 3


def test_the_hostile_texts_are_read_back_whole() -> None:
    report: Report = make_report()
    sheet = opened(file_of(XlsxWorkbook(report), hostile_entries())).worksheets[0]

    codes = [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert [as_shown(code) for code in codes] == [safe_cell(text, report.zone) for text in HOSTILE_TEXTS]


def as_shown(text: Any) -> Any:
    """Return what a spreadsheet shows of a text in the file; openpyxl leaves the escapes of the format as they are."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text) if isinstance(text, str) else text


@pytest.mark.parametrize(
    "text", ["SKU_x0041_B", "_x0041_x0042_", "_x005F_x0041_", "_x003D_1+1", "a_x12_b", "__x00e9__"]
)
def test_what_looks_like_an_escape_of_the_format_is_shown_as_it_is(text: str) -> None:
    with closing(XlsxWorkbook(make_report())) as book:
        book.append_rows([[text] * len(COLUMNS)])
        rows, _ = opened(book.finish(Tally(), is_one_moment=True).stream.read()).worksheets
    assert as_shown(rows.cell(2, 1).value) == text

"""The workbook around the rows, made by openpyxl: named styles, widths, panes, filter, summary sheet, properties.

The rows themselves are streamed into it by `xlsx_workbook`, at eight times the speed of openpyxl's own writer.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from services.exporter.core.cells import is_active, safe_cell
from services.exporter.core.columns import COLUMNS
from services.exporter.core.report import Report
from services.exporter.core.tally import OTHERS, Tally
from shared.contracts.catalogue import UNMAPPED, find
from shared.contracts.times import format_instant, in_zone

Table = Sequence[Sequence[object]]

SUMMARY_WIDTHS: Final = (24, 24, 24, 22, 48, 12)
LAST_COLUMN: Final = get_column_letter(len(COLUMNS))
_LIKE_AN_ESCAPE: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(frozen=True, slots=True)
class Look:
    """Style numbers: of the header, and per column of a plain cell and of a text that begins like a formula."""

    header: int
    plain: Sequence[int]
    quoted: Sequence[int]


def make_frame(
    report: Report, rows_of_sheets: Sequence[int], tally: Tally | None, notes: Sequence[str] = ()
) -> Workbook:
    """Return a workbook with a data sheet, header only, for each of `rows_of_sheets`, and a summary of `tally`.

    Style numbers and the shape of the data sheets are the same whatever the numbers of rows.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    for style in _styles(report):
        book.add_named_style(style)
    for number, rows in enumerate(rows_of_sheets, 1):
        _shape(book.create_sheet(sheet_name(report, number)), rows)
    _summarize(book.create_sheet(report.words.summary["title"]), report, tally or Tally(), notes)
    _describe(book, report)
    return book


def sheet_name(report: Report, number: int) -> str:
    """Return the name of a data sheet; the first has no number."""
    return report.words.items_sheet if number == 1 else f"{report.words.items_sheet} {number}"


def look_of(book: Workbook) -> Look:
    """Return the style numbers of a frame's data sheets."""
    sheet = book.worksheets[0]
    plain, quoted = ([int(sheet.cell(row, column).style_id) for column in range(1, len(COLUMNS) + 1)] for row in (2, 3))
    return Look(int(sheet.cell(1, 1).style_id), plain, quoted)


def saved(book: Workbook) -> io.BytesIO:
    """Return the frame as a file."""
    file = io.BytesIO()
    book.save(file)
    return file


def _styles(report: Report) -> Iterable[NamedStyle]:
    top = Alignment(vertical="top")
    yield NamedStyle(
        "Ponte header", font=Font(bold=True, color="FFFFFF"), fill=PatternFill("solid", fgColor="142032"), alignment=top
    )
    yield NamedStyle("Ponte text", alignment=top, number_format="@")
    yield NamedStyle("Ponte wrapped", alignment=Alignment(vertical="top", wrap_text=True), number_format="@")
    yield NamedStyle("Ponte instant", alignment=top, number_format=report.words.date_format)
    yield NamedStyle("Ponte number", alignment=top, number_format="0")


def _shape(sheet: Worksheet, rows: int) -> None:
    for number, column in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = column.width
        sheet.cell(1, number).style = "Ponte header"
        sheet.cell(2, number).style = _style_of(number)
        quoted = sheet.cell(3, number)
        quoted.style = _style_of(number)
        quoted.quotePrefix = True
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = f"A1:{LAST_COLUMN}{rows + 1}"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _style_of(number: int) -> str:
    column = COLUMNS[number - 1]
    if column.is_instant:
        return "Ponte instant"
    if column.name == "attempts":
        return "Ponte number"
    return "Ponte wrapped" if column.wraps else "Ponte text"


def _summarize(sheet: Worksheet, report: Report, tally: Tally, notes: Sequence[str]) -> None:
    for number, width in enumerate(SUMMARY_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    header = len(facts := _facts(report, tally, notes)) + 2
    for line, values in enumerate(facts, 1):
        _put_row(sheet, line, values, report)
        sheet.cell(line, 1).font = Font(bold=True)
    columns = report.words.columns
    names = [columns[name] for name in ("affiliate", "marketplace", "status", "error_code", "error")]
    _put_row(sheet, header, [*names, report.words.summary["rows"]], report, style="Ponte header")
    for line, values in enumerate(_totals(report, tally), header + 1):
        _put_row(sheet, line, values, report)
    sheet.freeze_panes = f"A{header + 1}"


def _facts(report: Report, tally: Tally, notes: Sequence[str]) -> Table:
    words = report.words.summary
    shown = report.rows.to_json()
    return [
        (words["account"], report.account),
        (words["made_at"], report.made_at.replace(microsecond=0)),
        (words["time_zone"], report.zone.key),
        (words["rows"], tally.rows),
        *((words["filter"], report.words.filters[name], _filter_value(name, report)) for name in shown),
        *([] if shown else [(words["filter"], words["no_filter"])]),
        *(("", note) for note in notes),
    ]


def _filter_value(name: str, report: Report) -> str:
    rows, words = report.rows, report.words
    instants = {"from": rows.from_at, "to": rows.to_at, "stale_since": rows.stale_since}
    if (instant := instants.get(name)) is not None:
        return f"{in_zone(instant, report.zone):%Y-%m-%d %H:%M:%S} ({format_instant(instant)})"
    labels: Mapping[str, Mapping[str, str]] = {
        "kind": words.kinds,
        "status": words.statuses,
        "retry": words.retry,
        "date_axis": words.columns,
    }
    value = getattr(rows, name)
    listed = value if isinstance(value, tuple) else (str(value),)
    return ", ".join(labels.get(name, {}).get(one, one) for one in listed)


def _totals(report: Report, tally: Tally) -> Table:
    words = report.words
    lines = []
    for line, rows in tally.largest_first():
        affiliate, status, code = line
        error = find(code) or find(UNMAPPED) if code else None
        shown = affiliate if line != OTHERS else words.summary["others"]
        marketplace = report.marketplaces.get(affiliate) or affiliate
        title = error.titles[report.language] if error else ""
        lines.append((shown, marketplace, words.statuses.get(status, status), code, title, rows))
    return lines


def _put_row(sheet: Worksheet, line: int, values: Sequence[object], report: Report, *, style: str = "") -> None:
    for number, value in enumerate(values, 1):
        cell = sheet.cell(line, number)
        put(cell, value, report)
        if isinstance(cell.value, datetime):
            cell.style = "Ponte instant"
        if style:
            cell.style = style


def literal(text: str) -> str:
    """Return `text` as a workbook writes it: in there `_x0041_` stands for `A` (ECMA-376, ST_Xstring), so `SKU_x0041_B` would be shown as `SKUAB`."""
    return _LIKE_AN_ESCAPE.sub("_x005F_", text) if "_x" in text else text


def put(cell: Any, value: object, report: Report) -> None:
    """Set a cell of openpyxl so that it shows `value` and cannot run."""
    safe = safe_cell(value, report.zone)
    cell.value = safe
    if isinstance(safe, str):
        cell.value = literal(safe)
        cell.data_type = "s"  # openpyxl takes "=1+1" for a formula and "#N/A" for an error
        cell.quotePrefix = is_active(safe)


def _describe(book: Workbook, report: Report) -> None:
    made_at = report.made_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    book.properties.title = report.file_name
    book.properties.creator = "Ponte"
    book.properties.language = report.language
    book.properties.created = made_at
    book.properties.modified = made_at
    book.active = 0

"""A real .xlsx in constant memory: openpyxl's frame, our rows streamed into its data sheets.

First the frame is made once to learn its style numbers and the XML around the rows; then the rows are compressed straight into the
file; at the end the frame is made again, with the sheets that came to be and the summary, and its other parts are copied in.
`tests/unit/exporter/test_xlsx_workbook.py` compares the result, cell by cell, with one that openpyxl wrote alone.
"""

import re
import zipfile
from collections.abc import Sequence
from typing import IO, Final

from services.exporter.adapters.spool import finished, open_spool
from services.exporter.adapters.xlsx_frame import LAST_COLUMN, look_of, make_frame, saved
from services.exporter.adapters.xlsx_rows import RowWriter
from services.exporter.core.cells import Cell, safe_row
from services.exporter.core.columns import headers_of, values_of
from services.exporter.core.report import Report
from services.exporter.core.tally import Tally
from services.exporter.handlers.ports import FinishedFile
from shared.contracts.entries import LogEntry

SHEET_ROWS: Final = 1_048_575
"""Data rows of a sheet: Excel's 1,048,576 less the header. A file with more is taken for a broken one."""

SHEET_BYTES: Final = 1_900_000_000
"""XML of a sheet. Beyond 2 GiB a zip member needs ZIP64 headers, for which Excel offers to repair the file."""

DEFLATE_LEVEL: Final = 1
"""Half the time of level 6 for a file a third larger."""

FIRST_PARTS: Final = ("docProps/app.xml", "docProps/core.xml")
"""Written first: programs that guess a file's type look at its beginning."""

_DIMENSION: Final = re.compile(r"<dimension[^>]*/>")
_DATA_SHEET: Final = re.compile(r"xl/worksheets/sheet(\d+)\.xml")


class XlsxWorkbook:
    """One report in the making."""

    def __init__(
        self, report: Report, *, folder: str | None = None, sheet_rows: int = SHEET_ROWS, sheet_bytes: int = SHEET_BYTES
    ) -> None:
        self._report = report
        self._limits = (sheet_rows, sheet_bytes)
        frame = make_frame(report, [0], None)
        parts = zipfile.ZipFile(saved(frame))
        before, after = re.split(
            r"<sheetData\s*/>|<sheetData>.*</sheetData>", _part(parts, "xl/worksheets/sheet1.xml"), flags=re.DOTALL
        )
        self._before = f"{_DIMENSION.sub('', before)}<sheetData>"
        self._after = f"</sheetData>{after}"
        self._rows = RowWriter(look_of(frame))
        self._spool = open_spool(folder)
        self._zip = zipfile.ZipFile(self._spool, "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL)
        for name in FIRST_PARTS:
            self._zip.writestr(name, parts.read(name))
        self._sheets: list[int] = []
        self._sheet: IO[bytes] | None = None
        self._room = (0, 0)

    def append(self, entries: Sequence[LogEntry]) -> None:
        """Write a row for each entry."""
        zone = self._report.zone
        self.append_rows([safe_row(values_of(entry, self._report), zone) for entry in entries])

    def append_rows(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Write rows of safe cells, on as many sheets as they need."""
        while rows:
            sheet = self._sheet if self._sheet and min(self._room) > 0 else self._next_sheet()
            fitting, rows = rows[: self._room[0]], rows[self._room[0] :]
            written = "".join(self._rows.rows(fitting, first=self._sheets[-1] + 2)).encode()
            sheet.write(written)
            self._sheets[-1] += len(fitting)
            self._room = (self._room[0] - len(fitting), self._room[1] - len(written))

    def finish(self, tally: Tally, *, is_one_moment: bool) -> FinishedFile:
        """Add the summary and everything else that makes the rows a workbook."""
        if not self._sheets:
            self._write_nothing_found()
        self._end_sheet()
        notes = [] if is_one_moment else [self._report.words.summary["changed"]]
        parts = zipfile.ZipFile(saved(make_frame(self._report, self._sheets, tally, notes)))
        for name in parts.namelist():
            number = _DATA_SHEET.fullmatch(name)
            if name not in FIRST_PARTS and not (number and int(number[1]) <= len(self._sheets)):
                self._zip.writestr(name, parts.read(name))
        self._zip.close()
        return finished(self._spool)

    def close(self) -> None:
        """Drop the file; an unfinished archive is not completed for that."""
        self._zip.fp = None
        self._spool.close()

    def _write_nothing_found(self) -> None:
        sheet = self._next_sheet()
        sheet.write(self._rows.rows([[self._report.words.no_items]], first=2)[0].encode())
        self._sheets[-1] = 1

    def _next_sheet(self) -> IO[bytes]:
        self._end_sheet()
        self._sheets.append(0)
        self._room = self._limits
        name = f"xl/worksheets/sheet{len(self._sheets)}.xml"
        self._sheet = self._zip.open(name, "w")
        self._sheet.write((self._before + self._rows.header(headers_of(self._report))).encode())
        return self._sheet

    def _end_sheet(self) -> None:
        if self._sheet is not None:
            extent = f'ref="A1:{LAST_COLUMN}{self._sheets[-1] + 1}"'
            self._sheet.write(self._after.replace(f'ref="A1:{LAST_COLUMN}1"', extent, 1).encode())
            self._sheet.close()
            self._sheet = None


def _part(parts: zipfile.ZipFile, name: str) -> str:
    return parts.read(name).decode()

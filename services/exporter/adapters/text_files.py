"""The two plain formats: CSV as spreadsheets read it, JSON Lines as programs do."""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Final

import orjson

from services.exporter.adapters.spool import finished, open_spool
from services.exporter.core.cells import ACTIVE_STARTS, Cell, is_active, safe_row
from services.exporter.core.columns import headers_of, values_of
from services.exporter.core.records import record_of
from services.exporter.core.report import Report
from services.exporter.core.tally import Tally
from services.exporter.handlers.ports import FinishedFile
from shared.contracts.entries import LogEntry

TEXT_PREFIX = "'"
"""Before a text that a spreadsheet might run when it reads CSV, which has no types."""

_ACTIVE: Final = rf"(?=[ \u00a0]*[{re.escape(''.join(sorted(ACTIVE_STARTS)))}])"
BEHIND_A_SEPARATOR: Final = re.compile(rf"([;\t\r\n]){_ACTIVE}")
"""Excel in pt and es parts cells at semicolons, and knows no quotes that stand within one: what follows begins a cell there."""

GUARDED: Final = re.compile(rf"([;\t\r\n]){TEXT_PREFIX}{_ACTIVE}")
"""The same once it is guarded."""


class CsvFile:
    """Comma, quotes where needed, UTF-8 with a byte order mark (without it Excel shows `Ã§` for `ç`), a header row."""

    def __init__(self, report: Report, *, folder: str | None = None) -> None:
        self._report = report
        self._spool = open_spool(folder)
        self._lines = io.TextIOWrapper(self._spool, encoding="utf-8-sig", newline="", write_through=True)
        self._writer = csv.writer(self._lines)
        self._writer.writerow(headers_of(report))

    def append(self, entries: Sequence[LogEntry]) -> None:
        """Write a line for each entry."""
        zone = self._report.zone
        self._writer.writerows(
            [csv_cell(cell) for cell in safe_row(values_of(entry, self._report), zone)] for entry in entries
        )

    def finish(self, tally: Tally, *, is_one_moment: bool) -> FinishedFile:  # noqa: ARG002  # a table has no room for it
        """Complete the file."""
        self._lines.flush()
        return finished(self._spool)

    def close(self) -> None:
        """Drop the file."""
        self._lines.close()


class JsonLinesFile:
    """One object an entry, UTF-8, a line feed after each."""

    def __init__(self, report: Report, *, folder: str | None = None) -> None:
        self._report = report
        self._spool = open_spool(folder)

    def append(self, entries: Sequence[LogEntry]) -> None:
        """Write a line for each entry."""
        self._spool.write(b"".join(json_line(entry, self._report) for entry in entries))

    def finish(self, tally: Tally, *, is_one_moment: bool) -> FinishedFile:  # noqa: ARG002  # rows only
        """Complete the file."""
        return finished(self._spool)

    def close(self) -> None:
        """Drop the file."""
        self._spool.close()


def csv_cell(cell: Cell) -> str | int | float:
    """Return the cell as CSV has it: instants to the second, text that might run behind a quote."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        guarded = BEHIND_A_SEPARATOR.sub(rf"\1{TEXT_PREFIX}", cell)
        return TEXT_PREFIX + guarded if is_active(cell) else guarded
    if isinstance(cell, (bool, int, float)):
        return cell
    return cell.isoformat(sep=" ", timespec="milliseconds")


def csv_text(written: str) -> str:
    """Return the text of a cell that `csv_cell` wrote, also where a spreadsheet saved it since."""
    text = GUARDED.sub(r"\1", written)
    bare = text.removeprefix(TEXT_PREFIX)
    return bare if is_active(bare) else text


def json_line(entry: LogEntry, report: Report) -> bytes:
    """Return the entry's line; what JSON cannot hold is written as text, what UTF-8 cannot as a question mark."""
    record = record_of(entry, report)
    try:
        return orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a lone surrogate, a number beyond 64 bit
        return json.dumps(record, default=str, ensure_ascii=False).encode(errors="replace") + b"\n"

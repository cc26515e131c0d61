import csv
import io
from contextlib import closing
from typing import Any

import orjson
import pytest

from services.exporter.adapters.text_files import CsvFile, JsonLinesFile
from services.exporter.core.columns import headers_of
from services.exporter.core.tally import Tally
from shared.contracts.entries import LogEntry
from tests.support.export_rows import hostile_entries, make_entry, make_report


def file_of(book: CsvFile | JsonLinesFile, entries: list[LogEntry]) -> bytes:
    with closing(book):
        book.append(entries)
        return book.finish(Tally(), is_one_moment=True).stream.read()


def rows_of(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))


def test_a_csv_has_a_header_a_mark_of_its_encoding_and_a_line_for_each_entry() -> None:
    file = file_of(CsvFile(make_report()), [make_entry(attempts=-1)])
    header, row = rows_of(file)

    assert file.startswith(b"\xef\xbb\xbf")
    assert header == headers_of(make_report())
    assert row[5] == "2026-11-23 07:11:12.123"
    assert row[12] == "-1"
    assert row[16] == ""


def test_no_text_of_a_csv_begins_like_a_formula() -> None:
    rows = rows_of(file_of(CsvFile(make_report()), hostile_entries()))

    assert len(rows) == 1 + len(hostile_entries())
    assert not [cell for row in rows for cell in row if cell.lstrip()[:1] in set("=+-@\t\r") - {""}]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_no_text_of_a_csv_is_a_formula_where_another_separator_parts_it(delimiter: str) -> None:
    texts = ["Erro;=HYPERLINK(0);x", "a\n=1+1;", "a;\n +1", "b\t@SUM(1)", "c\r\n-1", "d;\uff1d1", "e; =1"]
    causes = [[{"code": "X", "message": text}, {"code": "Y", "message": text}] for text in texts]
    file = file_of(CsvFile(make_report()), [make_entry(code=f"c{n}", causes=told) for n, told in enumerate(causes)])

    broken = csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    cells = [cell for row in broken for cell in row]
    assert len(cells) > len(texts)
    assert not [cell for cell in cells if cell.lstrip(" \u00a0")[:1] in set("=+-@\t\r\uff1d") - {""}]


def test_json_lines_hold_every_entry_with_nothing_cut() -> None:
    entries = [make_entry(causes=[{"code": "X", "message": "y" * 50_000}]), make_entry(code="=1+1", causes=[])]
    one, two = map(orjson.loads, file_of(JsonLinesFile(make_report(format="jsonl")), entries).splitlines())

    assert len(one["causes"][0]["message"]) == 50_000
    assert two["code"] == "=1+1"
    assert two["causes"][0]["title"]


@pytest.mark.parametrize("make", [CsvFile, JsonLinesFile])
def test_a_report_without_rows_is_a_file(make: Any) -> None:
    assert len(rows_of(file_of(make(make_report()), []))) in {0, 1}

"""A report that came back, as people and spreadsheets leave it, and as somebody would send it who means harm."""

import codecs
import csv
import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import openpyxl
import pytest

from services.exporter.adapters import bounded_xml, returned_files, workbook_archive, xlsx_reading
from services.exporter.adapters.returned_files import pick_rows
from services.exporter.adapters.text_files import CsvFile, csv_cell, csv_text
from services.exporter.adapters.xlsx_workbook import XlsxWorkbook
from services.exporter.core import returned
from services.exporter.core.cells import safe_text
from services.exporter.core.returned import Picked, UnreadableFile
from services.exporter.core.tally import Tally
from services.exporter.handlers.ports import Workbook
from shared.contracts.commands import Language
from shared.contracts.entries import LogEntry
from shared.contracts.names import KINDS
from tests.support.export_rows import HOSTILE_TEXTS, make_entry, make_report

CODES = ("2000004567", "00012", "=1+1", "-5", "@x", "SKU_x0041_B", "a;=b", "ação", "#N/A", "'quoted", "TRUE", "x" * 300)
ENTRIES = [make_entry(code=code, kind=KINDS[number % 5]) for number, code in enumerate(CODES)]
NAMED = [(entry.kind, entry.affiliate, entry.code) for entry in ENTRIES]


def written(make: Callable[..., Workbook], entries: Sequence[LogEntry] = ENTRIES, **report: Any) -> bytes:
    with closing(make(make_report(**report))) as book:
        book.append(entries)
        tally = Tally()
        tally.add(entries)
        return book.finish(tally, is_one_moment=True).stream.read()


def pick(content: bytes) -> Picked:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        return pick_rows(file)


def names_of(picked: Picked) -> list[tuple[str, str, str]]:
    assert [row.fault for row in picked.rows] == [None] * len(picked.rows)
    return [(row.kind, row.affiliate, row.code) for row in picked.rows]


def edited(content: bytes, edit: Callable[[Any], None]) -> bytes:
    """Return a workbook as a spreadsheet program saves it after somebody edited its first sheet."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    edit(book.worksheets[0])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def sheet_of(*rows: Sequence[Any], title: str = "Itens") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def parts_of(content: bytes, **changed: str) -> bytes:
    """Return the workbook with other parts: `sheet`, `second` (sheet), `book`, `strings`."""
    named = {
        "sheet": "xl/worksheets/sheet1.xml",
        "second": "xl/worksheets/sheet2.xml",
        "book": "xl/workbook.xml",
        "strings": "xl/sharedStrings.xml",
    }
    told = {named[name]: text for name, text in changed.items()}
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), *told}:
            new.writestr(name, told[name] if name in told else old.read(name))
    return made.getvalue()


def two_sheets(first: str, second: str) -> bytes:
    """Return a workbook whose two sheets have these rows, as XML."""
    book = openpyxl.Workbook()
    book.create_sheet()
    saved = io.BytesIO()
    book.save(saved)
    rows = (f"<worksheet {MAIN}><sheetData>{one}</sheetData></worksheet>" for one in (first, second))
    return parts_of(saved.getvalue(), **dict(zip(("sheet", "second"), rows, strict=True)))


def row_of(*texts: str) -> str:
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts) + "</row>"


BOUNDING = (workbook_archive, bounded_xml, xlsx_reading)
HEADINGS = ["Tipo", "Código", "Afiliado"]
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.mark.parametrize("make", [XlsxWorkbook, CsvFile])
@pytest.mark.parametrize("language", ["pt", "en", "es"])
def test_a_report_that_nobody_edited_names_each_of_its_entries(
    make: Callable[..., Workbook], language: Language
) -> None:
    picked = pick(written(make, language=language))

    assert names_of(picked) == NAMED
    assert [row.row for row in picked.rows] == list(range(2, len(ENTRIES) + 2))
    assert (picked.rows_read, picked.hidden, picked.unmarked) == (len(ENTRIES), 0, 0)


@pytest.mark.parametrize("make", [XlsxWorkbook, CsvFile])
def test_a_report_without_rows_has_none_to_choose(make: Callable[..., Workbook]) -> None:
    picked = pick(written(make, ()))

    assert (picked.rows, picked.rows_read) == ([], 0)


def test_a_report_of_several_sheets_is_read_to_its_end() -> None:
    def make(report: Any) -> XlsxWorkbook:
        return XlsxWorkbook(report, sheet_rows=5)

    picked = pick(written(make))

    assert names_of(picked) == NAMED
    assert [row.sheet for row in picked.rows] == ["Itens"] * 5 + ["Itens 2"] * 5 + ["Itens 3"] * 2


def test_what_a_spreadsheet_saved_again_names_the_same() -> None:
    def touch(sheet: Any) -> None:
        sheet["H2"] = "checked by Ana"

    assert names_of(pick(edited(written(XlsxWorkbook), touch))) == NAMED


def test_rows_that_were_removed_are_not_chosen_and_other_columns_may_move_change_or_go() -> None:
    def edit(sheet: Any) -> None:
        sheet.delete_rows(4, 3)
        sheet.delete_cols(7, 9)
        sheet.insert_cols(1)
        sheet["A1"] = "Notas"
        sheet["A2"] = "=1+1"
        sheet["F3"] = "was wrong"

    assert names_of(pick(edited(written(XlsxWorkbook), edit))) == [*NAMED[:2], *NAMED[5:]]


@pytest.mark.parametrize("heading", ["Reprocessar", "reprocess", " REPROCESAR "])
def test_only_marked_rows_are_chosen_where_there_is_a_column_for_marks(heading: str) -> None:
    def mark(sheet: Any) -> None:
        sheet.cell(1, 30).value = heading
        for row, text in ((2, "x"), (3, "sim"), (4, "não"), (5, 0), (6, 1), (7, "=1"), (8, "  ")):
            sheet.cell(row, 30).value = text

    picked = pick(edited(written(XlsxWorkbook), mark))

    assert names_of(picked) == [NAMED[0], NAMED[1], NAMED[4]]
    assert (picked.unmarked, picked.rows_read) == (len(ENTRIES) - 3, len(ENTRIES))


def test_the_reports_own_column_of_reprocess_states_is_no_mark() -> None:
    for language in ("pt", "en", "es"):
        assert pick(written(XlsxWorkbook, language=language)).unmarked == 0


def test_rows_that_a_filter_hides_are_not_chosen() -> None:
    def hide(sheet: Any) -> None:
        for row in (2, 5):
            sheet.row_dimensions[row].hidden = True

    picked = pick(edited(written(XlsxWorkbook), hide))

    assert names_of(picked) == [name for number, name in enumerate(NAMED) if number not in {0, 3}]
    assert picked.hidden == 2


def test_a_sheet_that_nobody_sees_is_not_read() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(XlsxWorkbook)))
    copy = book.copy_worksheet(book.worksheets[0])
    copy.sheet_state = "hidden"
    saved = io.BytesIO()
    book.save(saved)

    assert names_of(pick(saved.getvalue())) == NAMED


def test_an_item_that_stands_twice_counts_once() -> None:
    picked = pick(sheet_of(HEADINGS, ["Pedido", "1", "MLC"], ["order", "1", "MLC"], ["Preço", "1", "MLC"]))

    assert [row.is_repeated for row in picked.rows] == [False, True, False]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (["Pedidos", "1", "MLC"], "kind"),
        ([None, "1", "MLC"], "kind"),
        (["Pedido", None, "MLC"], "code"),
        (["Pedido", "x" * 301, "MLC"], "code"),
        (["Pedido", "a\nb", "MLC"], "code"),
        (["Pedido", "1", None], "affiliate"),
        (["Pedido", "1", "M L C"], "affiliate"),
        (["Pedido", "1", "=1+1"], "formula"),
        (["Pedido", '=HYPERLINK("http://evil.example","1")', "MLC"], "formula"),
        (["Pedido", 2.5, "MLC"], "rounded"),
        (["Pedido", 12345678901234567890, "MLC"], "rounded"),
    ],
)
def test_a_row_that_names_nothing_is_told_with_its_place_and_why(cells: list[Any], fault: str) -> None:
    picked = pick(sheet_of(HEADINGS, ["Pedido", "1", "MLC"], cells))

    first, second = picked.rows
    assert (first.fault, second.fault) == (None, fault)
    assert (second.sheet, second.row) == ("Itens", 3)
    assert len(second.code) <= 100


def test_a_code_that_a_spreadsheet_made_a_number_of_is_still_that_code() -> None:
    rows = ([" pedido ", number, " MLC "] for number in (2000004567, 123456789012345, 7.0))

    assert [row.code for row in pick(sheet_of(HEADINGS, *rows)).rows] == ["2000004567", "123456789012345", "7"]


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8", ","), ("utf-8-sig", ";"), ("cp1252", ";"), ("utf-16", "\t")]
)
def test_csv_is_read_in_each_writing_that_spreadsheets_have(encoding: str, separator: str) -> None:
    text = io.StringIO()
    rows = csv.writer(text, delimiter=separator)
    rows.writerows(
        [["Tipo", "Código", "Afiliado", "Reprocessar"], ["Preço", "ação", "MLC", "x"], [], ["Preço", "b", "MLC", ""]]
    )

    picked = pick(text.getvalue().encode(encoding))

    assert names_of(picked) == [("price", "MLC", "ação")]
    assert (picked.rows[0].row, picked.unmarked) == (2, 1)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_what_csv_guards_is_read_as_it_was(text: str) -> None:
    whole = safe_text(text)

    assert csv_text(str(csv_cell(whole))) == whole


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02",
        b"%PDF-1.7 \x81",
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\x00" * 100,
        codecs.BOM_UTF16_LE + b"\x00\xd8\x00",
        b'"' + b"x" * 200_000,
        sheet_of(["Tipo", "Código"], ["Pedido", "1"]),
        parts_of(sheet_of(HEADINGS), book="<workbook"),
        parts_of(sheet_of(HEADINGS), book=f"<workbook {MAIN}/>"),
        parts_of(sheet_of(HEADINGS), sheet=f'<worksheet {MAIN}><sheetData><row r="x"/></sheetData></worksheet>'),
        parts_of(sheet_of(HEADINGS), sheet=f'<worksheet {MAIN}><sheetData><row><c t="s"><v>x</v></c></row></sheetData></worksheet>'),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(UnreadableFile, match=r"(no sheet has|is damaged|is neither)"):
        pick(content)


def test_a_cut_off_workbook_is_refused() -> None:
    whole = written(XlsxWorkbook)
    for length in range(4, len(whole), 997):
        with pytest.raises(UnreadableFile):
            pick(whole[:length])


def test_a_packing_whose_memory_the_archive_chooses_is_refused() -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(written(XlsxWorkbook))) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))

    with pytest.raises(UnreadableFile, match="no spreadsheet program writes it so"):
        pick(packed.getvalue())


def test_a_part_is_read_once_however_many_sheets_say_that_they_are_it() -> None:
    sheets = "".join(f'<sheet name="{number}" sheetId="{number}" r:id="rId1"/>' for number in range(50))
    relations = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    book = f"<workbook {MAIN} {relations}><sheets>{sheets}</sheets></workbook>"

    assert pick(parts_of(sheet_of(HEADINGS, ["Pedido", "1", "MLC"]), book=book)).rows_read == 1


def test_entities_unfold_to_nothing() -> None:
    laughs = (
        f'<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "{"&a;" * 1000}">]>'
        f"<worksheet {MAIN}><sheetData><row><c t='inlineStr'><is><t>&b;</t></is></c></row></sheetData></worksheet>"
    )
    with pytest.raises(UnreadableFile, match="declares a document type"):
        pick(parts_of(sheet_of(HEADINGS), sheet=laughs))


def test_files_outside_are_not_read() -> None:
    outside = (
        f'<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
        f"<worksheet {MAIN}><sheetData><row><c t='inlineStr'><is><t>&a;</t></is></c></row></sheetData></worksheet>"
    )
    with pytest.raises(UnreadableFile, match="declares a document type"):
        pick(parts_of(sheet_of(HEADINGS), sheet=outside))


@pytest.mark.parametrize(
    ("bound", "most", "content"),
    [
        ("MOST_UNPACKED", 5_000, written(XlsxWorkbook)),
        ("MOST_DIRECTORY", 100, written(XlsxWorkbook)),
        ("LONGEST_TOKEN", 70_000, parts_of(sheet_of(HEADINGS), sheet=f'<worksheet {MAIN} a="{"x" * 300_000}"/>')),
        ("MOST_KEPT", 100, parts_of(sheet_of(HEADINGS), strings=f"<sst {MAIN}>{'<si/>' * 3}</sst>")),
        ("MOST_STRINGS", 2, parts_of(sheet_of(HEADINGS), strings=f"<sst {MAIN}>{'<si/>' * 3}</sst>")),
        ("MOST_ELEMENTS", 50, written(XlsxWorkbook)),
        ("MOST_ATTRIBUTES", 50, written(XlsxWorkbook)),
        ("DEEPEST", 3, written(XlsxWorkbook)),
        ("MOST_NAMES", 20, written(XlsxWorkbook)),
    ],
    ids=["unpacked", "directory", "token", "kept", "strings", "elements", "attributes", "depth", "names"],
)
def test_what_would_take_too_much_memory_is_refused_before_it_does(
    bound: str, most: int, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(next(one for one in BOUNDING if hasattr(one, bound)), bound, most)

    with pytest.raises(UnreadableFile, match=r"unpacks to more than|no spreadsheet program writes it so"):
        pick(content)


def test_cells_far_to_the_right_and_long_texts_are_not_kept() -> None:
    headings = row_of(*HEADINGS, *["x" * 1_000] * 2_000)
    content = two_sheets(headings + row_of("y" * 1_000, "1", "MLC", "beside"), "")

    first, second = xlsx_reading.read_workbook(io.BytesIO(content))

    assert len(first.cells) == xlsx_reading.MOST_COLUMNS
    assert max(len(cell.text) for cell in first.cells.values()) == xlsx_reading.LONGEST_TEXT
    assert [len(cell.text) for cell in second.cells.values()] == [xlsx_reading.LONGEST_TEXT, 1, 3]


def test_elements_are_counted_over_all_parts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = row_of(*HEADINGS) + row_of("Pedido", "1", "MLC") * 100
    content, smaller = two_sheets(rows, rows), two_sheets(rows, row_of(*HEADINGS))
    monkeypatch.setattr(bounded_xml, "MOST_ELEMENTS", 1_500)

    assert pick(smaller).rows_read == 100
    with pytest.raises(UnreadableFile, match="unpacks to more than"):
        pick(content)


@pytest.mark.parametrize("order", [1, -1], ids=["before", "behind"])
def test_a_sheet_that_is_no_report_is_read_no_further_than_its_first_row(
    order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, ours = row_of("Month", "Sum") + row_of("x", "y") * 10_000, row_of(*HEADINGS) + row_of("Pedido", "1", "MLC")
    content = two_sheets(*(other, ours)[::order])
    monkeypatch.setattr(bounded_xml, "MOST_ELEMENTS", 10_000)

    assert names_of(pick(content)) == [("order", "MLC", "1")]


def test_what_stands_beside_the_columns_that_count_makes_no_row_of_nothing() -> None:
    column = "".join(f'<row><c r="Z{number}"><f>1+1</f><v>2</v></c></row>' for number in range(100))
    content = two_sheets(row_of(*HEADINGS, "Reprocessar") + row_of("Pedido", "1", "MLC", "x") + column, "")
    marks = two_sheets(row_of(*HEADINGS, "Reprocessar") + '<row><c r="D9"><v>1</v></c></row>' * 100, "")

    assert [len(list(xlsx_reading.read_workbook(io.BytesIO(one)))) for one in (content, marks)] == [2, 1]


@pytest.mark.parametrize(
    ("bound", "content", "sentence"),
    [
        ("LONGEST_RECORD", "Kind,Code,Affiliate\n" + "," * 200, "is neither"),
        ("LONGEST_RECORD", "Kind,Code,Affiliate\n" + '"\n",' * 50, "is neither"),
        ("MOST_LINES", "Kind,Code,Affiliate\n" + "\n" * 200, "more than 100 rows"),
    ],
)
def test_text_that_would_take_too_much_is_refused(
    bound: str, content: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returned_files, bound, 100)
    fine = "Kind,Code,Affiliate\n" + "Order,1,MLC\n" * 50

    assert pick(fine.encode()).rows_read == 50
    with pytest.raises(UnreadableFile, match=sentence):
        pick(content.encode())


def test_rows_of_blanks_are_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned, "MOST_BLANK", 3)
    blanks = [["No items found", " ", None]] * 4

    assert pick(sheet_of(HEADINGS, *blanks[:3], ["Pedido", "1", "MLC"])).rows_read == 1
    with pytest.raises(UnreadableFile, match="more than 3 rows"):
        pick(sheet_of(HEADINGS, *blanks))


@pytest.mark.parametrize(
    ("bound", "sentence"), [("MOST_READ", "more than 3 rows"), ("MOST_CHOSEN", "more than 3 rows are chosen")]
)
def test_more_rows_than_one_reprocess_takes_are_refused(
    bound: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returned, bound, 3)
    rows = [["Pedido", str(number), "MLC"] for number in range(4)]

    assert len(pick(sheet_of(HEADINGS, *rows[:3])).rows) == 3
    with pytest.raises(UnreadableFile, match=sentence):
        pick(sheet_of(HEADINGS, *rows))


def test_texts_are_read_as_spreadsheets_write_them() -> None:
    rich = (
        "<si><r><t>Ti</t></r><r><t>po</t></r><rPh><t>read aloud</t></rPh></si><si><t>C&#243;digo</t></si><si><t>Afiliado</t></si>"
        "<si><t>Pedido</t></si><si><t xml:space='preserve'>a b</t></si><si><t>MLC</t></si>"
    )
    cells = "".join(
        f'<x:c r="{place}" t="s"><x:v>{number}</x:v></x:c>'
        for number, place in enumerate(("B1", "C1", "D1", "B9", "C9", "D9"))
    )
    first, second = cells[: len(cells) // 2], cells[len(cells) // 2 :]
    prefixed = MAIN.replace("xmlns", "xmlns:x")
    content = parts_of(
        sheet_of(["x"]),
        strings=f"<sst {MAIN}>{rich}</sst>",
        sheet=f'<x:worksheet {prefixed}><x:sheetData><x:row r="1">{first}</x:row><x:row r="9">{second}</x:row></x:sheetData></x:worksheet>',
    )

    picked = pick(content)

    assert names_of(picked) == [("order", "MLC", "a b")]
    assert picked.rows[0].row == 9

"""The rows of a workbook that somebody sent, as a stream, with a bound on everything.

openpyxl reads what it trusts: it makes an object of each style and a tree of each row, so that five megabytes of empty elements, which a
few kilobytes unpack to, become half a gigabyte. Here the parts are read by expat as they are unpacked (`workbook_archive.py` bounds what they
unpack to, `bounded_xml.py` what they may be), and nothing is kept but short texts (decision 0018).
"""

import contextlib
import re
import struct
import zipfile
import zlib
from collections.abc import Container, Iterator
from itertools import product
from posixpath import join, normpath
from string import ascii_uppercase, digits
from sys import getsizeof
from typing import IO, BinaryIO, Final
from xml.parsers import expat

from services.exporter.adapters.bounded_xml import Attributes, BoundedXml, local_name
from services.exporter.adapters.workbook_archive import open_archive, too_large
from services.exporter.core.returned import Cell, CellType, SheetRow, UnreadableFile, columns_of, naming_places
from shared.contracts.names import MIB

MOST_STRINGS: Final = 1_000_000
MOST_KEPT: Final = 64 * MIB
"""Memory of all shared texts, as far as each is kept; those of 50,000 rows take some 30."""

MOST_SHEETS: Final = 100
MOST_RELATIONS: Final = 1_000
MOST_COLUMNS: Final = 64
LONGEST_TEXT: Final = 400
"""Characters kept of a cell: no heading and no code is longer."""

LONGEST_REASON: Final = 200

BOOK: Final = "xl/workbook.xml"
RELATIONS: Final = "xl/_rels/workbook.xml.rels"
STRINGS: Final = "xl/sharedStrings.xml"

_REFERENCE: Final = re.compile(r"([A-Z]{1,3})[0-9]+")
_ESCAPED: Final = "_x005F_"
"""The sign that an underscore is meant, as the format writes it where `_x0041_` is a text."""

BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)
"""What the libraries raise for an archive or XML that is none: also an unknown packing, a password, a number that is no number."""


def read_workbook(file: BinaryIO) -> Iterator[SheetRow]:
    """Yield the rows of each sheet that is shown and a report's, in order: its headings, then what stands in the columns that count. Raise UnreadableFile."""
    try:
        with open_archive(file) as parts:
            xml = BoundedXml()
            strings = _strings_of(parts, xml)
            for name, part in _sheets_of(parts, xml):
                with parts.open(part) as source:
                    yield from _rows_of(source, name, strings, xml)
    except UnreadableFile:
        raise
    except BROKEN as error:
        why = (str(error) or type(error).__name__)[:LONGEST_REASON]  # it may name parts, whose names may be long
        raise UnreadableFile(f"the workbook is damaged: {why}") from error


def _sheets_of(parts: zipfile.ZipFile, xml: BoundedXml) -> list[tuple[str, str]]:
    """Return (name, part) of the sheets that are shown, in the order of the workbook."""
    listed: list[tuple[str, str]] = []
    targets: dict[str, str] = {}

    def on_sheet(attributes: Attributes) -> None:
        if attributes.get("state", "visible") == "visible" and len(listed) < MOST_SHEETS:
            relation = next((value for key, value in attributes.items() if local_name(key) == "id"), "")
            listed.append((attributes.get("name", "")[:LONGEST_TEXT], relation))

    def on_relation(attributes: Attributes) -> None:
        if len(targets) < MOST_RELATIONS:
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    for part, starts in ((BOOK, {"sheet": on_sheet}), (RELATIONS, {"Relationship": on_relation})):
        with parts.open(part) as source:
            for _ in xml.parse(source, starts=starts):
                pass
    sheets: dict[str, str] = {}
    for number, (name, relation) in enumerate(listed, 1):
        if relation in targets:  # each part once, however many sheets say that they are it
            sheets.setdefault(normpath(join("/xl", targets[relation]))[1:], name or str(number))
    return [(name, part) for part, name in sheets.items()]


class _Text:
    """Gathers the beginning of a text that comes in pieces, while elements are open that hold one."""

    __slots__ = ("_aloud", "_left", "_open", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._left = LONGEST_TEXT
        self._open = self._aloud = 0

    def open(self, _: Attributes) -> None:
        self._open += 1

    def close(self) -> None:
        self._open -= 1

    def begin_aloud(self, _: Attributes) -> None:
        """Take nothing for a while: what is in `rPh` says how the text is read aloud."""
        self._aloud += 1

    def end_aloud(self) -> None:
        self._aloud -= 1

    def add(self, piece: str) -> None:
        if self._open and not self._aloud and self._left > 0:
            self._pieces.append(piece[: self._left])
            self._left -= len(piece)

    def taken(self) -> str:
        """Return the text, and begin the next."""
        if not self._pieces:
            return ""
        text = "".join(self._pieces).replace(_ESCAPED, "_")
        self._pieces, self._left = [], LONGEST_TEXT
        return text


def _strings_of(parts: zipfile.ZipFile, xml: BoundedXml) -> list[str]:
    """Return the shared texts, which cells refer to by their number; none where each cell has its own."""
    found: list[str] = []
    text, kept = _Text(), 0

    def on_string() -> None:
        nonlocal kept
        found.append(text.taken())
        kept += getsizeof(found[-1])
        if len(found) > MOST_STRINGS or kept > MOST_KEPT:
            raise too_large()

    if STRINGS in parts.namelist():
        with parts.open(STRINGS) as source:
            for _ in xml.parse(
                source,
                starts={"t": text.open, "rPh": text.begin_aloud},
                ends={"t": text.close, "rPh": text.end_aloud, "si": on_string},
                on_text=text.add,
            ):
                pass
    return found


class _NoReport(Exception):  # nothing went wrong: there is nothing to read on for
    """The sheet's first row has no headings of ours."""


class _SheetReader:
    """Makes rows of a sheet's elements; `rows` are those that are complete and not taken yet. Raises _NoReport as soon as it is none.

    Once the headings are known the cells of other columns are passed over: whoever filled one down to the last row made a million of them.
    """

    def __init__(self, sheet: str, strings: list[str]) -> None:
        self.rows: list[SheetRow] = []
        self.text = _Text()
        self._sheet = sheet
        self._strings = strings
        self._places: Container[int] = range(MOST_COLUMNS)
        self._naming: frozenset[int] | None = None
        self._cells: dict[int, Cell] = {}
        self._number = 0
        self._is_hidden = False
        self._column = -1
        self._is_kept = False
        self._type = "n"
        self._is_formula = False

    def on_row(self, attributes: Attributes) -> None:
        self._number = int(attributes.get("r", self._number + 1))
        self._is_hidden = attributes.get("hidden") in {"1", "true"}
        self._cells, self._column = {}, -1

    def on_cell(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        self._column = self._column + 1 if reference is None else _column_of(reference, self._column + 1)
        self._is_kept = self._column in self._places
        self._is_formula = False
        self._type = attributes.get("t", "n")

    def on_formula(self, _: Attributes) -> None:
        self._is_formula = True

    def on_text(self, piece: str) -> None:
        if self._is_kept:
            self.text.add(piece)

    def on_cell_end(self) -> None:
        if not self._is_kept:
            return
        text, self._is_kept = self.text.taken(), False
        if self._type == "s" and text:
            text = self._strings[int(text)] if 0 <= int(text) < len(self._strings) else ""
        if text or self._is_formula:
            kind: CellType = "formula" if self._is_formula else "number" if self._type == "n" else "text"
            self._cells[self._column] = Cell(text, kind)

    def on_row_end(self) -> None:
        cells, self._cells = self._cells, {}
        if not cells:
            return
        if self._naming is None:
            if (columns := columns_of(cells)) is None:
                raise _NoReport
            self._places, self._naming = frozenset(columns.values()), naming_places(columns)
        if not self._naming.isdisjoint(cells):
            self.rows.append(SheetRow(sheet=self._sheet, number=self._number, cells=cells, is_hidden=self._is_hidden))


def _rows_of(source: IO[bytes], sheet: str, strings: list[str], xml: BoundedXml) -> Iterator[SheetRow]:
    reader = _SheetReader(sheet, strings)
    text = reader.text
    parsing = xml.parse(
        source,
        starts={
            "row": reader.on_row,
            "c": reader.on_cell,
            "f": reader.on_formula,
            "v": text.open,
            "t": text.open,
            "rPh": text.begin_aloud,
        },
        ends={
            "c": reader.on_cell_end,
            "v": text.close,
            "t": text.close,
            "rPh": text.end_aloud,
            "row": reader.on_row_end,
        },
        on_text=reader.on_text,
    )
    with contextlib.suppress(_NoReport):
        for _ in parsing:
            yield from reader.rows
            reader.rows.clear()


def _column_of(reference: str, otherwise: int) -> int:
    """Return the number of a cell's column, from 0; `otherwise` where the cell does not say where it stands."""
    place = _PLACES.get(reference.rstrip(digits))
    if place is not None:
        return place
    found = _REFERENCE.fullmatch(reference)
    return _number_of(found[1]) if found else otherwise


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * len(ascii_uppercase) + ascii_uppercase.index(letter) + 1
    return number - 1


_PLACES: Final = {
    letters: number
    for letters in (*ascii_uppercase, *map("".join, product(ascii_uppercase, repeat=2)))
    if (number := _number_of(letters)) < MOST_COLUMNS
}
"""Letters of the columns that may count → their numbers: most cells of a report are looked up here."""

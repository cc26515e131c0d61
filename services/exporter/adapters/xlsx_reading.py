"""The rows of a workbook that somebody sent, as a stream, with a bound on everything.

openpyxl reads what it trusts: it makes an object of each style and a tree of each row, so that five megabytes of empty elements, which a
few kilobytes unpack to, become half a gigabyte. Here the parts are read by expat as they are unpacked (`workbook_archive.py` bounds what they
unpack to, `bounded_xml.py` what they may be), and nothing is kept but short texts (decision 0018).
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from posixpath import join, normpath
from typing import IO, BinaryIO, Final
from xml.parsers import expat

from services.exporter.adapters.bounded_xml import Attributes, local_name, parse_xml
from services.exporter.adapters.workbook_archive import open_archive, too_large
from services.exporter.core.returned import Cell, CellType, SheetRow, UnreadableFile

MOST_STRINGS: Final = 1_000_000
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
    """Yield the rows that have cells, of each sheet that is shown, in order. Raise UnreadableFile."""
    try:
        with open_archive(file) as parts:
            strings = _strings_of(parts)
            for name, part in _sheets_of(parts):
                with parts.open(part) as source:
                    yield from _rows_of(source, name, strings)
    except UnreadableFile:
        raise
    except BROKEN as error:
        why = (str(error) or type(error).__name__)[:LONGEST_REASON]  # it may name parts, whose names may be long
        raise UnreadableFile(f"the workbook is damaged: {why}") from error


def _sheets_of(parts: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Return (name, part) of the sheets that are shown, in the order of the workbook."""
    listed: list[tuple[str, str]] = []
    targets: dict[str, str] = {}

    def on_sheet(name: str, attributes: Attributes) -> None:
        is_shown = attributes.get("state", "visible") == "visible"
        if name == "sheet" and is_shown and len(listed) < MOST_SHEETS:
            relation = next((value for key, value in attributes.items() if local_name(key) == "id"), "")
            listed.append((attributes.get("name", "")[:LONGEST_TEXT], relation))

    def on_relation(name: str, attributes: Attributes) -> None:
        if name == "Relationship" and len(targets) < MOST_RELATIONS:
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    for part, handler in ((BOOK, on_sheet), (RELATIONS, on_relation)):
        with parts.open(part) as source:
            for _ in parse_xml(source, on_start=handler):
                pass
    sheets: dict[str, str] = {}
    for number, (name, relation) in enumerate(listed, 1):
        if relation in targets:  # each part once, however many sheets say that they are it
            sheets.setdefault(normpath(join("/xl", targets[relation]))[1:], name or str(number))
    return [(name, part) for part, name in sheets.items()]


class _Text:
    """Gathers the beginning of a text that comes in pieces."""

    __slots__ = ("_left", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._left = LONGEST_TEXT

    def add(self, piece: str) -> None:
        if self._left > 0:
            self._pieces.append(piece[: self._left])
            self._left -= len(piece)

    def taken(self) -> str:
        """Return the text, and begin the next."""
        text = "".join(self._pieces).replace(_ESCAPED, "_")
        self._pieces, self._left = [], LONGEST_TEXT
        return text


class _StringsReader:
    """Gathers the texts that cells refer to by their number."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._text = _Text()
        self._within = {"t": 0, "rPh": 0}

    def on_start(self, name: str, _: Attributes) -> None:
        if name in self._within:
            self._within[name] += 1

    def on_text(self, piece: str) -> None:
        if self._within["t"] and not self._within["rPh"]:  # what is in `rPh` says how the text is read aloud
            self._text.add(piece)

    def on_end(self, name: str) -> None:
        if name in self._within:
            self._within[name] -= 1
        elif name == "si":
            if len(self.found) == MOST_STRINGS:
                raise too_large()
            self.found.append(self._text.taken())


def _strings_of(parts: zipfile.ZipFile) -> list[str]:
    """Return the shared texts; none where each cell has its own."""
    reader = _StringsReader()
    if STRINGS in parts.namelist():
        with parts.open(STRINGS) as source:
            for _ in parse_xml(source, on_start=reader.on_start, on_text=reader.on_text, on_end=reader.on_end):
                pass
    return reader.found


class _SheetReader:
    """Makes rows of a sheet's elements; `rows` are those that are complete and not taken yet."""

    def __init__(self, sheet: str, strings: list[str]) -> None:
        self.rows: list[SheetRow] = []
        self._sheet = sheet
        self._strings = strings
        self._text = _Text()
        self._is_in = {"v": False, "t": False, "rPh": False}
        self._cells: dict[int, Cell] = {}
        self._number = 0
        self._is_hidden = False
        self._column = -1
        self._type = "n"
        self._is_formula = False

    def on_start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._column = _column_of(attributes.get("r", ""), self._column + 1)
            self._type = attributes.get("t", "n")
            self._is_formula = False
        elif name in self._is_in:
            self._is_in[name] = True
        elif name == "f":
            self._is_formula = True
        elif name == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._is_hidden = attributes.get("hidden") in {"1", "true"}
            self._cells, self._column = {}, -1

    def on_text(self, piece: str) -> None:
        if (self._is_in["v"] or self._is_in["t"]) and not self._is_in["rPh"]:
            self._text.add(piece)

    def on_end(self, name: str) -> None:
        if name == "c":
            self._end_cell(self._text.taken())
        elif name in self._is_in:
            self._is_in[name] = False
        elif name == "row" and self._cells:
            self.rows.append(
                SheetRow(sheet=self._sheet, number=self._number, cells=self._cells, is_hidden=self._is_hidden)
            )
            self._cells = {}

    def _end_cell(self, text: str) -> None:
        if self._type == "s" and text:
            text = self._strings[int(text)] if 0 <= int(text) < len(self._strings) else ""
        if self._column < MOST_COLUMNS and (text or self._is_formula):
            kind: CellType = "formula" if self._is_formula else "number" if self._type == "n" else "text"
            self._cells[self._column] = Cell(text, kind)


def _rows_of(source: IO[bytes], sheet: str, strings: list[str]) -> Iterator[SheetRow]:
    reader = _SheetReader(sheet, strings)
    for _ in parse_xml(source, on_start=reader.on_start, on_text=reader.on_text, on_end=reader.on_end):
        yield from reader.rows
        reader.rows.clear()


def _column_of(reference: str, otherwise: int) -> int:
    """Return the number of a cell's column, from 0; `otherwise` where the cell does not say where it stands."""
    if not (found := _REFERENCE.fullmatch(reference)):
        return otherwise
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1

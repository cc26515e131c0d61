"""A report that came back, whatever it was saved as: a workbook, or CSV in the writings that spreadsheets have for it."""

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final, Self

from services.exporter.adapters.text_files import csv_text
from services.exporter.adapters.xlsx_reading import read_workbook
from services.exporter.core.returned import (
    Cell,
    Picked,
    Picker,
    SheetRow,
    UnreadableFile,
    columns_of,
    naming_places,
    too_many_rows,
)
from shared.contracts.names import KIB, MIB

WORKBOOK: Final = b"PK\x03\x04"
WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MARKED: Final = "utf-8-sig"
OLD: Final = "cp1252"
"""What Excel writes for `CSV` in the languages of our reports."""

SEPARATORS: Final = ",;\t"
"""Ours; Excel's in pt and es; that of `Unicode text`."""

SAMPLE: Final = 64 * KIB
MOST_COLUMNS: Final = 64
LONGEST_RECORD: Final = 2 * MIB
"""Characters; 18 cells of the longest there are have a third of it."""

MOST_LINES: Final = 2_000_000
"""4 s of work at most; a spreadsheet has half as many rows, and a cell of a report a few lines."""


def pick_rows(file: BinaryIO) -> Picked:
    """Return the chosen rows of the file, which is read from its beginning. Raise UnreadableFile. Synchronous: for a thread."""
    file.seek(0)
    is_workbook = file.read(len(WORKBOOK)) == WORKBOOK
    file.seek(0)
    picker = Picker()
    for row in read_workbook(file) if is_workbook else read_csv(file):
        picker.take(row)
    return picker.finish()


def read_csv(file: BinaryIO) -> Iterator[SheetRow]:
    """Yield the rows of a report: its headings, then what stands in the columns that count; none of a text that is no report. Raise UnreadableFile."""
    text = io.TextIOWrapper(file, encoding=encoding_of(file), newline="")
    try:
        separator = separator_of(text.read(SAMPLE))
        text.seek(0)
        yield from _rows_of(_Lines(text), separator)
    except (UnicodeError, csv.Error) as error:
        raise no_text() from error
    finally:
        text.detach()  # the file is its owner's to close


def _rows_of(lines: "_Lines", separator: str) -> Iterator[SheetRow]:
    places: Collection[int] = ()
    naming: frozenset[int] | None = None
    for number, record in enumerate(csv.reader(lines, delimiter=separator), 1):
        lines.begin_record()
        chosen = range(MOST_COLUMNS) if naming is None else places
        cells = {place: Cell(csv_text(record[place])) for place in chosen if place < len(record) and record[place]}
        if not cells:
            continue
        if naming is None:
            if (columns := columns_of(cells)) is None:
                return
            places, naming = columns.values(), naming_places(columns)
        if not naming.isdisjoint(cells):
            yield SheetRow(sheet="", number=number, cells=cells)


class _Lines:
    """The lines of a text. Neither they nor a record of several take more memory than a report's, nor do blank ones take for ever."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._lines = MOST_LINES
        self._left = LONGEST_RECORD

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if not line:
            raise StopIteration
        self._left -= len(line)
        self._lines -= 1
        if self._left < 0:
            raise no_text()
        if self._lines < 0:
            raise too_many_rows(MOST_LINES)
        return line

    def begin_record(self) -> None:
        """Count the next record's characters."""
        self._left = LONGEST_RECORD


def no_text() -> UnreadableFile:
    """Return the refusal of a file that is none of ours."""
    return UnreadableFile("the file is neither an .xlsx workbook nor CSV text")


def encoding_of(file: BinaryIO) -> str:
    """Return what the text is written in: what its mark says, UTF-8 where all of it is, else what old spreadsheets write."""
    start = file.read(2)
    file.seek(0)
    if start in WIDE:
        return "utf-16"
    decoder = codecs.getincrementaldecoder(MARKED)()
    try:
        while piece := file.read(SAMPLE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return OLD
    finally:
        file.seek(0)
    return MARKED


def separator_of(sample: str) -> str:
    """Return what parts the cells of a report's headings; a comma where none does."""
    for separator in SEPARATORS:
        record = next(csv.reader(io.StringIO(sample, newline=""), delimiter=separator), [])
        if columns_of({place: Cell(one) for place, one in enumerate(record)}) is not None:
            return separator
    return ","

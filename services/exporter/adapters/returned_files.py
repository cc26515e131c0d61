"""A report that came back, whatever it was saved as: a workbook, or CSV in the writings that spreadsheets have for it."""

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Final

from services.exporter.adapters.text_files import csv_text
from services.exporter.adapters.xlsx_reading import read_workbook
from services.exporter.core.returned import Cell, Picked, Picker, SheetRow, UnreadableFile, columns_of
from shared.contracts.names import KIB

WORKBOOK: Final = b"PK\x03\x04"
WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MARKED: Final = "utf-8-sig"
OLD: Final = "cp1252"
"""What Excel writes for `CSV` in the languages of our reports."""

SEPARATORS: Final = ",;\t"
"""Ours; Excel's in pt and es; that of `Unicode text`."""

SAMPLE: Final = 64 * KIB
MOST_COLUMNS: Final = 64


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
    """Yield the rows of a text. Raise UnreadableFile."""
    text = io.TextIOWrapper(file, encoding=encoding_of(file), newline="")
    try:
        separator = separator_of(text.read(SAMPLE))
        text.seek(0)
        for number, record in enumerate(csv.reader(text, delimiter=separator), 1):
            cells = {place: Cell(csv_text(one)) for place, one in enumerate(islice(record, MOST_COLUMNS)) if one}
            if cells:
                yield SheetRow(sheet="", number=number, cells=cells)
    except (UnicodeError, csv.Error) as error:
        raise UnreadableFile("the file is neither an .xlsx workbook nor CSV text") from error
    finally:
        text.detach()  # the file is its owner's to close


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

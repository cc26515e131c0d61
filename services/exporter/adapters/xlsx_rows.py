"""Rows as the XML of a worksheet. The hot loop of an export: everything that is the same for each row is prepared once."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from openpyxl.utils import get_column_letter

from services.exporter.adapters.xlsx_frame import Look, literal
from services.exporter.core.cells import ACTIVE_STARTS, Cell, is_active

EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001  # day 0 of a spreadsheet, which knows no zones
DAY_SECONDS: Final = 86_400

KEPT_TEXTS: Final = 500
KEPT_LENGTH: Final = 500
"""Texts kept per column, and their longest: with 18 columns some 9 MB at most."""

_RISKY: Final = ACTIVE_STARTS | frozenset("\n _\u00a0")
"""First characters for which `is_active` must be asked; all others cannot run."""


class RowWriter:
    """Writes rows of cells, one cell a column, as `<row>` elements."""

    def __init__(self, look: Look) -> None:
        self._columns = [
            _Column(get_column_letter(number), plain, quoted)
            for number, (plain, quoted) in enumerate(zip(look.plain, look.quoted, strict=True), 1)
        ]
        self._header = [_Column(column.letter, look.header, look.header) for column in self._columns]

    def rows(self, rows: Iterable[Sequence[Cell]], *, first: int) -> list[str]:
        """Return one element for each row, numbered from `first`."""
        columns = self._columns
        written = []
        for number, row in enumerate(rows, first):
            cells = [
                f"{column.start}{number}{column.tails.get(cell) or column.tail(cell)}"
                for column, cell in zip(columns, row, strict=False)
                if cell is not None
            ]
            written.append(f'<row r="{number}">{"".join(cells)}</row>')
        return written

    def header(self, names: Sequence[str]) -> str:
        """Return the first row."""
        cells = [f"{column.start}1{column.text(name)}" for column, name in zip(self._header, names, strict=True)]
        return f'<row r="1">{"".join(cells)}</row>'


class _Column:
    """One column's fixed pieces of XML, and the `tails`, what follows the row's number, of texts that it holds again and again."""

    __slots__ = ("_plain", "_quoted", "_value", "letter", "start", "tails")

    def __init__(self, letter: str, plain: int, quoted: int) -> None:
        self.letter = letter
        self.start = f'<c r="{letter}'
        self.tails: dict[Cell, str] = {}
        self._plain = f'" s="{plain}" t="inlineStr"><is><t'
        self._quoted = f'" s="{quoted}" t="inlineStr"><is><t'
        self._value = f'" s="{plain}"'

    def tail(self, cell: Cell) -> str:
        """Return the end of a cell's element; that of a text is kept, while there is room."""
        if not isinstance(cell, str):
            kind, value = _OTHERS[type(cell)](cell)
            return f"{self._value}{kind}><v>{value}</v></c>"
        written = self.text(cell)
        if len(self.tails) < KEPT_TEXTS and len(cell) < KEPT_LENGTH:
            self.tails[cell] = written
        return written

    def text(self, text: str) -> str:
        """Return the end of a cell that holds a text and nothing but a text."""
        style = self._quoted if text[:1] in _RISKY and is_active(text) else self._plain
        space = "" if text.isprintable() and text[:1] != " " and text[-1:] != " " else ' xml:space="preserve"'
        text = literal(text)
        if "&" in text or "<" in text or ">" in text:
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f"{style}{space}>{text}</t></is></c>"


def serial(instant: datetime) -> float:
    """Return a naive instant as the number of days that a spreadsheet keeps."""
    past = instant - EPOCH
    return past.days + (past.seconds + past.microseconds / 1_000_000) / DAY_SECONDS


_OTHERS: Final[dict[type, Callable[..., tuple[str, object]]]] = {
    int: lambda cell: ("", cell),
    float: lambda cell: ("", repr(cell)),
    bool: lambda cell: (' t="b"', int(cell)),
    datetime: lambda cell: ("", repr(serial(cell))),
}

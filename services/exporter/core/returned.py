"""The rows of a report that came back → the entries that they name, whichever language it was made in and whatever else was changed.

A sheet counts where the first row that says anything has the headings of kind, affiliate and code. Rows that a filter of the spreadsheet
hides are not chosen; where there is a column to mark rows in, neither are those without a mark. All other cells are ignored.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, Literal

from services.exporter.core.labels import WORDS
from shared.contracts.commands import MAX_ITEMS
from shared.contracts.eligibility import refusal
from shared.contracts.entries import LogEntry
from shared.contracts.errors import Invalid
from shared.contracts.events import CODE, NAME
from shared.contracts.imports import RowFault, RowState
from shared.contracts.names import KINDS
from shared.contracts.text import fold

MOST_READ: Final = 50_000
"""Rows of a file, blank ones not counted; more is what a filter is for."""

MOST_BLANK: Final = MOST_READ
"""Rows that have cells where an item is named, but name none: the one row of a report without rows is such a one, and others are nobody's."""

MOST_CHOSEN: Final = MAX_ITEMS
"""Rows that are looked at; so many items has one command."""

MOST_SHOWN: Final = 100
"""Characters of an unreadable cell that are shown."""

IDENTITY: Final = ("kind", "affiliate", "code")
MARK: Final = "mark"

HEADINGS: Final[Mapping[str, str]] = {
    **{fold(words.columns[name]): name for words in WORDS.values() for name in IDENTITY},
    **dict.fromkeys(("reprocess", "reprocessar", "reprocesar"), MARK),
}
"""Heading, folded → what stands below it. The report's own column of reprocess states is called otherwise, in each language."""

KINDS_SAID: Final[Mapping[str, str]] = {
    **{fold(label): kind for words in WORDS.values() for kind, label in words.kinds.items()},
    **{kind: kind for kind in KINDS},
}
NOTHING_FOUND: Final = frozenset(fold(words.no_items) for words in WORDS.values())
"""What stands in the one row of a report without rows."""

UNMARKED: Final = frozenset({"", "0", "-", "n", "no", "nao", "false", "falso"})

EXACT_DIGITS: Final = 15
"""A spreadsheet keeps so many digits of a number; of a longer one it has made another."""

_WHOLE: Final = re.compile(r"[0-9]{1,15}")

CellType = Literal["text", "number", "formula"]


class UnreadableFile(Invalid):
    """The file as a whole cannot be read; the message says why, and what to do."""


def too_many_rows(most: int) -> UnreadableFile:
    """Return the refusal of a file that has more rows than are read."""
    return UnreadableFile(f"the file has more than {most} rows: remove some, or reprocess by a filter")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it stands in a file: `text` is what is written there, also of a number. What a formula came to is nobody's word."""

    text: str
    type: CellType = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """A row that has cells, by the number of their columns. `number` counts from 1."""

    sheet: str
    number: int
    cells: Mapping[int, Cell]
    is_hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedRow:
    """A chosen row: what it names, or what is wrong with it. `is_repeated`: an earlier row names the same."""

    sheet: str
    row: int
    kind: str
    affiliate: str
    code: str
    fault: RowFault | None = None
    is_repeated: bool = False


@dataclass(slots=True)
class Picked:
    """What a file holds: its chosen rows in order, and how many there were of the others."""

    rows: list[PickedRow] = field(default_factory=list)
    rows_read: int = 0
    hidden: int = 0
    unmarked: int = 0


class Picker:
    """Takes the rows of a file one after the other; `picked` are those that were chosen."""

    def __init__(self) -> None:
        self.picked = Picked()
        self._sheet: str | None = None
        self._columns: Mapping[str, int] | None = None
        self._known_sheets = 0
        self._blank = 0
        self._seen: set[tuple[str, str, str]] = set()

    def take(self, row: SheetRow) -> None:
        """Take the next row. Raise UnreadableFile where there are too many."""
        if row.sheet != self._sheet:
            self._sheet, self._columns = row.sheet, columns_of(row.cells)
            self._known_sheets += self._columns is not None
        elif self._columns is not None:
            self._take(row, self._columns)

    def finish(self) -> Picked:
        """Return what was picked. Raise UnreadableFile where no sheet was a report's."""
        if not self._known_sheets:
            raise UnreadableFile(
                "no sheet has the columns of the kind, the affiliate and the code in its first row: send a report as it was exported, rows removed or marked"
            )
        return self.picked

    def _take(self, row: SheetRow, columns: Mapping[str, int]) -> None:
        said = {name: row.cells.get(columns[name], _EMPTY) for name in IDENTITY}
        if _is_blank(said):
            self._blank += 1
            if self._blank > MOST_BLANK:
                raise too_many_rows(MOST_BLANK)
            return
        picked = self.picked
        picked.rows_read += 1
        if picked.rows_read > MOST_READ:
            raise too_many_rows(MOST_READ)
        if row.is_hidden:
            picked.hidden += 1
        elif MARK in columns and not _is_marked(row.cells.get(columns[MARK], _EMPTY)):
            picked.unmarked += 1
        else:
            self._pick(row, said)

    def _pick(self, row: SheetRow, said: Mapping[str, Cell]) -> None:
        if len(self.picked.rows) == MOST_CHOSEN:
            raise UnreadableFile(
                f"more than {MOST_CHOSEN} rows are chosen: remove or mark fewer, or reprocess by a filter"
            )
        found = identity_of(said)
        if isinstance(found, str):
            kind, affiliate, code = (said[name].text[:MOST_SHOWN] for name in IDENTITY)
            self.picked.rows.append(_row(row, kind, affiliate, code, fault=found))
            return
        self.picked.rows.append(_row(row, *found, is_repeated=found in self._seen))
        self._seen.add(found)


def columns_of(cells: Mapping[int, Cell]) -> Mapping[str, int] | None:
    """Return which column holds what, by a row of headings; None where one of the identity is missing. Of two that are called the same the first counts."""
    columns: dict[str, int] = {}
    for place, cell in sorted(cells.items()):
        name = HEADINGS.get(fold(cell.text))
        if name is not None:
            columns.setdefault(name, place)
    return columns if all(name in columns for name in IDENTITY) else None


def naming_places(columns: Mapping[str, int]) -> frozenset[int]:
    """Return the columns of the identity: a row without a cell in any of them names nothing."""
    return frozenset(columns[name] for name in IDENTITY)


def identity_of(said: Mapping[str, Cell]) -> tuple[str, str, str] | RowFault:
    """Return (kind, affiliate, code), or why the cells name nothing."""
    if any(cell.type == "formula" for cell in said.values()):
        return "formula"
    kind = KINDS_SAID.get(fold(said["kind"].text))
    affiliate, code = said["affiliate"].text.strip(), code_of(said["code"])
    if kind is None:
        return "kind"
    if not NAME.fullmatch(affiliate):
        return "affiliate"
    if code is None:
        return "rounded"
    return (kind, affiliate, code) if CODE.fullmatch(code) else "code"


def code_of(cell: Cell) -> str | None:
    """Return the code as it was before a spreadsheet made a number of it; None where it cannot be known."""
    if cell.type == "text" or _WHOLE.fullmatch(cell.text):
        return cell.text
    try:
        number = float(cell.text)
    except ValueError:
        return None
    return str(int(number)) if number.is_integer() and 0 <= number < 10**EXACT_DIGITS else None


def state_of(row: PickedRow, entry: LogEntry | None, paused: AbstractSet[str]) -> RowState:
    """Return what a reprocess would do with the row. `paused`: the affiliates to whose connectors nothing of its kind is sent."""
    if row.fault is not None:
        return "unreadable"
    if row.is_repeated:
        return "repeated"
    if refused := refusal(entry, explicit=False):
        return refused
    return "paused" if row.affiliate in paused else "eligible"


_EMPTY: Final = Cell("")


def _is_blank(said: Mapping[str, Cell]) -> bool:
    kind = said["kind"]
    others = (said["affiliate"], said["code"])
    return all(_is_empty(cell) for cell in others) and (_is_empty(kind) or fold(kind.text) in NOTHING_FOUND)


def _is_empty(cell: Cell) -> bool:
    return cell.type != "formula" and not cell.text.strip()


def _is_marked(cell: Cell) -> bool:
    return cell.type != "formula" and fold(cell.text) not in UNMARKED


def _row(
    row: SheetRow,
    kind: str,
    affiliate: str,
    code: str,
    *,
    fault: RowFault | None = None,
    is_repeated: bool = False,
) -> PickedRow:
    return PickedRow(
        sheet=row.sheet,
        row=row.number,
        kind=kind,
        affiliate=affiliate,
        code=code,
        fault=fault,
        is_repeated=is_repeated,
    )

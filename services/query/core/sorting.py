"""By what a list of entries may be sorted. Ties are broken by the entry id, in the same direction."""

from datetime import datetime
from typing import Final, Literal, get_args

from services.query.core.cursor import Value
from shared.contracts.entries import LogEntry

SortField = Literal["processed_at", "received_at", "code", "attempts"]
Sort = Literal[
    "-processed_at", "processed_at", "-received_at", "received_at", "-code", "code", "-attempts", "attempts"
]  # fmt: skip
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
DEFAULT_SORT: Final[Sort] = "-processed_at"

_FIELDS: Final[dict[str, SortField]] = {field: field for field in get_args(SortField)}


def field_of(sort: str) -> SortField:
    """Return the field that a member of SORTS names."""
    return _FIELDS[sort.removeprefix("-")]


def is_ascending(sort: str) -> bool:
    """Say whether a member of SORTS starts with the smallest value."""
    return not sort.startswith("-")


def type_of(by: SortField) -> type[Value]:
    """Return the type of what entries are sorted by."""
    types: dict[SortField, type[Value]] = {"code": str, "attempts": int}
    return types.get(by, datetime)


def value_of(entry: LogEntry, by: SortField) -> Value:
    """Return what an entry is sorted by."""
    value: Value = getattr(entry, by)
    return value


def place_of(entry: LogEntry, by: SortField) -> tuple[object, bytes]:
    """Return a key that sorts entries as MongoDB does, which compares texts by their bytes."""
    value = value_of(entry, by)
    return value.encode() if isinstance(value, str) else value, entry.id.encode()

"""Lists that are read to their end, a page at a time, and the two ways to say which rows."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from shared.contracts.dead_letters import LetterFilter
from shared.contracts.errors import InvalidFilter
from shared.contracts.filters import LogFilter
from shared.contracts.names import Kind

Rows = LogFilter | LetterFilter | Mapping[str, Any]
"""A filter, or what it is written as: `{"status": ["error"]}`; instants as text or as they are."""

I_co = TypeVar("I_co", covariant=True)
I = TypeVar("I")  # noqa: E741  # an item


class Page(Protocol[I_co]):
    """Some of the rows, and where the next ones begin."""

    @property
    def items(self) -> tuple[I_co, ...]:
        """The rows."""
        ...

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins; None after the last one."""
        ...


def walk(read: Callable[[str | None], Page[I]]) -> Iterator[I]:
    """Yield the rows of all pages; a page is asked for when its first row is."""
    cursor: str | None = None
    while True:
        page = read(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def written(rows: Rows | None) -> dict[str, Any]:
    """Return the parameters that write `rows`."""
    said = rows.to_json() if isinstance(rows, (LogFilter, LetterFilter)) else rows or {}
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in said.items()
    }


def within(kind: Kind, rows: Rows | None) -> dict[str, Any]:
    """Return the parameters that write `rows` where the kind stands elsewhere. Raise InvalidFilter for rows of other kinds alone."""
    said = written(rows)
    named = said.pop("kind", None) or [kind]
    if kind not in ([named] if isinstance(named, str) else named):
        raise InvalidFilter("kind", f"names other kinds than {kind}, which is asked for", [kind])
    return said

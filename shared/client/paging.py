"""Lists that are read to their end, a page at a time, and the two ways to say which rows."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from shared.contracts.dead_letters import LetterFilter
from shared.contracts.filters import LogFilter

Rows = LogFilter | LetterFilter | Mapping[str, Any]
"""A filter, or what it is written as: `{"status": ["error"]}`."""

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


def written(rows: Rows | None, *, without: str = "") -> dict[str, Any]:
    """Return the parameters that write `rows`; the field `without` stands in the path."""
    said = rows.to_json() if isinstance(rows, (LogFilter, LetterFilter)) else dict(rows or {})
    return {name: value for name, value in said.items() if name != without}


def segment(text: str) -> str:
    """Return `text` as one segment of a path, whatever stands in it."""
    return quote(text, safe="")

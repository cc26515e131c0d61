"""Reading a page of a list whose rows come straight from one index: the same steps for each of them."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from services.query.core.cursor import Binding, Position, decode_cursor
from services.query.core.leaf import Leaf, cut_leaf
from shared.contracts.errors import InvalidField

Row = TypeVar("Row")
Row_co = TypeVar("Row_co", covariant=True)

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500


class Reader(Protocol[Row_co]):
    """What reads rows from their store."""

    async def __call__(self, *, after: Position | None, ascending: bool, limit: int) -> Sequence[Row_co]:
        """Return the first `limit` rows beyond `after`, in the list's order or, `ascending`, against it."""
        ...


async def read_leaf(
    read: Reader[Row], binding: Binding, *, cursor: str | None, limit: int, place_of: Callable[[Row], Position]
) -> Leaf[Row]:
    """Return the page that `cursor` leads to, the first one without. Raise InvalidCursor, InvalidField, and what `read` raises."""
    check_limit(limit)
    start = decode_cursor(cursor, binding) if cursor else None
    found = await read(
        after=start.position if start else None, ascending=start is not None and start.backwards, limit=limit + 1
    )
    return cut_leaf(found, start, binding, limit=limit, place_of=place_of)


def check_limit(limit: int) -> None:
    """Raise InvalidField unless a page may have so many rows."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidField("limit", f"must be 1 to {MAX_LIMIT}")

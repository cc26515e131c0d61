"""A page of a list whose rows come straight from one index: what was found beyond a place → its rows in order, and the way to both sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.query.core.cursor import Binding, Position, Start, encode_cursor

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Leaf(Generic[Row]):
    """Rows in the list's order. A cursor is None where there is nothing more in its direction."""

    items: list[Row]
    next_cursor: str | None
    previous_cursor: str | None


def cut_leaf(
    found: Sequence[Row], start: Start | None, binding: Binding, *, limit: int, place_of: Callable[[Row], Position]
) -> Leaf[Row]:
    """Return the page of `found`: up to `limit` + 1 rows beyond `start`, the nearest first, of which the last one only says that there are more."""
    backwards = start is not None and start.backwards
    is_more, items = len(found) > limit, list(found[:limit])
    if backwards:
        items.reverse()
    has_next, has_previous = (True, is_more) if backwards else (is_more, start is not None)
    return Leaf(
        items,
        encode_cursor(place_of(items[-1]), binding) if has_next and items else None,
        encode_cursor(place_of(items[0]), binding, backwards=True) if has_previous and items else None,
    )

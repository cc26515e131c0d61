"""A page of a list whose rows come straight from one index: what was found beyond a place → its rows in order, and the way to both sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from services.query.core.cursor import Binding, Position, Start, encode_cursor
from shared.contracts.times import to_milliseconds

Row = TypeVar("Row")

OLDEST: Final = Position(datetime.min.replace(tzinfo=UTC), "")
NEWEST: Final = Position(to_milliseconds(datetime.max.replace(tzinfo=UTC)), "")
"""Before and after every row: these lists are all in the order of an instant, newest first."""


@dataclass(frozen=True, slots=True)
class Leaf(Generic[Row]):
    """Rows in the list's order. A cursor is None where there is nothing more in its direction."""

    items: list[Row]
    next_cursor: str | None
    previous_cursor: str | None


def cut_leaf(
    found: Sequence[Row], start: Start | None, binding: Binding, *, limit: int, place_of: Callable[[Row], Position]
) -> Leaf[Row]:
    """Return the page of `found`: up to `limit` + 1 rows beyond `start`, the nearest first, of which the last one only says that there are more.

    Where all that was beyond `start` vanished, the way back begins at that end of the list.
    """
    backwards = start is not None and start.backwards
    is_more, items = len(found) > limit, list(found[:limit])
    if start is not None and not items:
        turned = encode_cursor(NEWEST if backwards else OLDEST, binding, backwards=not backwards)
        return Leaf([], *((turned, None) if backwards else (None, turned)))
    if backwards:
        items.reverse()
    has_next, has_previous = (True, is_more) if backwards else (is_more, start is not None)
    return Leaf(
        items,
        encode_cursor(place_of(items[-1]), binding) if has_next and items else None,
        encode_cursor(place_of(items[0]), binding, backwards=True) if has_previous and items else None,
    )

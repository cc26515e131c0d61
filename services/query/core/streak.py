"""How many errors in a row an item has had. Asked of the history when somebody looks, and not counted while writing: a late success
between two errors shortens the row, so no sum that is kept beside the entry would survive events in another order. It reaches back as
far as attempts are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

LONGEST: Final = 1_000
"""Attempts looked at; a longer streak reads as this many."""

MOST_SORTED: Final = 20_000
"""Of more kept attempts nobody asks for the order unless an index has it, as of every item that was told of since there is such an index:
100,000 take MongoDB a second and more to sort.
"""

ENDS_A_STREAK: Final = frozenset({"success", "warning"})
"""It worked, if with a remark. `processing` tells nothing either way and is passed over."""


@dataclass(frozen=True, slots=True)
class ErrorStreak:
    """Errors since the last time it worked, and when the first of them happened; None if there is none.

    Not `is_whole`: too many attempts are kept to look through; `count` tells of the newest alone, `since` nothing.
    """

    count: int = 0
    since: datetime | None = None
    is_whole: bool = True


def streak_of(newest_first: Iterable[tuple[str, datetime]]) -> ErrorStreak:
    """Return the current streak of attempts given as (status, processed at), the newest first."""
    count, since = 0, None
    for status, processed_at in newest_first:
        if status in ENDS_A_STREAK:
            break
        if status == "error":
            count, since = count + 1, processed_at
    return ErrorStreak(count, since)

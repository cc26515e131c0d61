"""What the feed tells: which entry changed, when and how; and the recent past, from which a stream that broke off goes on."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final, Literal

from services.query.core.stream.position import Position
from shared.contracts.entries import PAYLOAD_FIELDS, PAYLOAD_MARKS
from shared.contracts.events import split_entry_id

What = Literal["made", "changed", "gone"]
Place = tuple[str, str, str]
"""(account, kind, affiliate) of an entry: what of it never changes."""

BOOKKEEPING: Final = frozenset(
    {
        "applied",
        "ids",
        "was",
        "leaving",
        *(f"state.{name}" for name in (*PAYLOAD_FIELDS, "extra", *PAYLOAD_MARKS)),
        *(f"reprocess.{name}" for name in ("claimed_at", "sent_at", "answered_at", "requested_by")),
    }
)
"""Fields of an entry that no row shows, with everything below them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one entry, or several folded together."""

    position: Position
    entry_id: str
    what: What


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The feed has told every change up to `position`."""

    position: Position


def is_bookkeeping(paths: Iterable[str]) -> bool:
    """Say whether a change of these field paths changes nothing that a row shows."""
    return all(any(one in BOOKKEEPING for one in _upwards(path)) for path in paths)


def folded(known: Change | None, change: Change) -> Change:
    """Return what a change after `known` comes to: an entry that was made and changed was made."""
    if known is not None and known.what == "made" and change.what == "changed":
        return replace(change, what="made")
    return change


def place_of(change: Change) -> Place:
    """Return where the entry belongs."""
    return split_entry_id(change.entry_id)[:3]


def _upwards(path: str) -> Iterable[str]:
    """Return a path and those that it is below."""
    return accumulate(path.split("."), lambda above, name: f"{above}.{name}")


class History:
    """The last `most` changes, in order, whole from `start` on."""

    def __init__(self, most: int) -> None:
        self._changes: deque[Change] = deque()
        self._most = most
        self.start: Position | None = None

    def begin(self, start: Position) -> None:
        """Forget everything: what follows is whole only from `start` on."""
        self._changes.clear()
        self.start = start

    def add(self, change: Change) -> None:
        """Remember a change that is later than all others."""
        self._changes.append(change)
        if len(self._changes) > self._most:
            self.start = self._changes.popleft().position

    def reaches(self, position: Position) -> bool:
        """Say whether nothing after `position` is forgotten."""
        return self.start is not None and position >= self.start

    def between(self, after: Position, up_to: Position, account: str) -> list[Change]:
        """Return the changes of `account` with `after` < position ≤ `up_to`, one for each entry, in the order of their last one."""
        found: list[Change] = []
        for change in reversed(self._changes):
            if change.position <= after:
                break
            if change.position <= up_to and place_of(change)[0] == account:
                found.append(change)
        kept: dict[str, Change] = {}
        for change in reversed(found):
            kept[change.entry_id] = folded(kept.pop(change.entry_id, None), change)
        return list(kept.values())

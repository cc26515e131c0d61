"""Telling a story: whatever has an id, across kinds and affiliates, and all that happened to it on one time line."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from services.query.core.cursor import Binding, Position
from services.query.core.masking import mask_attempt, mask_entry
from services.query.core.permissions import Caller
from services.query.core.story import Moment, Place, Story, deal, merge, state_of
from services.query.handlers.leafing import DEFAULT_LIMIT, read_leaf
from shared.contracts.entries import LogEntry
from shared.contracts.errors import NotFound
from shared.contracts.events import split_entry_id
from shared.contracts.filters import LogFilter
from shared.contracts.names import KINDS, Kind
from shared.contracts.text import fold_id
from shared.contracts.times import order_text

MOST_ENTRIES: Final = 50
"""A SKU has an entry for each kind in each marketplace. What thousands have is no id of one item; of that these many are told."""

MOST_OLDER: Final = 10_000
"""So many attempts may be looked at for a page: no index has a history in order. Entries with more tell their newest one alone."""


class StoryReader(Protocol):
    """Entries by an id, and their attempts together. Raises StoreUnavailable when the answer does not come within the time limit."""

    async def list_by_id(self, account: str, kind: Kind, folded: str, *, limit: int) -> list[LogEntry]:
        """Return up to `limit` entries whose code or an alias is or was `folded`, each with version and log, without payload and evidence."""
        ...

    async def list_older(
        self, entries: Sequence[LogEntry], *, after: Place | None, limit: int, ascending: bool = False
    ) -> list[Moment]:
        """Return the first `limit` attempts of `entries` beyond `after`, their states left out, newest first or oldest first. Raise TooBroad."""
        ...

    async def count_older(self, entry: LogEntry, *, at_most: int) -> int:
        """Return how many attempts of `entry` are kept beside its state, up to `at_most`."""
        ...

    async def find_place(self, attempt: str) -> Place | None:
        """Return where an older attempt stands; None when it is not there, or not any more."""
        ...


async def tell_story(
    stories: StoryReader,
    caller: Caller,
    identity: str,
    *,
    kinds: Sequence[Kind] = (),
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Story:
    """Return the story of what has the id in the caller's account, masked; `kinds` narrow it. Raise NotFound, InvalidCursor, InvalidField, TooBroad."""
    caller.require("read")
    folded = fold_id(identity)
    wanted = [kind for kind in KINDS if not kinds or kind in kinds]
    found = await asyncio.gather(
        *(stories.list_by_id(caller.account, kind, folded, limit=MOST_ENTRIES + 1) for kind in wanted)
    )
    entries = deal(found, MOST_ENTRIES)
    if not entries:
        raise NotFound(f"nothing of {', '.join(wanted)} has the id {identity!r}, as its code or as an alias")
    whole = await _told_whole(stories, entries)
    binding = Binding(caller.account, LogFilter(kind=tuple(wanted), q=folded).to_query_string(), "story")
    told = _Line(stories, entries, [entry for entry in entries if entry.id in whole])
    line = await read_leaf(told.read, binding, cursor=cursor, limit=limit, place_of=_position)
    return Story(
        id=identity,
        entries=[mask_entry(entry) for entry in entries],
        whole=whole,
        is_complete=len(entries) == sum(map(len, found)),
        line=replace(line, items=[_masked(one) for one in line.items]),
    )


async def _told_whole(stories: StoryReader, entries: Sequence[LogEntry]) -> frozenset[str]:
    """Return the ids of the entries whose older attempts are MOST_OLDER together at most, those with few before those with many."""
    left, whole = MOST_OLDER, set()
    for entry in sorted(entries, key=lambda entry: (entry.attempts, entry.id)):
        older = max(entry.attempts - 1, 0)
        if older > left:  # an entry counts those that expired, too
            older = await stories.count_older(entry, at_most=left + 1)
        left -= older
        if left < 0:
            break
        whole.add(entry.id)
    return frozenset(whole)


@dataclass(frozen=True, slots=True)
class _Line:
    """The time line of some entries, of which those in `whole` tell their older attempts, too."""

    stories: StoryReader
    entries: Sequence[LogEntry]
    whole: Sequence[LogEntry]

    async def read(self, *, after: Position | None, ascending: bool, limit: int) -> list[Moment]:
        """Return the first `limit` moments beyond `after`."""
        states = [state_of(entry) for entry in self.entries]
        start = await self._place(after, states)
        with_older = [entry for entry in self.whole if entry.attempts > 1]
        older = (
            await self.stories.list_older(with_older, after=start, limit=limit, ascending=ascending)
            if with_older
            else []
        )
        return merge(states, older, start, ascending=ascending, limit=limit)

    async def _place(self, after: Position | None, states: Sequence[Moment]) -> Place | None:
        if after is None or not after.id:  # an end of the line
            return None
        for state in states:
            if state.attempt.id == after.id:
                return state.place
        # One that expired meanwhile stood where its instant says; what was older than it has expired, too, states excepted.
        return await self.stories.find_place(after.id) or (order_text(after.at), -1, "", "", "")


def _masked(moment: Moment) -> Moment:
    _, kind, _, _ = split_entry_id(moment.entry_id)
    return replace(moment, attempt=mask_attempt(moment.attempt, kind))


def _position(moment: Moment) -> Position:
    return Position(moment.attempt.processed_at, moment.attempt.id)

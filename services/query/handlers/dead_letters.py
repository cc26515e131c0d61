"""Dead letters: a page of them, one with its content, counts by error class, and what a replay would do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from services.query.core.cursor import Binding, Position
from services.query.core.letters import ShownLetter, masked_letter, masked_summary, revealed_letter
from services.query.core.permissions import Caller
from services.query.handlers.auditing import Audit, record_reveal
from services.query.handlers.commanding import DryRun
from services.query.handlers.leafing import DEFAULT_LIMIT, read_leaf
from services.query.handlers.reading import COUNT_LIMIT, Total
from shared.contracts.dead_letters import REPLAYABLE, Letter, LetterFilter, ReplayCommand
from shared.contracts.errors import NotEligible, NotFound

ORDER: Final = "-received_at"


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Dead letters, newest first, without their content."""

    items: list[Letter]
    next_cursor: str | None
    previous_cursor: str | None
    total: Total


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many letters of one error class stand open, and how many were replayed."""

    error_class: str
    open: int
    replayed: int


@dataclass(frozen=True, slots=True)
class Fate:
    """`count` letters of one topic in one state."""

    topic: str
    state: str
    count: int


class LetterReader(Protocol):
    """The dead letters. Raises StoreUnavailable when the answer does not come within the time limit."""

    async def list_letters(
        self, account: str, rows: LetterFilter, *, after: Position | None, ascending: bool, limit: int
    ) -> list[Letter]:
        """Return the first `limit` letters beyond `after` in the order (received_at, id), without value and headers."""
        ...

    async def count_letters(self, account: str, rows: LetterFilter, *, at_most: int) -> int:
        """Return how many letters there are, never more than `at_most`."""
        ...

    async def count_by_class(self, account: str, rows: LetterFilter) -> list[ClassCount]:
        """Return the error classes, most open letters first."""
        ...

    async def find_letter(self, account: str, identity: str) -> Letter | None:
        """Return the letter, whole; None when the account has none of that id."""
        ...

    async def count_fates(self, account: str, rows: LetterFilter | None, identities: Sequence[str]) -> list[Fate]:
        """Return the letters of the filter, or with None those named, by topic and state."""
        ...


async def list_letters(
    letters: LetterReader, caller: Caller, rows: LetterFilter, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> LetterPage:
    """Return a page of the caller's dead letters, masked. Raise InvalidCursor, InvalidField."""
    caller.require("read")
    binding = Binding(caller.account, rows.to_query_string(), f"dead-letters {ORDER}")
    read = partial(letters.list_letters, caller.account, rows)
    leaf = await read_leaf(read, binding, cursor=cursor, limit=limit, place_of=_position)
    counted = await letters.count_letters(caller.account, rows, at_most=COUNT_LIMIT + 1)
    return LetterPage(
        items=[masked_summary(letter) for letter in leaf.items],
        next_cursor=leaf.next_cursor,
        previous_cursor=leaf.previous_cursor,
        total=Total(COUNT_LIMIT, "at_least") if counted > COUNT_LIMIT else Total(counted, "exact"),
    )


async def count_classes(letters: LetterReader, caller: Caller, rows: LetterFilter) -> list[ClassCount]:
    """Return the caller's letters by error class."""
    caller.require("read")
    return await letters.count_by_class(caller.account, rows)


async def get_letter(letters: LetterReader, caller: Caller, identity: str) -> ShownLetter:
    """Return one dead letter of the caller's account, its personal data masked. Raise NotFound."""
    caller.require("read")
    return masked_letter(await _find(letters, caller, identity))


async def reveal_letter(
    letters: LetterReader, audit: Audit, caller: Caller, identity: str, reason: str, *, now: datetime
) -> ShownLetter:
    """Return one dead letter as it came, written down before. Raise NotPermitted, InvalidField, NotFound."""
    return revealed_letter(await open_letter(letters, audit, caller, identity, reason, now=now))


async def open_letter(
    letters: LetterReader, audit: Audit, caller: Caller, identity: str, reason: str, *, now: datetime
) -> Letter:
    """Return one dead letter with its bytes, written down before. Raise NotPermitted, InvalidField, NotFound."""
    await record_reveal(audit, caller, identity, "dead_letter.revealed", reason, now=now)
    return await _find(letters, caller, identity)


async def _find(letters: LetterReader, caller: Caller, identity: str) -> Letter:
    letter = await letters.find_letter(caller.account, identity)
    if letter is None:
        raise NotFound(f"there is no dead letter {identity!r}")
    return letter


async def check_open(letters: LetterReader, caller: Caller, identity: str) -> None:
    """Raise NotFound, or NotEligible when the letter was replayed already or cannot go back."""
    caller.require("reprocess")
    fate = next(iter(await letters.count_fates(caller.account, None, [identity])), None)
    if fate is None:
        raise NotFound(f"there is no dead letter {identity!r}")
    if fate.state != "open":
        raise NotEligible(f"the dead letter {identity!r} was replayed already")
    if fate.topic not in REPLAYABLE:
        raise NotEligible(f"the dead letter came from {fate.topic!r}, to which nothing goes back")


async def preview_replay(letters: LetterReader, caller: Caller, command: ReplayCommand) -> DryRun:
    """Return how many letters the command would send back and which it would skip, and why. Raise NotPermitted."""
    caller.require("reprocess")
    caller.require_account(command.account)
    named = list(dict.fromkeys(command.letters or ()))
    skipped: dict[str, int] = {}
    found = 0
    for fate in await letters.count_fates(caller.account, command.log_filter(), named):
        found += fate.count
        reason = "not_open" if fate.state != "open" else "" if fate.topic in REPLAYABLE else "not_replayable"
        if reason:
            skipped[reason] = skipped.get(reason, 0) + fate.count
    if len(named) > found:
        skipped["not_found"] = len(named) - found
    matched = len(named) or found
    return DryRun(matched=matched, eligible=matched - sum(skipped.values()), skipped=skipped)


def _position(letter: Letter) -> Position:
    return Position(letter.received_at, letter.id)

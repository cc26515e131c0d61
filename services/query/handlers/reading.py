"""Reading the log: a page of entries, one entry, its history."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from services.query.core.cursor import Binding, Position, decode_cursor, encode_cursor
from services.query.core.masking import mask_attempt, mask_entry
from services.query.core.permissions import Caller
from services.query.core.sorting import DEFAULT_SORT, SORTS, SortField, field_of, is_ascending, value_of
from services.query.core.streak import ENDS_A_STREAK, LONGEST, ErrorStreak, streak_of
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.errors import InvalidField, NotFound
from shared.contracts.events import entry_id
from shared.contracts.filters import LogFilter

Relation = Literal["exact", "at_least"]
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
COUNT_LIMIT: Final = 10_000
"""Counting stops here: a person does not tell 10,000 rows from more, and a count must never scan a whole account."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows a filter lets pass: exactly, or at least so many: COUNT_LIMIT, or where counting takes long, those seen."""

    value: int
    relation: Relation


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order asked for. A cursor is None where there is nothing more in its direction."""

    items: list[LogEntry]
    next_cursor: str | None
    previous_cursor: str | None
    total: Total


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """Attempts, newest first."""

    items: list[Attempt]
    next_cursor: str | None


class LogReader(Protocol):
    """Entries and attempts. Raises StoreUnavailable when the answer does not come within the time limit."""

    async def list_entries(
        self,
        account: str,
        rows: LogFilter,
        *,
        after: Position | None,
        ascending: bool,
        limit: int,
        by: SortField = "processed_at",
    ) -> list[LogEntry]:
        """Return the first `limit` rows beyond `after` in the order (`by`, id), without their payload. Raise TooBroad.

        `rows.kind` names exactly one kind.
        """
        ...

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> int | None:
        """Return how many rows there are, never more than `at_most`; None when counting takes too long."""
        ...

    async def find_entry(self, identity: str) -> LogEntry | None:
        """Return the entry of that id, payload included."""
        ...

    async def list_attempts(self, identity: str, *, after: Position | None, limit: int) -> list[Attempt]:
        """Return the first `limit` attempts of an entry beyond `after`, newest first by (processed_at, id)."""
        ...

    async def list_outcomes(self, identity: str, *, limit: int) -> list[tuple[str, datetime]]:
        """Return (status, processed at) of the newest `limit` attempts of an entry, in the order of `list_attempts`."""
        ...

    async def find_last_success(self, identity: str) -> Attempt | None:
        """Return the newest attempt that succeeded, the entry's own state left out; None when there is none, or none any more."""
        ...


async def list_logs(
    log: LogReader,
    caller: Caller,
    rows: LogFilter,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    sort: str = DEFAULT_SORT,
) -> Page:
    """Return a page of the caller's rows. Raise InvalidCursor, InvalidField, TooBroad. `rows.kind` names exactly one kind."""
    caller.require("read")
    _check(limit, sort)
    by = field_of(sort)
    binding = Binding(caller.account, rows.to_query_string(), sort)
    start = decode_cursor(cursor, binding) if cursor else None
    backwards = start is not None and start.backwards
    reading = log.list_entries(
        caller.account,
        rows,
        after=start.position if start else None,
        ascending=is_ascending(sort) != backwards,
        limit=limit + 1,
        by=by,
    )
    found, total = await _counted(log, caller.account, rows, reading, limit=limit, is_first=start is None)
    more, items = len(found) > limit, found[:limit]
    if backwards:
        items.reverse()
    has_next, has_previous = (True, more) if backwards else (more, start is not None)
    return Page(
        items=[mask_entry(entry) for entry in items],
        next_cursor=encode_cursor(_position(items[-1], by), binding) if has_next and items else None,
        previous_cursor=encode_cursor(_position(items[0], by), binding, backwards=True)
        if has_previous and items
        else None,
        total=total,
    )


async def get_entry(
    log: LogReader, caller: Caller, kind: str, affiliate: str, code: str, *, is_revealed: bool = False
) -> LogEntry:
    """Return one entry of the caller's account. Raise NotFound.

    Personal data is masked unless `is_revealed`, which only auditing.py may say: it asks for the scope and writes it down.
    """
    caller.require("read")
    entry = await log.find_entry(entry_id(caller.account, kind, affiliate, code))
    if entry is None:
        raise NotFound(f"there is no {kind} {code!r} of affiliate {affiliate!r}")
    return entry if is_revealed else mask_entry(entry)


async def find_streak(log: LogReader, caller: Caller, entry: LogEntry) -> ErrorStreak:
    """Return the errors in a row that `entry`, one of the caller's, stands at; the history is read only if there may be some."""
    caller.require("read")
    if entry.status in ENDS_A_STREAK:
        return ErrorStreak()
    return streak_of(await log.list_outcomes(entry.id, limit=LONGEST))


async def list_attempts(
    log: LogReader,
    caller: Caller,
    kind: str,
    affiliate: str,
    code: str,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    is_revealed: bool = False,
) -> AttemptPage:
    """Return a page of an entry's history, newest first, masked as by `get_entry`. Raise NotFound, InvalidCursor, InvalidField."""
    caller.require("read")
    _check(limit, DEFAULT_SORT)
    identity = entry_id(caller.account, kind, affiliate, code)
    binding = Binding(caller.account, identity, "attempts")
    start = decode_cursor(cursor, binding) if cursor else None
    found = await log.list_attempts(identity, after=start.position if start else None, limit=limit + 1)
    if not found:
        await get_entry(log, caller, kind, affiliate, code)
    items = found[:limit]
    following = encode_cursor(Position(items[-1].processed_at, items[-1].id), binding) if len(found) > limit else None
    shown = items if is_revealed else [mask_attempt(attempt) for attempt in items]
    return AttemptPage(items=shown, next_cursor=following)


async def _counted(
    log: LogReader,
    account: str,
    rows: LogFilter,
    reading: Awaitable[list[LogEntry]],
    *,
    limit: int,
    is_first: bool,
) -> tuple[list[LogEntry], Total]:
    """Return the rows that `reading` finds, and how many there are: of a first page that holds them all, by looking at it."""
    if is_first and len(found := await reading) <= limit:
        return found, Total(len(found), "exact")
    counting = log.count_entries(account, rows, at_most=COUNT_LIMIT + 1)
    if is_first:
        return found, _total(await counting, len(found))
    found, counted = await asyncio.gather(reading, counting)
    return found, _total(counted, len(found))


def _total(counted: int | None, seen: int) -> Total:
    """Return what is sure: where counting takes too long, that there are those seen."""
    if counted is None:
        return Total(seen, "at_least")
    return Total(COUNT_LIMIT, "at_least") if counted > COUNT_LIMIT else Total(counted, "exact")


def _check(limit: int, sort: str) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidField("limit", f"must be 1 to {MAX_LIMIT}")
    if sort not in SORTS:
        raise InvalidField("sort", f"{sort!r} is unknown", SORTS)


def _position(entry: LogEntry, by: SortField) -> Position:
    return Position(value_of(entry, by), entry.id)

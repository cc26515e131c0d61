"""Reading the log: a page of entries, one entry, its history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from services.query.core.cursor import Binding, Position, decode_cursor, encode_cursor
from services.query.core.masking import mask_attempt, mask_entry
from services.query.core.permissions import Caller
from services.query.core.streak import ENDS_A_STREAK, LONGEST, ErrorStreak, streak_of
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.errors import InvalidField, NotFound
from shared.contracts.events import entry_id
from shared.contracts.filters import LogFilter

Relation = Literal["exact", "at_least"]
SORTS: Final = ("-processed_at", "processed_at")
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
COUNT_LIMIT: Final = 10_000
"""Counting stops here: a person does not tell 10,000 rows from more, and a count must never scan a whole account."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows a filter lets pass: exactly, or at least COUNT_LIMIT."""

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
        self, account: str, rows: LogFilter, *, after: Position | None, ascending: bool, limit: int
    ) -> list[LogEntry]:
        """Return the first `limit` rows beyond `after` in the order (processed_at, id), without their payload."""
        ...

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> int:
        """Return how many rows there are, never more than `at_most`."""
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


async def list_logs(
    log: LogReader,
    caller: Caller,
    rows: LogFilter,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    sort: str = SORTS[0],
) -> Page:
    """Return a page of the caller's rows. Raise InvalidCursor, InvalidField. `rows.kind` names exactly one kind."""
    caller.require("read")
    _check(limit, sort)
    binding = Binding(caller.account, rows.to_query_string(), sort)
    start = decode_cursor(cursor, binding) if cursor else None
    backwards = start is not None and start.backwards
    ascending = (sort == "processed_at") != backwards
    found = await log.list_entries(
        caller.account, rows, after=start.position if start else None, ascending=ascending, limit=limit + 1
    )
    total = await _total(log, caller.account, rows, found if cursor is None and len(found) <= limit else None)
    more, items = len(found) > limit, found[:limit]
    if backwards:
        items.reverse()
    has_next, has_previous = (True, more) if backwards else (more, start is not None)
    return Page(
        items=[mask_entry(entry) for entry in items],
        next_cursor=encode_cursor(_position(items[-1]), binding) if has_next and items else None,
        previous_cursor=encode_cursor(_position(items[0]), binding, backwards=True) if has_previous and items else None,
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
    _check(limit, SORTS[0])
    identity = entry_id(caller.account, kind, affiliate, code)
    binding = Binding(caller.account, identity, "attempts")
    start = decode_cursor(cursor, binding) if cursor else None
    found = await log.list_attempts(identity, after=start.position if start else None, limit=limit + 1)
    if not found:
        await get_entry(log, caller, kind, affiliate, code)
    items = found[:limit]
    following = encode_cursor(_position(items[-1]), binding) if len(found) > limit else None
    shown = items if is_revealed else [mask_attempt(attempt) for attempt in items]
    return AttemptPage(items=shown, next_cursor=following)


async def _total(log: LogReader, account: str, rows: LogFilter, all_rows: Sequence[LogEntry] | None) -> Total:
    if all_rows is not None:
        return Total(len(all_rows), "exact")
    counted = await log.count_entries(account, rows, at_most=COUNT_LIMIT + 1)
    return Total(COUNT_LIMIT, "at_least") if counted > COUNT_LIMIT else Total(counted, "exact")


def _check(limit: int, sort: str) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidField("limit", f"must be 1 to {MAX_LIMIT}")
    if sort not in SORTS:
        raise InvalidField("sort", f"{sort!r} is unknown", SORTS)


def _position(row: LogEntry | Attempt) -> Position:
    return Position(row.processed_at, row.id)

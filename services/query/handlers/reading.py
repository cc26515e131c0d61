"""Reading the log: a page of entries, one entry, its history."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Literal, Protocol

from services.query.core.cursor import Binding, Position, Start, Value, decode_cursor, encode_cursor
from services.query.core.leaf import Leaf
from services.query.core.masking import mask_attempt, mask_entry, reveal_attempt, reveal_entry
from services.query.core.permissions import Caller
from services.query.core.remembering import by_identity
from services.query.core.sorting import DEFAULT_SORT, SORTS, SortField, field_of, is_ascending, type_of, value_of
from services.query.core.streak import ENDS_A_STREAK, LONGEST, MOST_SORTED, ErrorStreak, streak_of
from services.query.handlers.leafing import DEFAULT_LIMIT, MAX_LIMIT, check_limit, read_leaf
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.errors import InvalidField, NotFound
from shared.contracts.events import entry_id
from shared.contracts.filters import LogFilter

Relation = Literal["exact", "at_least"]
COUNT_LIMIT: Final = 10_000
"""Counting stops here: a person does not tell 10,000 rows from more, and a count must never scan a whole account."""

KEYS_PER_ROW: Final = 50
"""So many keys of an index may be looked at for each row of a page. A page that would need more is short, and the next goes on."""

MOST_KEYS: Final = KEYS_PER_ROW * MAX_LIMIT

REMEMBERED_ROWS: Final = 2_000
"""How the rows of first pages looked last is kept at each step from MongoDB to the answer, 15 to 20 MB in all: panels ask for the same
page again and again, and of it a few rows have changed."""

_mask_remembered = by_identity(REMEMBERED_ROWS)(mask_entry)


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows a filter lets pass: exactly, or at least so many: COUNT_LIMIT, or where counting takes long, those seen."""

    value: int
    relation: Relation


@dataclass(frozen=True, slots=True)
class Found:
    """Rows in the order asked for. `reached`: up to where was looked, if fewer than asked for were found and there may be more beyond."""

    entries: list[LogEntry]
    reached: Position | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order asked for. A cursor is None where there is nothing more in its direction.

    Where the search ended before the page was full, `searched_until` is what the last row looked at is sorted by, and `continues`
    that of the two cursors that goes on with it; else both are None.
    """

    items: list[LogEntry]
    next_cursor: str | None
    previous_cursor: str | None
    total: Total
    searched_until: Value | None = None
    continues: str | None = None


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
        keys: int = MOST_KEYS,
    ) -> Found:
        """Return the first `limit` rows beyond `after` in the order (`by`, id), without payload, version, sequence and job. Raise TooBroad.

        `rows.kind` names exactly one kind. Where no index has these rows and no others, about `keys` of its keys are looked at.
        A row that has not changed may be the object given before: nobody changes it.
        """
        ...

    def counts_keys_alone(self, account: str, rows: LogFilter) -> bool:
        """Say whether keys of an index alone tell how many rows there are: counting few costs little then."""
        ...

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> Total:
        """Return how many rows there are, up to `at_most`: exactly, or at least so many where there are more or counting is dear."""
        ...

    async def find_entry(self, identity: str) -> LogEntry | None:
        """Return the entry of that id, payload included."""
        ...

    async def list_attempts(
        self, identity: str, *, after: Position | None, limit: int, ascending: bool = False
    ) -> list[Attempt]:
        """Return the first `limit` attempts of an entry beyond `after`, newest first by their total order, or oldest first. Raise TooBroad."""
        ...

    async def list_outcomes(self, entry: LogEntry, *, limit: int, most: int) -> list[tuple[str, datetime]] | None:
        """Return (status, processed at) of the newest `limit` attempts of an entry that `find_entry` gave, in the order of `list_attempts`.

        None where more than `most` are kept beside the state and all of them would have to be looked at: no index has them in order yet.
        """
        ...

    async def find_last_success(self, entry: LogEntry) -> Attempt | None:
        """Return the attempt that an entry that `find_entry` gave, and that is not in success now, tells of as its last success; None when
        there was none, or it is not kept any more. Raise TooBroad.
        """
        ...


async def list_logs(
    log: LogReader,
    caller: Caller,
    rows: LogFilter,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    sort: str = DEFAULT_SORT,
    effort: int = 0,
    known: Total | None = None,
) -> Page:
    """Return a page of the caller's rows. Raise InvalidCursor, InvalidField, TooBroad. `rows.kind` names exactly one kind.

    The work is that of a page of `limit` rows, or of `effort` rows if that is more: where few rows fit, it finds more of them.
    `known`: the total, where it was counted before.
    """
    caller.require("read")
    _check(limit, sort)
    by = field_of(sort)
    binding = Binding(caller.account, rows.to_query_string(), sort)
    start = decode_cursor(cursor, binding, type_of(by)) if cursor else None
    reading = log.list_entries(
        caller.account,
        rows,
        after=start.position if start else None,
        ascending=is_ascending(sort) != (start is not None and start.backwards),
        limit=limit + 1,
        by=by,
        keys=KEYS_PER_ROW * min(max(limit, effort), MAX_LIMIT),
    )
    if known is None:
        found, total = await _counted(log, caller.account, rows, reading, limit=limit, is_first=start is None)
    else:
        found, total = await reading, known
    return _page(found, total, start, limit, by, binding)


def _page(found: Found, total: Total, start: Start | None, limit: int, by: SortField, binding: Binding) -> Page:
    is_full, items = len(found.entries) > limit, found.entries[:limit]
    is_backwards = start is not None and start.backwards
    beyond = _position(items[-1], by) if is_full else found.reached
    before = None if start is None else _position(items[0], by) if items else found.reached or _turned(start)
    onward = None if beyond is None else encode_cursor(beyond, binding, backwards=is_backwards)
    back = None if before is None else encode_cursor(before, binding, backwards=not is_backwards)
    is_cut_short = not is_full and found.reached is not None
    mask = _mask_remembered if start is None else mask_entry
    shown = [mask(entry) for entry in items]
    return Page(
        items=shown[::-1] if is_backwards else shown,
        next_cursor=back if is_backwards else onward,
        previous_cursor=onward if is_backwards else back,
        total=total,
        searched_until=found.reached.at if is_cut_short and found.reached else None,
        continues=onward if is_cut_short else None,
    )


def _turned(start: Start | None) -> Position | None:
    """Return the place from which the other direction begins where nothing was found: with the row that the search began beyond."""
    return None if start is None else replace(start.position, is_included=not start.position.is_included)


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
    return reveal_entry(entry) if is_revealed else mask_entry(entry)


async def find_streak(log: LogReader, caller: Caller, entry: LogEntry) -> ErrorStreak:
    """Return the errors in a row that `entry`, one of the caller's, stands at; the history is read only if there may be some."""
    caller.require("read")
    if entry.status in ENDS_A_STREAK:
        return ErrorStreak()
    outcomes = await log.list_outcomes(entry, limit=LONGEST, most=MOST_SORTED)
    if outcomes is None:
        return ErrorStreak(int(entry.status == "error"), is_whole=False)
    return streak_of(outcomes)


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
) -> Leaf[Attempt]:
    """Return a page of an entry's history, newest first, masked as by `get_entry`. Raise NotFound, InvalidCursor, InvalidField."""
    caller.require("read")
    identity = entry_id(caller.account, kind, affiliate, code)
    binding = Binding(caller.account, identity, "attempts")
    read = partial(log.list_attempts, identity)
    leaf = await read_leaf(read, binding, cursor=cursor, limit=limit, place_of=_place_of)
    if not leaf.items:
        await get_entry(log, caller, kind, affiliate, code)
    show = reveal_attempt if is_revealed else mask_attempt
    return replace(leaf, items=[show(attempt, kind) for attempt in leaf.items])


async def _counted(
    log: LogReader, account: str, rows: LogFilter, reading: Awaitable[Found], *, limit: int, is_first: bool
) -> tuple[Found, Total]:
    """Return the rows that `reading` finds, and how many there are: of a first page that holds them all, by looking at it.

    What is counted by keys alone is counted meanwhile; else only once it is known that the page does not hold them all.
    """
    is_counted_later = is_first and not log.counts_keys_alone(account, rows)
    # One task and not two, as `gather` makes: a task costs some 30 µs where the process was idle before.
    counting = None if is_counted_later else asyncio.create_task(log.count_entries(account, rows, at_most=COUNT_LIMIT))
    try:
        if counting is not None:
            await asyncio.sleep(0)  # it goes out first, since MongoDB takes longer over it
        found = await reading
    except BaseException:
        if counting is not None:
            counting.cancel()
        raise
    meanwhile = None if counting is None else await counting
    if is_first and len(found.entries) <= limit and found.reached is None:
        return found, Total(len(found.entries), "exact")
    total = meanwhile or await log.count_entries(account, rows, at_most=COUNT_LIMIT)
    return found, Total(max(total.value, len(found.entries)), total.relation)


def _check(limit: int, sort: str) -> None:
    check_limit(limit)
    if sort not in SORTS:
        raise InvalidField("sort", f"{sort!r} is unknown", SORTS)


def _place_of(attempt: Attempt) -> Position:
    return Position(attempt.processed_at, attempt.id)


def _position(entry: LogEntry, by: SortField) -> Position:
    return Position(value_of(entry, by), entry.id)

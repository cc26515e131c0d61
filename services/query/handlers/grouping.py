"""Root causes of what failed: items whose causes say the same, counted as they stand now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from services.query.core.groups import shown_cause, trend_days
from services.query.core.permissions import Caller
from services.query.handlers.reading import Total
from shared.contracts.errors import InvalidField, InvalidFilter
from shared.contracts.events import STATUSES
from shared.contracts.filters import WITHOUT_CAUSES, LogFilter
from shared.runtime.clock import Clock

DEFAULT_GROUPS: Final = 20
MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Day:
    """Items of a group that were processed last on the day in UTC that begins at `at`."""

    at: datetime
    items: Total


@dataclass(frozen=True, slots=True)
class RootCause:
    """Items that have one root cause now. `cause`: code and message of the newest of them; `template` too, once it may be seen.

    `first_at`, `last_at`: when those were processed that were processed first and last; the first is None where it is not known.
    `affiliates`: items by affiliate, of all items or, where these are many, of the newest (`are_affiliates_whole`).
    """

    id: str
    kind: str
    cause: Mapping[str, Any]
    count: Total
    affiliates: Mapping[str, int]
    are_affiliates_whole: bool
    first_at: datetime | None
    last_at: datetime
    trend: Sequence[Day]


@dataclass(frozen=True, slots=True)
class Grouped:
    """Root causes, most items first. `is_complete`: all were looked for; else there may be others, and more items of these.

    `as_of`: when they were counted, where that may be a moment ago (`recent_groups.py`).
    """

    items: list[RootCause]
    total: Total
    is_complete: bool
    as_of: datetime | None = None


class GroupReader(Protocol):
    """Root causes. Raises StoreUnavailable when the answer does not come within the time limit."""

    async def list_groups(self, account: str, rows: LogFilter, *, limit: int, days: Sequence[datetime]) -> Grouped:
        """Return the `limit` groups that most of `rows` have, of as many the newest first. The work is bounded.

        `rows.group` names the only groups told of; `days` are the beginnings of the days of the trends, oldest first.
        """
        ...


async def list_groups(
    groups: GroupReader, caller: Caller, rows: LogFilter, *, limit: int = DEFAULT_GROUPS, now: Clock
) -> Grouped:
    """Return the root causes of the caller's rows, masked. Raise InvalidField, InvalidFilter."""
    caller.require("read")
    if not 1 <= limit <= MOST_SHOWN:
        raise InvalidField("limit", f"must be 1 to {MOST_SHOWN}")
    if rows.status == (WITHOUT_CAUSES,):
        allowed = [status for status in STATUSES if status != WITHOUT_CAUSES]
        raise InvalidFilter("status", f"an item in `{WITHOUT_CAUSES}` has no causes, so no `group`", allowed)
    found = await groups.list_groups(caller.account, rows, limit=limit, days=trend_days(now()))
    return replace(found, items=[replace(one, cause=shown_cause(one.cause)) for one in found.items])

"""The story of what grows old: attempts vanish after a time, entries only where a setting says so, and never unseen."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from shared.contracts.errors import Transient
from shared.contracts.events import STATUSES

BATCH: Final = 500
"""Entries removed at a time: some 50 ms of MongoDB's, between which events are written."""


@dataclass(frozen=True, slots=True)
class KeepDays:
    """For how many days each is kept; 0 is for ever. `errors`: all entries that are not in success."""

    attempts: int = 90
    success: int = 0
    errors: int = 0

    def of(self, status: str) -> int:
        """Return the days that an entry of that status is kept."""
        return self.success if status == "success" else self.errors


@dataclass(frozen=True, slots=True)
class Expired:
    """Entries of one account and status that were removed."""

    account: str
    status: str
    entries: int


class OldContent(Protocol):
    """Attempts and entries by their age. Every call is safe to repeat and raises Transient when the store is away."""

    async def keep_attempts(self, days: int) -> None:
        """Let attempts vanish so many days after they were received, those that are there too; 0 is never."""

    async def list_accounts(self) -> Sequence[str]:
        """Return the accounts that have entries."""

    async def remove_entries(
        self, account: str, status: str, *, untouched_since: datetime, now: datetime, at_most: int
    ) -> int:
        """Remove entries of that status that nothing changed since then; return how many. None that a retry is under way for.

        A state of later than `now` is as old as its arrival: a publisher's clock far ahead must not keep it for ever.
        """


async def expire(
    content: OldContent,
    keep: KeepDays,
    *,
    now: datetime,
    pause: Callable[[], Awaitable[object]],
    tell: Callable[[Expired], object],
) -> None:
    """Do what the settings say, batch by batch with a `pause` between; `tell` hears of every removal as soon as it is done.

    Raise Transient once all was tried, if something failed.
    """
    await content.keep_attempts(keep.attempts)
    statuses = [status for status in STATUSES if keep.of(status)]
    failure: Transient | None = None
    for account in await content.list_accounts() if statuses else ():
        for status in statuses:
            since = now - timedelta(days=keep.of(status))
            remove = partial(content.remove_entries, account, status, untouched_since=since, now=now, at_most=BATCH)
            try:
                await _remove_all(remove, pause, tell, partial(Expired, account, status))
            except Transient as error:  # what takes too long of one must not keep all that come after it
                failure = error
    if failure is not None:
        raise failure


async def _remove_all(
    remove: Callable[[], Awaitable[int]],
    pause: Callable[[], Awaitable[object]],
    tell: Callable[[Expired], object],
    expired: Callable[[int], Expired],
) -> None:
    removed = 0
    try:
        while (done := await remove()) == BATCH:
            removed += done
            await pause()
        removed += done
    finally:
        if removed:
            tell(expired(removed))

"""Root causes as they were a moment ago: those of very many items take MongoDB a second, so it counts them once for all who ask meanwhile."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.query.handlers.grouping import Grouped, GroupReader
from shared.contracts.errors import LimitExceeded
from shared.contracts.filters import LogFilter
from shared.runtime.clock import Clock

SHARE: Final = 20.0
"""An answer is good for so many times as long as it took: counting it anew takes a twentieth of the time at most."""

LONGEST_SECONDS: Final = 30.0
"""So long at most; and while it is counted anew it is told meanwhile, up to this age."""

CHEAP_SECONDS: Final = 0.02
"""What takes no longer is counted at every look."""

AT_ONCE: Final = 2
"""Answers that are being counted: each may keep a processor of MongoDB busy, and lists come first."""

MOST: Final = 200

MOST_WAITING: Final = 20
"""Questions of one account that are not answered yet: at a second each the last has its turn before a request is given up.

Counting goes on though nobody waits any more. Without a bound, who asks for other rows each time would hold up every account for hours.
"""

Asked = tuple[str, LogFilter, int, datetime]


@dataclass(slots=True)
class _Answer:
    """One that is on its way, or is there: good until one monotonic second, and told until another while the next one comes.

    One that failed is neither. `before`: the one that is told until this one is there.
    """

    coming: "asyncio.Task[Grouped]"
    good_until: float = float("-inf")
    told_until: float = float("-inf")
    before: "_Answer | None" = None


class RecentGroups:
    """The port GroupReader on another one. `seconds` is a monotonic clock."""

    def __init__(self, groups: GroupReader, *, now: Clock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._groups = groups
        self._now = now
        self._seconds = seconds
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[Asked, _Answer] = {}

    async def list_groups(self, account: str, rows: LogFilter, *, limit: int, days: Sequence[datetime]) -> Grouped:
        """Return what was counted last if that is not too long ago, `as_of` then; else who asks while it is counted waits for that.

        Raise LimitExceeded where the account asks for too much at once.
        """
        asked, second = (account, rows, limit, days[0]), self._seconds()
        answer = self._answers.get(asked)
        if answer is None or (answer.coming.done() and second >= answer.good_until):
            young = answer if answer is not None and second < answer.told_until else None
            self._refuse_too_much(account)
            answer = self._answers[asked] = self._ask(asked, days, before=young)
        before = answer.before
        if before is not None and second < before.told_until and not answer.coming.done():
            return before.coming.result()
        return await asyncio.shield(answer.coming)  # who goes away takes it from nobody else

    def _refuse_too_much(self, account: str) -> None:
        waiting = sum(asked[0] == account and not one.coming.done() for asked, one in self._answers.items())
        if waiting >= MOST_WAITING:
            raise LimitExceeded(
                f"root causes of {waiting} filters are being counted already; ask again when they are told"
            )

    def _ask(self, asked: Asked, days: Sequence[datetime], before: _Answer | None) -> _Answer:
        if len(self._answers) >= MOST:
            self._answers = {key: one for key, one in self._answers.items() if not one.coming.done()}
        coming = asyncio.create_task(self._count(asked, days))
        coming.add_done_callback(_look)
        return _Answer(coming, before=before)

    async def _count(self, asked: Asked, days: Sequence[datetime]) -> Grouped:
        account, rows, limit, _ = asked
        async with self._turn:
            as_of, began = self._now(), self._seconds()
            found = await self._groups.list_groups(account, rows, limit=limit, days=days)
        ended, answer = self._seconds(), self._answers[asked]
        answer.before = None
        if (took := ended - began) > CHEAP_SECONDS:
            answer.good_until = ended + min(SHARE * took, LONGEST_SECONDS)
            answer.told_until = ended + LONGEST_SECONDS
        return replace(found, as_of=as_of)


def _look(counted: "asyncio.Task[Grouped]") -> None:
    """Look at a failure that perhaps nobody waits for: asyncio would log it."""
    if not counted.cancelled():
        counted.exception()

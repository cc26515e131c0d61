"""Root causes as they were a moment ago: those of very many items take MongoDB a second, so it counts them once for all who ask meanwhile."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.query.handlers.grouping import Grouped, GroupReader
from shared.contracts.filters import LogFilter
from shared.runtime.clock import Clock

SHARE: Final = 20.0
"""An answer is told again for so many times as long as it took: counting it anew takes a twentieth of the time at most."""

LONGEST_SECONDS: Final = 30.0
CHEAP_SECONDS: Final = 0.1
"""What takes no longer is counted at every look."""

AT_ONCE: Final = 2
"""Answers that are being counted: each may keep a processor of MongoDB busy, and lists come first."""

MOST: Final = 200

Asked = tuple[str, LogFilter, int, datetime]


@dataclass(slots=True)
class _Answer:
    """One that is on its way, or good until the monotonic second `until`; one that failed is good no more."""

    coming: "asyncio.Task[Grouped]"
    until: float = float("-inf")


class RecentGroups:
    """The port GroupReader on another one. `seconds` is a monotonic clock."""

    def __init__(self, groups: GroupReader, *, now: Clock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._groups = groups
        self._now = now
        self._seconds = seconds
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[Asked, _Answer] = {}

    async def list_groups(self, account: str, rows: LogFilter, *, limit: int, days: Sequence[datetime]) -> Grouped:
        """Return what was counted last if that is not too long ago, `as_of` then; who asks while it is counted waits for that."""
        asked = account, rows, limit, days[0]
        answer = self._answers.get(asked)
        if answer is None or (answer.coming.done() and self._seconds() >= answer.until):
            if len(self._answers) >= MOST:
                self._answers = {key: one for key, one in self._answers.items() if not one.coming.done()}
            answer = self._answers[asked] = _Answer(asyncio.create_task(self._count(asked, days)))
        return await asyncio.shield(answer.coming)  # who goes away takes it from nobody else

    async def _count(self, asked: Asked, days: Sequence[datetime]) -> Grouped:
        account, rows, limit, _ = asked
        async with self._turn:
            as_of, began = self._now(), self._seconds()
            found = await self._groups.list_groups(account, rows, limit=limit, days=days)
        ended = self._seconds()
        if (took := ended - began) > CHEAP_SECONDS:
            self._answers[asked].until = ended + min(SHARE * took, LONGEST_SECONDS)
        return replace(found, as_of=as_of)

"""The counts above a list, and of which instant they are: nobody may take old counts for new ones."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.query.entrypoints.pages.screen import Screen
from shared.contracts.errors import StoreUnavailable
from shared.contracts.filters import LogFilter

COUNTS_WITHIN_SECONDS: Final = 0.25
"""Counts over a whole account may take longer than the page: then a module asks for them after the page stands."""

OLD_AFTER_SECONDS: Final = 60
"""A worker with a backlog lets counts fall back 30 s; beyond a minute nobody keeps them up. `static/counts.js` says the same."""


@dataclass(frozen=True, slots=True)
class CountsView:
    """Entries by kind, then status, as of an instant `age_seconds` ago. `is_rolled`: cheap enough to be asked for again and again."""

    by_kind: Mapping[str, Mapping[str, int]]
    as_of: datetime
    age_seconds: int
    is_rolled: bool

    @property
    def is_old(self) -> bool:
        """Say whether they would mislead whoever takes them for those of now."""
        return self.age_seconds >= OLD_AFTER_SECONDS


async def count_rows(screen: Screen, rows: LogFilter) -> CountsView:
    """Return entries by kind and status, under the affiliates and the period of `rows`. Raise NotPermitted."""
    screen.caller.require("read")
    kept = LogFilter(affiliate=rows.affiliate, from_at=rows.from_at, to_at=rows.to_at, date_axis=rows.date_axis)
    found = await screen.services.counts.by_kind(screen.caller.account, kept)
    age = (screen.services.now() - found.as_of).total_seconds()  # below 0 where MongoDB's clock is ahead of ours
    return CountsView(found.by_kind, found.as_of, max(0, int(age)), found.is_rolled)


async def counts_or_none(screen: Screen, rows: LogFilter) -> CountsView | None:
    """Return the counts if they come at once, None otherwise."""
    try:
        async with asyncio.timeout(COUNTS_WITHIN_SECONDS):
            return await count_rows(screen, rows)
    except (TimeoutError, StoreUnavailable):
        return None

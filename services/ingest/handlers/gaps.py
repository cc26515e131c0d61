"""The story of a gap: records are missing that nobody will ever read. It is written down before anything is read behind it."""

from datetime import datetime
from typing import Protocol

from shared.contracts.gaps import Gap
from shared.runtime.clock import Clock


class GapBook(Protocol):
    """The gaps that were met. Safe to repeat; raises only Transient errors or a Defect."""

    async def note(self, gap: Gap, *, at: datetime, reads_on: bool) -> None:
        """Write it down, durably; a gap that was met before stays as it is."""


async def note_gap(gap: Gap, book: GapBook, *, clock: Clock, reads_on: bool) -> None:
    """Return when the gap is durable. `reads_on`: what happens to the partition then. Raise Transient or Defect."""
    await book.note(gap, at=clock(), reads_on=reads_on)

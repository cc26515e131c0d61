"""The story of a gap: records are missing that nobody will ever read. It is written down before anything is read behind it."""

from datetime import datetime
from typing import Protocol

from shared.contracts.gaps import Gap


class GapBook(Protocol):
    """The gaps that were met. Safe to repeat; raises only Transient errors or a Defect."""

    async def note(self, gap: Gap, *, at: datetime, reads_on: bool) -> bool:
        """Write it down, durably; a gap that was met before stays as it is. Return whether it was first met `at` this instant."""


async def note_gap(gap: Gap, book: GapBook, *, at: datetime, reads_on: bool) -> bool:
    """Return when the gap is durable: whether it was first met `at` this instant, so that one partition that goes from reader to
    reader is one gap. `reads_on`: what happens to the partition then. Raise Transient or Defect.
    """
    return await book.note(gap, at=at, reads_on=reads_on)

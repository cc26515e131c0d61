"""What the clock asks of ingest: what grew old goes."""

import contextlib
from typing import Final

from services.ingest.handlers.housekeeping import Expired, KeepDays, OldContent, expire
from services.ingest.handlers.ports import LetterBook
from shared.contracts.errors import Transient
from shared.runtime import metrics
from shared.runtime.clock import Clock
from shared.runtime.ending import rest
from shared.runtime.logging import get_logger

log = get_logger(__name__)

EVERY_SECONDS: Final = 600.0
AGAIN_SECONDS: Final = 15.0
"""After a failure: the store was away, or is still being provisioned."""
PAUSE_SECONDS: Final = 0.1
COUNT_EVERY_SECONDS: Final = 30.0


class Housekeeping:
    """Expires for the worker's life; several workers may do so at once, each entry goes once."""

    def __init__(self, content: OldContent, keep: KeepDays, clock: Clock) -> None:
        self._content = content
        self._keep = keep
        self._clock = clock

    async def run(self) -> None:
        """Expire, rest, for ever; the worker cancels it."""
        while True:
            is_done = await self.run_once()
            await rest(EVERY_SECONDS if is_done else AGAIN_SECONDS)

    async def run_once(self) -> bool:
        """Expire once; return whether it came to its end."""
        try:
            await expire(self._content, self._keep, now=self._clock(), pause=_pause, tell=tell)
        except Transient as error:
            log.warning("housekeeping.postponed", extra={"facts": {"why": str(error)}})
            return False
        return True


class LetterCount:
    """Measures the dead letters that are kept, for the worker's life."""

    def __init__(self, book: LetterBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def run(self) -> None:
        """Measure, rest, for ever; the worker cancels it."""
        while True:
            with contextlib.suppress(Transient):  # the last measure stands
                await self.run_once()
            await rest(COUNT_EVERY_SECONDS)

    async def run_once(self) -> None:
        """Measure once. Raise Transient."""
        kept, since = await self._book.survey()
        metrics.INGEST_KEPT_LETTERS.set(kept)
        metrics.INGEST_OLDEST_LETTER.set((self._clock() - since).total_seconds() if since else 0)


def tell(expired: Expired) -> None:
    """Count and log a removal; one of errors as a warning."""
    metrics.INGEST_EXPIRED_ENTRIES.labels(expired.status).inc(expired.entries)
    facts = {"account": expired.account, "status": expired.status, "entries": expired.entries}
    say = log.info if expired.status == "success" else log.warning
    say("entries.expired", extra={"facts": facts})


async def _pause() -> None:
    await rest(PAUSE_SECONDS)

"""The rescue, every few seconds."""

import asyncio
import contextlib
from datetime import timedelta

from services.reprocessor.handlers.ports import Jobs, Limits, PendingEntries
from services.reprocessor.handlers.rescuing import rescue
from shared.contracts.errors import Transient
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)


class RescueTimer:
    """Rescues for the worker's life; several may run at once, each mark changes once."""

    def __init__(self, entries: PendingEntries, jobs: Jobs, clock: Clock, limits: Limits, *, every: timedelta) -> None:
        self._entries = entries
        self._jobs = jobs
        self._clock = clock
        self._limits = limits
        self._every = every.total_seconds()

    async def run(self) -> None:
        """Rescue, rest, for ever; the worker cancels it."""
        while True:
            with contextlib.suppress(Transient):  # the next turn is soon
                await self.run_once()
            await asyncio.sleep(self._every)

    async def run_once(self) -> None:
        """Rescue once and log what was found."""
        rescued = await rescue(self._entries, self._jobs, self._clock, self._limits)
        if rescued.claims or rescued.answers:
            facts = {"claims": rescued.claims, "unanswered": rescued.answers}
            log.warning("claims.rescued", extra={"facts": facts})

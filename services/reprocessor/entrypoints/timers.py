"""The rescue and the automatic retries, every few seconds."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from services.reprocessor.handlers.ports import Jobs, Limits, PendingEntries
from services.reprocessor.handlers.rescuing import rescue
from services.reprocessor.handlers.retrying import RetryPlugs, retry_due
from shared.contracts.errors import Transient
from shared.runtime.clock import Clock
from shared.runtime.ending import rest
from shared.runtime.logging import get_logger

log = get_logger(__name__)

REST_FACTOR: Final = 9


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
            try:
                await self.run_once()
            except Transient as error:  # the next turn is soon
                log.warning("rescue.postponed", extra={"facts": {"why": str(error)}})
            await rest(self._every)

    async def run_once(self) -> None:
        """Rescue once and log what was found."""
        rescued = await rescue(self._entries, self._jobs, self._clock, self._limits)
        if rescued.claims or rescued.answers:
            facts = {"claims": rescued.claims, "unanswered": rescued.answers}
            log.warning("claims.rescued", extra={"facts": facts})


class RetryTimer:
    """Asks for automatic retries for the worker's life; several may run at once, each entry goes to one."""

    def __init__(self, plugs: RetryPlugs, wake: Callable[[], None], *, every: timedelta) -> None:
        self._plugs = plugs
        self._wake = wake
        self._every = every

    async def run(self) -> None:
        """Ask, rest, for ever; the worker cancels it. Where much has failed a look takes long, and a tenth of the time at most."""
        while True:
            began = time.monotonic()
            try:
                await self.run_once()
            except Transient as error:  # the next turn is soon
                log.warning("retries.postponed", extra={"facts": {"why": str(error)}})
            await rest(max(self._every.total_seconds(), REST_FACTOR * (time.monotonic() - began)))

    async def run_once(self) -> None:
        """Ask once and log for how many items."""
        if asked := await retry_due(self._plugs, _postponed):
            log.info("retries.due", extra={"facts": {"items": asked}})
            self._wake()


def _postponed(account: str, kind: str, error: Transient) -> None:
    log.warning("retries.postponed", extra={"facts": {"account": account, "kind": kind, "why": str(error)}})

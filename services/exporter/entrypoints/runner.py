"""The loop that leases jobs: at once when a command came in, otherwise by looking every so often."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from services.exporter.handlers.exporting import Outcome
from shared.contracts.errors import Transient
from shared.runtime.logging import get_logger
from shared.runtime.metrics import EXPORT_ROWS, EXPORT_SECONDS, JOBS_RUNNING
from shared.runtime.retry import delay_before

log = get_logger(__name__)

ExportNext = Callable[[], Awaitable[Outcome | None]]


class Runner:
    """Runs `export_next` in `at_once` loops. A job survives whatever happens here: it is leased, not taken."""

    def __init__(self, export_next: ExportNext, *, at_once: int, idle_seconds: float) -> None:
        self._export_next = export_next
        self._at_once = at_once
        self._idle_seconds = idle_seconds
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look for a job now."""
        self._news.set()

    async def run(self) -> None:
        """Run until cancelled; jobs in hand are then given back."""
        async with asyncio.TaskGroup() as loops:
            for _ in range(self._at_once):
                loops.create_task(self._loop())

    async def _loop(self) -> None:
        failures = 0
        while True:
            try:
                found = await self._one()
            except Transient as error:
                failures += 1
                delay = delay_before(failures)
                log.warning("export.postponed", extra={"facts": {"why": str(error), "delay_seconds": round(delay, 2)}})
                await asyncio.sleep(delay)
            else:
                failures = 0
                if not found:
                    await self._rest()

    async def _one(self) -> bool:
        began = time.monotonic()
        with JOBS_RUNNING.labels("exporter").track_inprogress():
            outcome = await self._export_next()
        if outcome is None:
            return False
        seconds = time.monotonic() - began
        EXPORT_SECONDS.observe(seconds)
        EXPORT_ROWS.inc(outcome.progress.rows_done)
        _tell(outcome, seconds)
        return True

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), self._idle_seconds)
        except TimeoutError:
            return
        self._news.clear()


def _tell(outcome: Outcome, seconds: float) -> None:
    facts = {
        "account": outcome.job.account,
        "job": outcome.job.id,
        "starts": outcome.job.starts,
        "rows": outcome.progress.rows_done,
        "bytes": outcome.progress.file.get("bytes"),
        "seconds": round(seconds, 2),
        "why": outcome.error,
    }
    level = logging.ERROR if outcome.state == "failed" else logging.INFO
    log.log(level, "export.%s", outcome.state, extra={"facts": facts}, exc_info=outcome.defect)

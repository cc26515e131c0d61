"""Export jobs → the story, one whole job at a time; each is measured and told of."""

import logging
import time
from collections.abc import Awaitable, Callable

from services.exporter.handlers.exporting import Outcome
from shared.runtime.job_loop import Bell, JobLoop
from shared.runtime.logging import get_logger
from shared.runtime.metrics import EXPORT_ROWS, EXPORT_SECONDS, JOBS_RUNNING

log = get_logger(__name__)

ExportNext = Callable[[], Awaitable[Outcome | None]]


def export_loop(name: str, export_next: ExportNext, bell: Bell, *, idle_seconds: float) -> JobLoop:
    """Return a loop that runs one export job after the other. Cancelled, it gives the job in hand back."""

    async def work() -> bool:
        return await _run(export_next)

    return JobLoop(name, work, bell=bell, idle_seconds=idle_seconds, postponed="export.postponed")


async def _run(export_next: ExportNext) -> bool:
    began = time.monotonic()
    with JOBS_RUNNING.labels("exporter").track_inprogress():
        outcome = await export_next()
    if outcome is None:
        return False
    seconds = time.monotonic() - began
    EXPORT_SECONDS.observe(seconds)
    EXPORT_ROWS.inc(outcome.progress.rows_done)
    _tell(outcome, seconds)
    return True


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

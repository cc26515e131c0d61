"""Jobs → their stories, one whole job at a time; each is told of and measured."""

import logging
import time
from collections.abc import Awaitable, Callable

from services.exporter.handlers.job_run import Outcome
from shared.runtime.job_loop import Bell, JobLoop
from shared.runtime.logging import get_logger
from shared.runtime.metrics import EXPORT_ROWS, EXPORT_SECONDS, IMPORT_ROWS, IMPORT_SECONDS, JOBS_RUNNING

log = get_logger(__name__)

RunNext = Callable[[], Awaitable[Outcome | None]]


def export_loop(name: str, export_next: RunNext, bell: Bell, *, idle_seconds: float) -> JobLoop:
    """Return a loop that runs one export job after the other. Cancelled, it gives the job in hand back."""

    async def work() -> bool:
        return await _run("export", export_next, _measure_export)

    return JobLoop(name, work, bell=bell, idle_seconds=idle_seconds, postponed="export.postponed")


def import_loop(name: str, import_next: RunNext, bell: Bell, *, idle_seconds: float) -> JobLoop:
    """Return a loop that runs one import job after the other. Cancelled, it gives the job in hand back."""

    async def work() -> bool:
        return await _run("import", import_next, _measure_import)

    return JobLoop(name, work, bell=bell, idle_seconds=idle_seconds, postponed="import.postponed")


async def _run(what: str, run_next: RunNext, measure: Callable[[Outcome, float], None]) -> bool:
    began = time.monotonic()
    with JOBS_RUNNING.labels("exporter").track_inprogress():
        outcome = await run_next()
    if outcome is None:
        return False
    seconds = time.monotonic() - began
    measure(outcome, seconds)
    _tell(what, outcome, seconds)
    return True


def _measure_export(outcome: Outcome, seconds: float) -> None:
    EXPORT_SECONDS.observe(seconds)
    EXPORT_ROWS.inc(outcome.progress.rows_done)


def _measure_import(outcome: Outcome, seconds: float) -> None:
    for state, rows in outcome.progress.made.get("counts", {}).items():
        IMPORT_ROWS.labels(state).inc(rows)
    IMPORT_SECONDS.observe(seconds)


def _tell(what: str, outcome: Outcome, seconds: float) -> None:
    facts = {
        "account": outcome.job.account,
        "job": outcome.job.id,
        "starts": outcome.job.starts,
        "rows": outcome.progress.rows_done,
        "bytes": outcome.progress.made.get("bytes"),
        "seconds": round(seconds, 2),
        "why": outcome.error,
    }
    level = logging.ERROR if outcome.state == "failed" else logging.INFO
    log.log(level, "%s.%s", what, outcome.state, extra={"facts": facts}, exc_info=outcome.defect)

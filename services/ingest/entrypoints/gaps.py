"""Gaps that an intake meets → the story, repeated for as long as MongoDB is away; then told as loudly as it can be."""

from collections.abc import Callable

from services.ingest.handlers.gaps import GapBook, note_gap
from shared.contracts.gaps import Gap, RecordsMissing
from shared.runtime import metrics
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger
from shared.runtime.retry import until_done

log = get_logger(__name__)


class GapsEntryPoint:
    """Decides by the operator's setting: read on behind a gap, or let the partition stand."""

    def __init__(self, book: GapBook, *, reads_on: bool, clock: Clock) -> None:
        self._book = book
        self._reads_on = reads_on
        self._clock = clock
        self._met: list[Gap] = []

    async def on_gap(self, gap: Gap, on_wait: Callable[[], None]) -> bool:
        """Return whether to read on, when the gap is durable. `on_wait` hears that the store is away."""
        at = self._clock()
        # A partition that goes from lane to lane before it is begun brings its gap along: told once by this process, counted once by all.
        is_first_here = gap not in self._met
        if is_first_here:
            self._met.append(gap)
        is_new = await until_done(
            lambda: note_gap(gap, self._book, at=at, reads_on=self._reads_on),
            what="a gap to be written down",
            on_failure=lambda _: on_wait(),
        )
        if is_new:
            metrics.INGEST_GAPS.labels(gap.reason).inc()
            metrics.INGEST_GAP_RECORDS.inc(gap.records or 0)
        if is_first_here:
            log.error("gap.found", extra={"facts": _facts(gap, reads_on=self._reads_on)})
        return self._reads_on

    async def check(self) -> None:
        """Raise RecordsMissing once a gap was met, until the worker is started again: a health check."""
        if self._met:
            last = self._met[-1]
            place = f"{last.topic}[{last.partition}] from {last.wanted} to {last.found} ({last.reason})"
            msg = f"{len(self._met)} gaps since the start, the last {place}: see the collection gaps, then restart"
            raise RecordsMissing(msg)


def _facts(gap: Gap, *, reads_on: bool) -> dict[str, object]:
    return {
        "topic": gap.topic,
        "partition": gap.partition,
        "from": gap.wanted,
        "to": gap.found,
        "records": gap.records,
        "reason": gap.reason,
        "then": "read on"
        if reads_on
        else "stopped: set PONTE_INGEST_GAP_POLICY to continue, or set the group's offset",
    }

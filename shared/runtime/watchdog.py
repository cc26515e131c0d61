"""Ends a worker that is alive and gets nothing done, so that its supervisor starts it again.

A thread of its own: it barks when the event loop is blocked, too. What ought to move on is told in sentences; one that stands
unchanged for long enough is the verdict. A process that was itself stopped, or got no processor, is not stuck.
"""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Collection
from typing import Final, NoReturn

from shared.runtime.logging import get_logger
from shared.runtime.start import EXIT_DEFECT
from shared.runtime.whereabouts import whereabouts

log = get_logger(__name__)

LOOKS: Final = 5
"""So many looks in a row with the same sentence are a verdict; half of them make the worker not ready."""

LAST_WORDS_SECONDS: Final = 5.0
"""For the log line; whoever is stuck may hold the log's lock."""


class Watchdog:
    """Calls `look` from its thread, several times in `seconds`; then `bark` with what stood still for so long."""

    def __init__(
        self,
        look: Callable[[], Collection[str]],
        *,
        seconds: float,
        bark: Callable[[Collection[str]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._every = seconds / LOOKS
        self._bark = bark
        self._clock = clock
        self._strikes: dict[str, int] = {}
        self._ended = threading.Event()

    def start(self) -> None:
        """Watch until `stop`."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no more: a worker that is stopping has its own time limit."""
        self._ended.set()

    def alarm(self) -> str | None:
        """Return what has stood still for half of the time, or None."""
        still = [what for what, times in self._strikes.items() if times > LOOKS / 2]
        return "; ".join(sorted(still)) or None

    def look(self, slept: float) -> None:
        """Look once, after having slept for so many seconds."""
        before = self._strikes if slept < 2 * self._every + 1 else {}
        self._strikes = {what: before.get(what, 0) + 1 for what in self._look()}
        if stuck := [what for what, times in self._strikes.items() if times > LOOKS]:
            self._bark(stuck)

    def _watch(self) -> None:
        since = self._clock()
        while not self._ended.wait(self._every):
            self.look(self._clock() - since)
            since = self._clock()


def leave_stuck(loop: asyncio.AbstractEventLoop, what: Collection[str]) -> NoReturn:
    """Log what stands still, what every thread and every task of `loop` is doing, and end the process."""
    faulthandler.dump_traceback_later(LAST_WORDS_SECONDS, exit=True)
    log.critical("worker.stuck", extra={"facts": {"what": sorted(what), **whereabouts(loop)}})
    sys.stderr.flush()
    os._exit(EXIT_DEFECT)

"""The watch over the children of `ponte up`: who ends or hangs is started again, later each time, and no log fills the disk.

A service may die for ever, others go on meanwhile. A server may not: without it nothing works, so one that ends again and again ends
the watch, with the reason. Nor is it any use to try again what cannot start as it is configured: that ends the watch at once.
"""

import contextlib
import json
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from deploy.addresses import open_local
from deploy.errors import CommandError
from deploy.local.errors import LocalServerError
from deploy.local.kafka import Kafka
from deploy.local.mongod import Mongod
from deploy.local.process import ChildProcess
from shared.runtime.start import EXIT_CONFIGURATION

FIRST_RESTART_SECONDS: Final = 0.5
LONGEST_RESTART_SECONDS: Final = 30.0
STEADY_AFTER_SECONDS: Final = 60.0
HOPELESS_DEATHS: Final = 5
"""A server that ended so often in a row, each time before it was steady, will not stay the next time either."""

ASK_EVERY_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 10.0
HOPELESS_SILENCES: Final = 6
"""Who was asked so often in a row and said nothing hangs: for a minute at least, however busy the machine is. Asks are counted and not
seconds, for we may have been stopped ourselves."""

ROUTINE: Final = frozenset({"debug", "info"})


@dataclass
class Watched:
    """A child that is to live as long as we do, and how it is started again.

    `facts` are what `ponte status` tells of it: its `pid` is kept right. `server` is set where the child is one. `is_live` asks it
    whether it lives, and may wait for the answer; where it is set, a child that falls silent for long is ended, and so started again.
    """

    process: ChildProcess
    start: Callable[[], object]
    facts: dict[str, Any]
    server: Kafka | Mongod | None = None
    is_live: Callable[[], bool] | None = None
    deaths: int = 0
    has_been_restarted: bool = False
    restart_at: float | None = None
    started_at: float = field(default_factory=time.monotonic)
    away_since: float | None = None
    asked: Future[bool] | None = None
    asked_at: float = field(default_factory=time.monotonic)
    has_answered: bool = False
    silences: int = 0


class Watch:
    """Children by the names that people know them by.

    `say` is told a line, `note` is called when a `pid` has changed; `advice` is what to do when a server has ended for good.
    """

    def __init__(self, say: Callable[[str], None], note: Callable[[], None], advice: str) -> None:
        self._say = say
        self._note = note
        self._advice = advice
        self._children: dict[str, Watched] = {}
        self._asking = ThreadPoolExecutor(thread_name_prefix="watch")  # who hangs must not keep us from all others

    def add(self, name: str, child: Watched) -> None:
        """Watch a child that runs."""
        self._children[name] = child

    def find(self, name: str) -> ChildProcess | None:
        """Return the process of that name, or None when none is watched."""
        return self._children[name].process if name in self._children else None

    def look(self) -> None:
        """Start again who ended and has waited for it, end who hangs, trim logs; return at once. Call it several times a second.

        Raises LocalServerError: a server ended again and again, or a child cannot be started. Raises CommandError: one that began for
        the first time says that a setting is wrong.
        """
        now = time.monotonic()
        for name, child in self._children.items():
            child.process.trim_log()
            if child.process.is_running():
                self._tell_when_back(name, child, now)
                self._end_who_hangs(name, child, now)
            elif child.restart_at is None:
                self._bury(name, child, now)
            elif now >= child.restart_at:
                self._start_again(name, child, now)

    def _bury(self, name: str, child: Watched, now: float) -> None:
        if _is_misconfigured(child):
            why = _cause(child).removeprefix("ponte: ")
            raise CommandError(f"{name} cannot start: {why} (log: {child.process.log_path})")
        child.deaths = 1 if now - child.started_at > STEADY_AFTER_SECONDS else child.deaths + 1
        if child.server is not None and child.deaths >= HOPELESS_DEATHS:
            why = "; ".join(filter(None, (_cause(child).rstrip("."), self._advice)))
            raise LocalServerError(f"{name} ended {child.deaths} times in a row, and nothing works without it: {why}")
        wait = min(LONGEST_RESTART_SECONDS, FIRST_RESTART_SECONDS * 2.0 ** (child.deaths - 1))
        child.restart_at = now + wait
        child.away_since = now if child.away_since is None else child.away_since
        why = f"{_cause(child)} (log: {child.process.log_path})".lstrip()
        self._say(f"{name} ended with {child.process.exit_code()}: again in {wait:.1f} s; {why}")

    def _start_again(self, name: str, child: Watched, now: float) -> None:
        try:
            child.start()
        except OSError as error:
            raise LocalServerError(
                f"{name} cannot be started again ({error}): free some space or choose another data folder."
            ) from error
        child.restart_at, child.started_at, child.has_been_restarted = None, now, True
        child.has_answered, child.silences = False, 0
        child.facts["pid"] = child.process.pid
        self._note()

    def _tell_when_back(self, name: str, child: Watched, now: float) -> None:
        if child.server is None or child.away_since is None or not child.server.is_ready():
            return
        self._say(f"{name} answers again after {now - child.away_since:.1f} s")
        child.away_since = None

    def _end_who_hangs(self, name: str, child: Watched, now: float) -> None:
        if child.asked is not None and child.asked.done():
            answered = child.asked.result()
            child.has_answered |= answered
            # A slow machine may take its time to start a service: nobody is silent who has not spoken yet.
            child.silences = child.silences + 1 if child.has_answered and not answered else 0
            child.asked = None
        if child.silences >= HOPELESS_SILENCES:
            self._say(f"{name} runs and has not answered for long: it is ended")
            child.process.kill()
        elif child.is_live is not None and child.asked is None and now - child.asked_at >= ASK_EVERY_SECONDS:
            child.asked, child.asked_at = self._asking.submit(child.is_live), now


def says_it_lives(url: str) -> bool:
    """Ask the service at `url` whether it lives; False when it does not say so in 10 s."""
    try:
        with open_local(f"{url}/health/live", ANSWER_SECONDS):
            return True
    except (OSError, HTTPException):
        return False


def _is_misconfigured(child: Watched) -> bool:
    # From who was started again the same code tells of a port that was taken meanwhile, and may be free later.
    is_first = child.server is None and not child.has_been_restarted
    return is_first and child.process.exit_code() == EXIT_CONFIGURATION


def _cause(child: Watched) -> str:
    """Return why it ended, in one line: its last words, unless it was not given the time for any."""
    if child.process.exit_code() == -signal.SIGKILL:
        return "it was killed"
    if child.server is not None:
        return child.server.known_cause()
    lines = child.process.log_lines()
    return last_words(lines[-1] if lines else "")[:500]


def last_words(line: str) -> str:
    """Return what a last line says of the end: of a log line what happened, without the trace, and nothing where that is routine."""
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, IndexError):
        told = json.loads(line)
        if told["level"] in ROUTINE:
            return ""
        return ": ".join([told["event"], *told.get("exception", "").splitlines()[-1:]])
    return line

"""`/health/live`, `/health/ready` and `/metrics` on a small port of each worker.

Served by a thread of its own, so that a busy event loop cannot make a healthy worker look dead, and a stuck one cannot look alive:
live means that the loop turned in the last seconds; ready means that every named check passed lately.
"""

import asyncio
import json
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.runtime.ending import rest
from shared.runtime.logging import get_logger
from shared.runtime.metrics import CHECK_FAILING

Check = Callable[[], Awaitable[None]]
Alarm = Callable[[], str | None]

STUCK_AFTER_SECONDS: Final = 15.0
CHECK_EVERY_SECONDS: Final = 2.0
CHECK_TIMEOUT_SECONDS: Final = 3.0
STOP_WITHIN_SECONDS: Final = 0.1

log = get_logger(__name__)


class Health:
    """What a worker says of itself. `checks` maps a dependency's name to a coroutine that raises when it is not there;
    `alarms` are asked at every answer, in another thread than the loop's, and return what is wrong; so are `notes`, which say what
    is worth knowing and make nobody unready.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        alarms: Mapping[str, Alarm] | None = None,
        notes: Mapping[str, Alarm] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._alarms = alarms or {}
        self._notes = notes or {}
        self._clock = clock
        self._turned_at = clock()
        self._failures: dict[str, str] = dict.fromkeys(checks, "not asked yet")

    def liveness(self) -> tuple[bool, dict[str, object]]:
        """Return whether the event loop turns, and how many seconds ago it did."""
        idle = self._clock() - self._turned_at
        return idle < STUCK_AFTER_SECONDS, {"loop_turned_seconds_ago": round(idle, 1)}

    def readiness(self) -> tuple[bool, dict[str, object]]:
        """Return whether every check passed at its last asking, and what failed."""
        alive, facts = self.liveness()
        rung = {name: what for name, alarm in self._alarms.items() if (what := alarm()) is not None}
        noted = {name: what for name, note in self._notes.items() if (what := note()) is not None}
        told = {**facts, "failures": {**self._failures, **rung}, **({"notes": noted} if noted else {})}
        return alive and not self._failures and not rung, told

    async def watch(self) -> None:
        """Turn and ask, for ever."""
        while True:
            await self.ask()
            await rest(CHECK_EVERY_SECONDS)

    async def ask(self) -> None:
        """Ask every check once."""
        self._turned_at = self._clock()
        for name, check in self._checks.items():
            try:
                async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                    await check()
            except Exception as error:  # noqa: BLE001  # whatever it is, the dependency did not answer
                why = str(error) or f"no answer within {CHECK_TIMEOUT_SECONDS:g} s"
                self._failures[name] = f"{type(error).__name__}: {why}"[:300]
            else:
                self._failures.pop(name, None)
            CHECK_FAILING.labels(name).set(name in self._failures)
            self._turned_at = self._clock()


class HealthServer:
    """The port. Answers from when it is made until `stop`, which closes `listener`; `port` tells which one that has."""

    def __init__(self, health: Health, listener: socket.socket) -> None:
        self._server = _Server(listener.getsockname(), _handler(health), bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listener
        self._server.daemon_threads = True
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_WITHIN_SECONDS,), name="health", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of an asker who left before the answer; the trace would stand between the lines of the log."""
        if (error := sys.exception()) and not isinstance(error, ConnectionError):
            log.error("health.unanswered", exc_info=error)


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]  # a scraper may add parameters; none means anything here
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif path in {"/health/live", "/health/ready"}:
                fine, facts = health.liveness() if path.endswith("live") else health.readiness()
                body = json.dumps({"status": "ok" if fine else "failing", **facts}).encode()
                self._answer(200 if fine else 503, "application/json", body)
            else:
                self._answer(404, "text/plain", b"ask /health/live, /health/ready or /metrics\n")

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler

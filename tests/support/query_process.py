"""`python -m services.query` as a process of its own, asked by someone who notes what was answered and how long it took."""

import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import choose_port
from deploy.local.process import ChildProcess
from tests.support.eventually import eventually

KEY = "faults-" + "k" * 32
HANGS_AFTER_SECONDS = 60
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """A status (0: none came at all), the header Retry-After, and the seconds it took."""

    status: int
    retry_after: str | None
    seconds: float


class QueryProcess:
    """Ready from the beginning of its block."""

    def __init__(
        self, bootstrap: str, mongo_uri: str, database: str, account: str, folder: Path, **environment: str
    ) -> None:
        self._port = choose_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process = ChildProcess(
            "query",
            [sys.executable, "-m", "services.query"],
            {
                **os.environ,
                "PONTE_KAFKA_BOOTSTRAP": bootstrap,
                "PONTE_MONGO_URI": mongo_uri,
                "PONTE_MONGO_DATABASE": database,
                "PONTE_ACCOUNT": account,
                "PONTE_API_KEY": KEY,
                "PONTE_HTTP_PORT": str(self._port),
                "PONTE_HEALTH_PORT": "0",
                **environment,
            },
            folder / "query.log",
        )

    @contextmanager
    def running(self) -> Iterator["QueryProcess"]:
        self._process.start()
        try:
            eventually(lambda: self.ask("/health/ready").status, lambda status: status == 200, within=60)
            yield self
        finally:
            self._process.kill()

    def ask(self, path: str = "/v1/logs/order?limit=5") -> Answer:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}", headers={"Authorization": f"Bearer {KEY}"}
        )
        started = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=HANGS_AFTER_SECONDS) as answer:
                answer.read()
                return Answer(answer.status, None, time.monotonic() - started)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers.get("Retry-After"), time.monotonic() - started)
        except OSError:
            return Answer(0, None, time.monotonic() - started)

    @contextmanager
    def asked_all_the_time(self) -> Iterator[list[Answer]]:
        """Ask again and again until the block is left; return the answers, which go on coming in."""
        answers: list[Answer] = []
        leaving = threading.Event()

        def ask() -> None:
            while not leaving.wait(PAUSE_SECONDS):
                answers.append(self.ask())

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield answers
        finally:
            leaving.set()
            thread.join(HANGS_AFTER_SECONDS + 5)

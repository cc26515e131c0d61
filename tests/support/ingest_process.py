"""`python -m services.ingest` as a process of its own, in a consumer group and a database of the test's own."""

import json
import os
import re
import resource
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from deploy.local.process import ChildProcess
from services.ingest.settings import Settings
from shared.contracts.names import EVENTS_TOPICS
from tests.support.eventually import eventually
from tests.support.ingest_topics import lag, looking, shares, start_at_end

LANES = Settings.model_fields["ingest_lanes"].default


class IngestProcess:
    """Starts at the present end of the topics: they are shared by all tests. One process at a time; its log goes on."""

    program: Sequence[str] = ("services.ingest",)

    def __init__(self, bootstrap: str, mongo_uri: str, database: str, folder: Path, **environment: str) -> None:
        self.bootstrap = bootstrap
        self.group = f"test.ingest.{uuid4().hex[:12]}"
        self._log = folder / "ingest.log"
        self._environment = {
            **os.environ,
            "PONTE_KAFKA_BOOTSTRAP": bootstrap,
            "PONTE_MONGO_URI": mongo_uri,
            "PONTE_MONGO_DATABASE": database,
            "PONTE_INGEST_GROUP": self.group,
            "PONTE_HEALTH_PORT": "0",
            # The topics are shared with tests that publish poison.
            "PONTE_INGEST_DEAD_LETTER_RUN": "1000000",
            "PONTE_INGEST_DEAD_LETTER_RATIO": "1",
            **environment,
        }
        start_at_end(bootstrap, self.group, EVENTS_TOPICS)

    @contextmanager
    def running(self, **environment: str) -> Iterator["IngestProcess"]:
        """Run it for the block. Raise AssertionError when it ended by itself; at the end it is killed."""
        already = len(self.said("health.listening"))
        argv = [sys.executable, "-m", *self.program]
        self.process = ChildProcess("ingest", argv, {**self._environment, **environment}, self._log).start()
        try:
            eventually(lambda: self._listens(already), within=60)
            yield self
        finally:
            self.process.kill()

    def _listens(self, already: int) -> bool:
        assert self.is_running, f"ingest ended by itself: {self.process.log_lines()[-5:]}"
        return len(self.said("health.listening")) > already

    @property
    def is_running(self) -> bool:
        return self.process.is_running()

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return its log lines of that event, of all runs."""
        return [line for line in self._lines() if line["event"] == event]

    def complaints(self) -> list[dict[str, Any]]:
        """Return its log lines above a warning, of all runs."""
        return [line for line in self._lines() if line["level"] in {"error", "critical"}]

    def _lines(self) -> list[dict[str, Any]]:
        lines = self._log.read_bytes().splitlines() if self._log.exists() else []
        return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]

    def shared_out(self) -> dict[str, int]:
        """Wait until every lane has partitions of its own, and return how many, by member id.

        Ready is who has one lane at work; one that joins later takes partitions over, and what was in hand of those comes again.
        """
        with looking(self.bootstrap) as consumer:
            known = consumer.list_topics(timeout=20).topics
        partitions = sum(len(known[topic].partitions) for topic in EVENTS_TOPICS)
        return eventually(
            lambda: shares(self.bootstrap, self.group),
            lambda found: len(found) == LANES and all(found.values()) and sum(found.values()) == partitions,
            within=60,
        )

    def caught_up(self) -> None:
        """Wait until everything that stands on the events topics is committed."""
        eventually(lambda: lag(self.bootstrap, self.group, EVENTS_TOPICS), lambda records: records == 0, within=60)

    def is_ready(self) -> bool:
        return self._ask("/health/ready")[0] == 200

    def is_live(self) -> bool:
        return self._ask("/health/live")[0] == 200

    def metric(self, name: str) -> float:
        """Return the value of a metric without labels, such as `ponte_ingest_records_total`."""
        lines = self._ask("/metrics")[1].splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the values of a metric with labels, by the values of its labels in the alphabetical order of their names."""
        lines = [line for line in self._ask("/metrics")[1].splitlines() if line.startswith(f"{name}{{")]
        return {tuple(re.findall(r'="([^"]*)"', line)): float(line.split()[-1]) for line in lines}

    def not_ready_because(self) -> dict[str, str]:
        """Return what keeps it from being ready, by the name of the check."""
        failures: dict[str, str] = json.loads(self._ask("/health/ready")[1])["failures"]
        return failures

    def resident_bytes(self) -> int:
        """Return the memory that it holds now."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def peak_bytes(self) -> int:
        """Return the most memory that it ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))

    def give_no_more_memory(self) -> None:
        """Let it have no more than it holds. What it has given back to its own allocator it may use again."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_DATA)
        # Beyond a limit of addresses the kernel would not mind that what the allocator has reserved is taken into use.
        resource.prlimit(self.process.pid, resource.RLIMIT_DATA, (1, hard))

    def _ask(self, path: str) -> tuple[int, str]:
        assert self.is_running, f"ingest ended by itself: {self.process.log_lines()[-5:]}"
        port = self.said("health.listening")[-1]["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

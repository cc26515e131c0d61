"""`python -m services.reprocessor` as a process of its own, in a consumer group and a database of the test's own."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from deploy.local.servers import Servers
from tests.support.eventually import eventually


class ReprocessorProcess:
    """Running between `start` and `stop`; `lines` is its log, parsed. `retry_delays` as in the settings: none unless given."""

    def __init__(self, servers: Servers, database_name: str, *, retry_delays: str = "", **knobs: str) -> None:
        self._environment = {
            **os.environ,
            "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
            "PONTE_MONGO_URI": servers.mongo.uri,
            "PONTE_MONGO_DATABASE": database_name,
            "PONTE_HEALTH_PORT": "0",
            "PONTE_RETRY_DELAYS": retry_delays,
            "PONTE_REPROCESSOR_GROUP": f"test.{uuid4().hex[:12]}",
            **{f"PONTE_REPROCESSOR_{name.upper()}": value for name, value in knobs.items()},
        }
        self.lines: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.reprocessor"], env=self._environment, stderr=subprocess.PIPE, text=True
        )
        self.lines.clear()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        eventually(self.events, lambda seen: "health.listening" in seen)
        return self

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(30)
        self._reader.join(5)
        self.process.stderr.close()
        if code != 0:
            print(*self.lines, sep="\n")
        return code

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self._reader.join(5)
        self.process.stderr.close()

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]

    def get(self, path: str) -> str:
        """Return what the health port answers."""
        port = next(line["port"] for line in self.lines if line["event"] == "health.listening")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def is_ready(self) -> bool:
        """Say whether it has both servers."""
        try:
            self.get("/health/ready")
        except urllib.error.HTTPError as error:
            error.close()
            return False
        return True

    def peak_kib(self) -> int:
        """Return the largest resident memory it had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))

    def _read(self) -> None:
        for line in self.process.stderr:
            if "{" in line:
                self.lines.append(json.loads(line[line.index("{") :]))

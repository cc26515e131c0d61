"""A whole Ponte as a user runs it: `ponte up` in a process of its own, asked through its command line and its API."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.support.eventually import eventually

PONTE = str(Path(sys.executable).with_name("ponte"))


class RunningPonte:
    """`ponte up …` on a free port. Leave the `with` block and it was asked to stop."""

    def __init__(self, *options: str, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._home = tempfile.TemporaryDirectory(prefix="ponte-e2e-")
        unwanted = {"PONTE_KAFKA_BOOTSTRAP", "PONTE_MONGO_URI", "PONTE_API_KEY"}
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in unwanted},
            "PONTE_HTTP_PORT": str(self.port),
            "XDG_STATE_HOME": self._home.name,
            **environment,
        }
        self.output = Path(self._home.name) / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [PONTE, "up", *options], env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> Self:
        try:
            eventually(self._greeting, bool, within=90)
        except BaseException:
            self.stop()
            raise
        self.status: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        self.url = self.status["api"]["url"]
        self.key = self.status["api"]["key"]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._home.cleanup()  # else the collector does, with a warning, wherever it happens to run

    def _greeting(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"ponte up ended:\n{self.said()}\n{self.logs()}")
        return "sign in" in self.said()

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def logs(self) -> str:
        logs = sorted(Path(self._home.name).glob("**/*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def run(self, *arguments: str, text: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PONTE, *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def pids(self) -> dict[str, int]:
        status = json.loads(self.run("status", "--json").stdout)
        services = {name: service["pid"] for name, service in status["services"].items()}
        return {**services, "kafka": status["kafka"]["pid"], "mongo": status["mongo"]["pid"]}

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the JSON of an answer, errors too."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def entry(self, kind: str, affiliate: str, code: str) -> dict[str, Any] | None:
        status, body = self.ask("GET", f"/v1/logs/{kind}/{affiliate}/{urllib.parse.quote(code, safe='')}")
        return body if status == 200 else None


def is_alive(pid: int) -> bool:
    """Say whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}

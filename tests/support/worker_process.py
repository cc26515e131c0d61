"""A worker as a process of its own, whose log is a file."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.eventually import eventually


@contextmanager
def running(service: str, kafka: str, mongo: str, log: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `service` for the block; its output goes to `log`."""
    with running_module([f"services.{service}"], kafka, mongo, log, **environment) as worker:
        yield worker


@contextmanager
def running_module(
    words: list[str], kafka: str, mongo: str, log: Path, **environment: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `python -m` and these words for the block, a worker."""
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", *words],
            env={**os.environ, "PONTE_KAFKA_BOOTSTRAP": kafka, "PONTE_MONGO_URI": mongo, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        eventually(log.read_text, lambda text: "health.listening" in text)
        yield worker
    finally:
        worker.kill()
        worker.wait()


def stop(worker: "subprocess.Popen[bytes]") -> int:
    worker.send_signal(signal.SIGTERM)
    return worker.wait(40)


def events(log: Path) -> list[str]:
    """Return what the worker said; each line must be one of its log."""
    return [json.loads(line)["event"] for line in log.read_text().splitlines()]

"""Live streams: what do 500 of them cost, how soon do events come, and does ingest notice?

`make bench-streams`, or `python -m tests.bench.streams --streams 500 --rate 500 --seconds 20`.

1. Ingest's rate over a burst of new keys, without streams and with them, in the order A-B-B-A, twice: from the first message published until
   the last entry stands in the database.
2. A steady, open-loop rate with all streams open: from publishing to the event on the stream, over all streams, one clock;
   beside it the floor, which is from publishing until a bare change stream sees the entry.
3. Memory of the query process: before, with the streams open and silent, and the most seen while events came.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from deploy.local.ports import HOST, choose_port
from deploy.local.process import ChildProcess, stop_together
from deploy.local.servers import start_servers
from deploy.provision import provision
from tests.bench.contender import CACHE_GB, DATABASE, HOUSE, Stage, python
from tests.bench.machine import Machine
from tests.bench.peers.ours import Ours
from tests.bench.stream_load import Bursts, publish_steadily

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
P99_TARGET, MEMORY_TARGET, INGEST_TARGET = 1_000.0, 200 * 2**20, 0.9
KEY = "bench-" + "k" * 32
MANY = {"PONTE_QUERY_STREAMS": "20000", "PONTE_QUERY_STREAMS_PER_KEY": "20000"}
READY_SECONDS = 60.0
REST_SECONDS = 3.0
WARM_UPS, ROUNDS = 2, 2
MEBI = 2**20


@dataclass(frozen=True, slots=True)
class Figures:
    """Events a second of each burst; what the readers told, and the floor; resident bytes of the query process."""

    without: Sequence[float]
    beside: Sequence[float]
    read: dict[str, Any]
    stored: dict[str, Any]
    expected: int
    rss: dict[str, int]


def measure(streams: int, affiliates: int, rate: int, seconds: float, burst: int) -> Figures:
    """Return the figures, on fresh servers, one worker of ingest and one of query."""
    with _ponte() as (stage, port, query):
        bursts, without, beside, rss = Bursts(stage, burst, affiliates), list[float](), list[float](), dict[str, int]()
        for number in range(WARM_UPS):
            bursts.run(f"warm{number}")
        rss["before"] = query.memory_info().rss
        for number in range(ROUNDS):
            without.append(bursts.run(f"a{number}"))
            with _readers(port, streams, affiliates) as readers:
                beside += [bursts.run(f"b{number}"), bursts.run(f"c{number}")]
                readers.finish()
            without.append(bursts.run(f"d{number}"))
        with _readers(port, streams, affiliates) as readers, _floor(stage) as floor:
            time.sleep(REST_SECONDS)
            rss["idle"] = query.memory_info().rss
            rss["most"] = publish_steadily(stage, rate, seconds, affiliates, query)
            time.sleep(REST_SECONDS)
            read, stored = readers.finish(), floor.finish()
        return Figures(without, beside, read, stored, int(rate * seconds) * streams // affiliates, rss)


class _Child:
    """A process that says `ready`, works until its input ends, and then says one line of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def finish(self) -> dict[str, Any]:
        """Let it end and return what it said."""
        told, _ = self._process.communicate(timeout=120)
        found: dict[str, Any] = json.loads(told.splitlines()[-1])
        return found


@contextmanager
def _child(module: str, *arguments: object) -> Iterator[_Child]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HOUSE,
    )  # fmt: skip
    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{module} did not start")
        yield _Child(process)
    finally:
        process.kill()
        process.wait()


def _readers(port: int, streams: int, affiliates: int) -> AbstractContextManager[_Child]:
    asked = ("--port", port, "--streams", streams, "--affiliates", affiliates, "--key", KEY)
    return _child("tests.bench.stream_readers", *asked)


def _floor(stage: Stage) -> AbstractContextManager[_Child]:
    return _child("tests.bench.stream_floor", "--uri", stage.mongo_uri, "--database", DATABASE)


@contextmanager
def _ponte() -> Iterator[tuple[Stage, int, psutil.Process]]:
    with (
        tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder,
        start_servers(None, environ={}, prefer_docker=False, mongo_cache_gb=CACHE_GB) as servers,
    ):
        provision(servers.kafka.bootstrap, servers.mongo.uri, DATABASE)
        stage, port = Stage(servers.kafka.bootstrap, servers.mongo.uri, Path(folder)), choose_port()
        api = {"PONTE_HTTP_PORT": str(port), "PONTE_API_KEY": KEY, "PONTE_LOG_LEVEL": "warning", **MANY}
        query = python(stage, "query", "services.query", **api)
        children = [*Ours().start(stage), query]
        try:
            _wait_for_the_api(port, query)
            yield stage, port, psutil.Process(query.pid)
        finally:
            stop_together(children, 0)


def _wait_for_the_api(port: int, query: ChildProcess) -> None:
    deadline = time.monotonic() + READY_SECONDS
    address = urllib.request.Request(f"http://{HOST}:{port}/health/ready")
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            if not query.is_running() or time.monotonic() > deadline:
                raise RuntimeError("the API does not answer: " + " / ".join(query.log_lines()[-5:])) from None
        time.sleep(0.1)


def render(found: Figures, streams: int, rate: int, machine: Machine) -> str:
    """Return the page."""
    read, without, beside = found.read, median(found.without), median(found.beside)
    lines = [
        "| what | | target |",
        "|---|---|---|",
        f"| ingest without streams, events/s | {_listed(found.without)} | |",
        f"| ingest beside {streams} streams, events/s | {_listed(found.beside)}, {beside / without:.0%} | ≥ {INGEST_TARGET:.0%} |",
        f"| published → stored at {rate}/s, p50, p99, worst ms: the floor | {_three(found.stored)} | |",
        f"| published → on the stream, p50, p99, worst ms | {_three(read)} | p99 ≤ {P99_TARGET:.0f} |",
        f"| events that came, of those expected | {read['events']:,} of {found.expected:,} | all, or a resync |",
        f"| events of one stream, least and most | {read['least']:,}, {read['most']:,} | |",
        f"| streams told to read the list again | {read['resyncs'] or 'none'} | |",
        f"| memory of query: no streams, {streams} silent, most | {', '.join(_mebibytes(found.rss))} MiB | ≤ {MEMORY_TARGET // MEBI} |",
    ]
    title = f"# {streams} live streams on one process"
    return f"{title}\n\n{machine.sentence()}\n\n" + "\n".join(lines) + "\n"


def _three(found: dict[str, Any]) -> str:
    return ", ".join(f"{found[name]:.0f}" for name in ("p50", "p99", "worst"))


def _listed(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:,.0f}" for rate in rates)


def _mebibytes(rss: dict[str, int]) -> list[str]:
    return [f"{rss[name] / MEBI:.0f}" for name in ("before", "idle", "most")]


def main() -> int:
    """Measure, print the table, write it to `tests/artifacts/`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("streams", 500), ("affiliates", 20), ("rate", 500), ("burst", 40_000)):
        parser.add_argument(f"--{name}", type=int, default=int(os.environ.get(f"BENCH_{name.upper()}", default)))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("BENCH_SECONDS", "20")))
    parser.add_argument("--keep", action=argparse.BooleanOptionalAction, default=True, help="write the page")
    chosen = parser.parse_args()
    machine = Machine.now()
    found = measure(chosen.streams, chosen.affiliates, chosen.rate, chosen.seconds, chosen.burst)
    text = render(found, chosen.streams, chosen.rate, machine)
    print(text)
    if chosen.keep:
        ARTIFACTS.mkdir(exist_ok=True)
        (ARTIFACTS / "bench-streams.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

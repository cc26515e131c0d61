"""From publish to visible: how long until an event that was published is answered by the API, at 0, 10, 50 and 80 % of the maximum?

`make bench-latency`, or `python -m tests.bench.latency --maximum 20000 --seconds 40`: what one worker drains while nothing else runs,
measured first if it is not given. On a machine that everything shares, no stream can be taken in at that rate, for whoever publishes it
takes part of the cores. So the *sustained* maximum is measured too: what is taken in a second while as many are being published as one
worker can drain. Shares are of that one; half of the drained one is told beside them. Before anything is measured the servers are
warmed up: for half a minute a broker's compiler takes a third of a core.

A steady, open-loop stream stands for the rate. Beside it four probes a second are published, each with a key of its own; each is asked
for by key through the query API until the answer is 200. One clock, that of this process; a probe that is sent late counts from when
it was due. Asking costs the machine some forty requests a second, which is part of the figure.
"""

import argparse
import http.client
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from confluent_kafka import Producer
from pymongo import MongoClient
from pymongo.collection import Collection

from deploy.local.ports import HOST, choose_port
from deploy.local.process import ChildProcess, stop_together
from deploy.local.servers import start_servers
from deploy.provision import provision
from shared.contracts.names import LOG_ENTRIES
from tests.bench.contender import CACHE_GB, DATABASE, Stage, python
from tests.bench.loadgen import TOPIC, Message, make_load
from tests.bench.machine import Machine
from tests.bench.measure import run_once
from tests.bench.peers.ours import Ours

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
SHARES = (0.0, 0.1, 0.5, 0.8)
WARM_UP_RATE, WARM_UP_SECONDS = 3_000, 30.0
FULL_SECONDS, SUSTAIN_SECONDS = 35.0, 60.0
"""What is taken in is measured after a time under full load: for half a minute the counts wait, and then they take their share for good.
Then for a minute, as MongoDB writes a checkpoint once a minute: in twenty seconds without one more is taken in than a stream can count on."""

PROBES_PER_SECOND = 4
"""Asking for ten of them took a quarter of a core, and was the load."""

PROBES_AT_ONCE = 16
ASK_EVERY_SECONDS = 0.004
ASK_EVERY_SHARE = 0.08
"""A probe that waits long is asked for less often, within 8 % of its age: otherwise the asking itself becomes the load."""

GIVE_UP_SECONDS = 10.0
READY_SECONDS = 60.0
SETTLE_SECONDS = 3.0
MADE_PER_SECOND = 20_000
"""Events of a stream, at least, before it flows."""

KEY = "bench-" + "k" * 32
P50_TARGET, P99_TARGET = 60.0, 250.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds at one rate (events a second); `lost` probes were not visible in time."""

    name: str
    rate: int
    p50: float
    p99: float
    worst: float
    probes: int
    lost: int


@dataclass(frozen=True, slots=True)
class Found:
    """What one worker drains, what it takes in while as many are published (events a second), and what probes took."""

    drained: float
    sustained: float
    latencies: Sequence[Latency]


@dataclass(frozen=True, slots=True)
class Ponte:
    """One worker of ingest and one of query on fresh servers."""

    stage: Stage
    port: int
    entries: Collection[dict[str, Any]]

    def warm_up(self) -> None:
        """Have the servers compile what they will run."""
        with stream(self.stage, WARM_UP_RATE, WARM_UP_SECONDS) as flowing:
            flowing.wait(WARM_UP_SECONDS + READY_SECONDS)
        self.rest()

    def sustain(self, rate: int) -> float:
        """Return how many events a second are taken in while `rate` are being published."""
        with stream(self.stage, rate, FULL_SECONDS + SUSTAIN_SECONDS + 1):
            time.sleep(FULL_SECONDS)
            before, began = self.entries.estimated_document_count(), time.monotonic()
            time.sleep(SUSTAIN_SECONDS)
            taken = (self.entries.estimated_document_count() - before) / (time.monotonic() - began)
        self.rest()
        return taken

    def rest(self) -> None:
        """Return when nothing more comes in."""
        before = -1
        while (now := self.entries.estimated_document_count()) != before:
            before = now
            time.sleep(SETTLE_SECONDS)


def measure_latency(drained: float, *, seconds: float, shares: Sequence[float] = SHARES) -> Found:
    """Return the figures at each share of the sustained maximum, and at half of `drained`."""
    with _ponte() as ponte:
        ponte.warm_up()
        sustained = ponte.sustain(round(drained))
        steps = [(f"{share:.0%} of sustained" if share else "probes only", sustained * share) for share in shares]
        steps.append(("50% of drained", drained / 2))
        found = []
        for name, rate in steps:
            found.append(_at(ponte, name, round(rate), seconds))
            ponte.rest()
        return Found(drained, sustained, found)


def render(found: Found, machine: Machine) -> str:
    """Return the page."""
    lines = [
        f"One worker drains {found.drained:,.0f} events/s; it takes in {found.sustained:,.0f} while as many as it could drain are published.\n",
        "| load | events/s | p50 ms | p99 ms | worst ms | probes | not visible in 10 s | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found.latencies:
        cells = [
            one.name,
            f"{one.rate:,}",
            *(f"{number:.0f}" for number in (one.p50, one.p99, one.worst)),
            str(one.probes),
            str(one.lost),
            _verdict(one, machine) if one.name.startswith("50%") else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    target = f"Target at 50 %: p50 ≤ {P50_TARGET:.0f} ms, p99 ≤ {P99_TARGET:.0f} ms."
    return f"# Publish → visible through the API\n\n{machine.sentence()}\n\n" + "\n".join(lines) + f"\n\n{target}\n"


def _verdict(one: Latency, machine: Machine) -> str:
    if not machine.quiet:
        return "no verdict (busy)"
    return "met" if one.p50 <= P50_TARGET and one.p99 <= P99_TARGET and not one.lost else "**missed**"


@contextmanager
def _ponte() -> Iterator[Ponte]:
    with (
        tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder,
        start_servers(None, environ={}, prefer_docker=False, mongo_cache_gb=CACHE_GB) as servers,
        MongoClient[dict[str, Any]](servers.mongo.uri) as client,
    ):
        provision(servers.kafka.bootstrap, servers.mongo.uri, DATABASE)
        stage, port = Stage(servers.kafka.bootstrap, servers.mongo.uri, Path(folder)), choose_port()
        api = {"PONTE_HTTP_PORT": str(port), "PONTE_API_KEY": KEY, "PONTE_QUERY_RATE_PER_SECOND": "100000"}
        children = [*Ours().start(stage), python(stage, "query", "services.query", **api)]
        try:
            wait_for_the_api(port, children)
            yield Ponte(stage, port, client[DATABASE][LOG_ENTRIES])
        finally:
            stop_together(children, 0)


def wait_for_the_api(port: int, children: Sequence[ChildProcess]) -> None:
    """Return when the query service answers. Raise RuntimeError when a process ended or it never does."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            if _status(http.client.HTTPConnection(HOST, port, timeout=5), "/v1/logs/order?limit=1") == 200:
                return
        except OSError:
            pass
        ended = [child for child in children if not child.is_running()]
        if ended or time.monotonic() > deadline:
            raise RuntimeError("the API does not answer: " + " / ".join((ended or children)[-1].log_lines()[-5:]))
        time.sleep(0.1)


def _at(ponte: Ponte, name: str, rate: int, seconds: float) -> Latency:
    probes = make_load(f"p{rate}", round(seconds * PROBES_PER_SECOND) + 6, size=512, keys="new").messages[:-6]
    with stream(ponte.stage, rate, seconds + SETTLE_SECONDS + 1) if rate else nullcontext():
        producer = Producer({"bootstrap.servers": ponte.stage.bootstrap, "compression.type": "lz4", "linger.ms": 0})
        producer.list_topics(TOPIC, timeout=10)
        time.sleep(SETTLE_SECONDS)
        started = time.monotonic()
        with ThreadPoolExecutor(PROBES_AT_ONCE) as pool:
            dues = [started + number / PROBES_PER_SECOND for number in range(len(probes))]
            seen = list(pool.map(lambda due, probe: _probe(producer, ponte.port, due, probe), dues, probes))
        producer.flush(5)
    times = sorted(one for one in seen if one is not None)
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else [float("nan")] * 99
    worst = times[-1] if times else float("nan")
    return Latency(name, rate, cuts[49], cuts[98], worst, len(seen), len(seen) - len(times))


def start_stream(stage: Stage, rate: int, seconds: float) -> ChildProcess:
    """Start a steady stream of events in a process of its own, and return when it flows."""
    arguments = ("--bootstrap", stage.bootstrap, "--rate", str(rate), "--seconds", str(seconds))
    stream = python(stage, f"stream-{rate}", "tests.bench.loadgen", *arguments)
    deadline = time.monotonic() + READY_SECONDS + rate * seconds / MADE_PER_SECOND
    while "ready" not in stream.log_lines():
        if not stream.is_running() or time.monotonic() > deadline:
            raise RuntimeError("the stream did not start: " + " / ".join(stream.log_lines()[-5:]))
        time.sleep(0.05)
    return stream


@contextmanager
def stream(stage: Stage, rate: int, seconds: float) -> Iterator[ChildProcess]:
    """A steady stream while the block runs, `seconds` at most."""
    flowing = start_stream(stage, rate, seconds)
    try:
        yield flowing
    finally:
        flowing.stop(0)


def _probe(producer: Producer, port: int, due: float, probe: Message) -> float | None:
    """Publish at `due` and return the milliseconds until it is visible, None when it never was."""
    _, _, affiliate, code = probe.key.decode().split("|")
    connection = http.client.HTTPConnection(HOST, port, timeout=GIVE_UP_SECONDS)
    connection.connect()
    time.sleep(max(due - time.monotonic(), 0))
    producer.produce(TOPIC, probe.value, probe.key)
    producer.poll(0)
    while _status(connection, f"/v1/logs/order/{affiliate}/{code}") != 200:
        if time.monotonic() > due + GIVE_UP_SECONDS:
            return None
        time.sleep(max(ASK_EVERY_SECONDS, (time.monotonic() - due) * ASK_EVERY_SHARE))
    visible = (time.monotonic() - due) * 1000
    connection.close()
    return visible


def _status(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def main() -> int:
    """Measure, print the table, write it to `tests/artifacts/`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--maximum",
        type=float,
        default=float(os.environ.get("BENCH_MAXIMUM", "0")),
        help="events/s that one worker drains",
    )
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("BENCH_SECONDS", "40")))
    chosen = parser.parse_args()
    machine = Machine.now()
    maximum = chosen.maximum
    if not maximum:
        loads = [make_load(name, events, size=512, keys="new") for name, events in (("w", 20_000), ("m", 60_000))]
        maximum = run_once(Ours(), *loads, limit_seconds=60).rate
        print(f"one worker drains {maximum:,.0f}/s", flush=True)
    text = render(measure_latency(maximum, seconds=chosen.seconds), machine)
    print(text)
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "bench-latency.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How fast does ingest drain what waited while a server was away, beside what it can do at its best?

`make bench-outage`: MongoDB away for 60 s, then Kafka, each on fresh servers and under a steady load. Smaller:
    python -m tests.bench.outage --server mongo --seconds 10 --rate 500

First all items are told of once or twice, so that both drains change what is there. Then the maximum: as much as an outage leaves
behind is published before the worker starts, and the worker catches up with it, the load going on. Then the server is stopped, kept
away, and started again on its folder and port. Both times the rate is that of the offsets committed, from the first one that moves
until less than a second's load is left. At the end the checker holds everything against what was published: a figure without it would
be worth nothing.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from deploy.provision import provision
from tests.bench.machine import Machine
from tests.bench.outage_page import Drain, Outage, Sample, drain_of, render
from tests.support.broker import Broker, own_broker
from tests.support.ingest_process import IngestProcess
from tests.support.journal import Journal, check
from tests.support.replica_set import ReplicaSet, own_replica_set
from tests.support.stored import read_committed

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
DATABASE = "bench"
CACHE_GB = 1.0
LOOK_SECONDS = 0.2
LIMIT_SECONDS = 600.0
WAIT_SECONDS = 30.0
SHAPE = {"items": 5000, "bad_every": 200, "filler": 100}


@dataclass(slots=True)
class _Stage:
    broker: Broker
    mongo: ReplicaSet
    journal: Journal
    ingest: IngestProcess
    database: Any

    def committed(self) -> int | None:
        try:
            return sum(read_committed(self.broker.bootstrap, self.ingest.group, self.journal.topics).values())
        except KafkaException:  # it may be the one that is away
            return None

    def publish(self, count: int) -> None:
        self.journal.publish(self.journal.teller(**SHAPE).tell(count))

    def catch_up(self, load: float) -> Drain:
        """Return when the offsets are less than a second's load behind."""
        samples: list[Sample] = []
        began = time.monotonic()
        while not samples or self.journal.handed_over - samples[-1][1] > load:
            if (committed := self.committed()) is not None:
                samples.append((time.monotonic() - began, committed))
            if time.monotonic() - began > LIMIT_SECONDS:
                raise RuntimeError(f"not caught up in {LIMIT_SECONDS:.0f} s: {samples[-3:]}")
            time.sleep(LOOK_SECONDS)
        return drain_of(samples)


def measure_outage(server: str, *, seconds: float, load: float) -> Outage:
    """Return what came of an outage of `server`, "mongo" or "kafka", under `load` events a second."""
    with _stage() as stage:
        with stage.ingest.running() as warming_up:
            stage.publish(2 * SHAPE["items"])
            stage.catch_up(0)
            warming_up.process.ask_to_stop()
            warming_up.process.wait(WAIT_SECONDS)
        stage.publish(int(seconds * load))
        with stage.ingest.running():
            with stage.journal.load(rate=load, **SHAPE):
                maximum = stage.catch_up(load)
                moved = _stop(stage, server, seconds)
                drained = stage.catch_up(load)
            peak = stage.ingest.peak_bytes()
            wrong = _wrong(stage)
    return Outage(server, seconds, load, maximum, drained, moved, peak, wrong)


@contextmanager
def _stage() -> Iterator[_Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="ponte-bench-") as name,
        own_broker(Path(name)) as broker,
        own_replica_set(Path(name), members=1, cache_gb=CACHE_GB) as mongo,
        mongo.client() as client,
    ):
        provision(broker.bootstrap, mongo.uri, DATABASE)
        ingest = IngestProcess(broker.bootstrap, mongo.uri, DATABASE, Path(name))
        yield _Stage(broker, mongo, Journal(broker.bootstrap), ingest, client[DATABASE])


def _stop(stage: _Stage, server: str, seconds: float) -> int:
    """Keep the server away, and return by how much the commits moved meanwhile."""
    stop, start = _switch(stage, server)
    stop()
    gone = time.monotonic()
    time.sleep(1)  # what was durable already is committed by now
    before = stage.committed() if server == "mongo" else None
    time.sleep(max(gone + seconds - time.monotonic(), 0))
    moved = (stage.committed() or 0) - before if before is not None else 0
    start()
    return moved


def _switch(stage: _Stage, server: str) -> tuple[Callable[[], None], Callable[[], None]]:
    if server == "kafka":
        return stage.broker.stop, stage.broker.start
    return stage.mongo.members[0].stop, stage.mongo.heal


def _wrong(stage: _Stage) -> str:
    try:
        check(stage.journal, stage.database, group=stage.ingest.group, within=LIMIT_SECONDS)
    except AssertionError as error:
        return str(error)
    return ""


def main() -> int:
    """Measure, print, keep the page; 1 when something was lost, doubled or committed too soon."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", action="append", choices=["mongo", "kafka"])
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("BENCH_SECONDS", "60")))
    parser.add_argument("--rate", type=float, default=float(os.environ.get("BENCH_RATE", "2000")))
    chosen = parser.parse_args()
    machine = Machine.now()
    servers = chosen.server or ["mongo", "kafka"]
    found = [measure_outage(server, seconds=chosen.seconds, load=chosen.rate) for server in servers]
    page = render(found, machine)
    print(page)
    if not chosen.server:
        (ARTIFACTS / "bench-outage.md").write_text(page)
    return int(any(one.wrong or one.moved for one in found))


if __name__ == "__main__":
    sys.exit(main())

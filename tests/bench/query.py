"""How fast is every view of the log at a million and at ten million entries, beside the bare driver?

`make bench-query`, or `python -m tests.bench.query --entries 1000000 --entries 10000000 --seconds 10`. Shops are made once and kept.
Further options: `--view NAME` several times, `--rate 50`, `--with-ingest 2000` to measure again while ingest takes so many events a
second, `--with-ingest half` for half of what it takes in beside the requests. Every option also by environment: BENCH_ENTRIES (by
commas), BENCH_SECONDS, BENCH_RATE, BENCH_INGEST.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import psutil
from bson import json_util
from pymongo import MongoClient

from deploy.local.ports import choose_port
from deploy.local.process import ChildProcess, stop_together
from deploy.local.servers import start_servers
from deploy.provision import provision
from services.query.handlers.reading import KEYS_PER_ROW
from shared.contracts.names import LOG_ENTRIES
from tests.bench.contender import DATABASE, HOUSE, Stage, python
from tests.bench.latency import KEY, Ponte, stream, wait_for_the_api
from tests.bench.machine import Machine
from tests.bench.peers.ours import Ours
from tests.bench.query_seed import Shop, borrow_shop, open_shop
from tests.bench.query_table import HELD_AGAINST_THE_DRIVER, Measured, Times, render
from tests.bench.query_views import LIMIT, View, make_views
from tests.support.explained import counting, explained

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
AROUND_SECONDS, READY_SECONDS = 6, 30
"""What a view takes beside its measured seconds, and the services until they are ready: so long the stream lasts more."""

HALF = "half"
OVERFLOW = 26_000
"""Events a second, more than ingest takes in beside anything else: its maximum is what comes in of them."""

MAXIMUM_SECONDS = 60
"""Some seconds more than it takes to measure that."""

NOWHERE = "127.0.0.1:9"
"""No broker: what only reads needs none."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A shop, the query service on it, and how it is asked."""

    shop: Shop
    port: int
    query: psutil.Process
    rate: float
    seconds: float

    def cpu(self) -> tuple[float, float]:
        """CPU seconds so far of query and of MongoDB."""
        processes = [self.query, *([psutil.Process(self.shop.pid)] if self.shop.pid else [])]
        times = [process.cpu_times() for process in processes]
        query, *mongod = [one.user + one.system for one in times]
        return query, sum(mongod)


def measure(
    entries: int, *, rate: float, seconds: float, names: Sequence[str] = (), beside: str = ""
) -> list[Measured]:
    """Return what each view took on a shop of so many entries, then again beside ingest: HALF, or events a second."""
    with open_shop(entries) as shop:
        views = [view for view in make_views(shop.uri) if not names or view.name in names]
        with query_on(shop, NOWHERE) as (port, process):
            found = [measured(Stand(shop, port, process, rate, seconds), view) for view in views]
    if beside not in {"", "0"}:
        loads = sum(2 if view.kind in HELD_AGAINST_THE_DRIVER else 1 for view in views)
        streaming = (seconds + AROUND_SECONDS) * loads + READY_SECONDS
        with (
            borrow_shop(entries) as shop,
            _ingest(shop) as stage,
            query_on(shop, stage.bootstrap) as (port, process),
        ):
            stand = Stand(shop, port, process, rate, seconds)
            events = round(_maximum(stand, stage, views[0]) / 2) if beside == HALF else int(beside)
            with stream(stage, events, streaming) as flowing:
                for view in views:
                    found.append(measured(stand, view, events))
                    if not flowing.is_running():
                        raise RuntimeError("the stream ended: " + " / ".join(flowing.log_lines()[-3:]))
    return found


def measured(stand: Stand, view: View, beside: int = 0) -> Measured:
    """Return what a view takes, and what the driver's same find does: beside ingest only where that is a target, since memory holds the whole stream.

    The driver comes first, but not beside ingest: there its planner walks through all that has just come in, and leaves a cold cache.
    """
    driver = {"uri": stand.shop.uri, "database": DATABASE, "asked": view.finds}
    raw = _load(stand, driver) if view.finds and not beside else None
    ours = _load(stand, {"port": stand.port, "key": KEY, "asked": view.paths})
    if beside and view.finds and view.kind in HELD_AGAINST_THE_DRIVER:
        raw = _load(stand, driver)
    keys = asyncio.run(_keys(stand.shop.uri, view)) if view.filters else None
    print(f"  {view.name}: p50 {ours.p50:.1f} ms, p99 {ours.p99:.1f} ms {ours.wrong}", flush=True)
    return Measured(view.name, view.kind, stand.shop.entries, ours, raw, keys, stand.query.memory_info().rss, beside)


def _load(stand: Stand, plan: dict[str, Any]) -> Times:
    text = json_util.dumps({**plan, "rate": stand.rate, "seconds": stand.seconds})
    before = stand.cpu()
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.query_load"], input=text, stdout=subprocess.PIPE, text=True, cwd=HOUSE, check=True,
        timeout=stand.seconds + 300,
    )  # fmt: skip
    query, mongod = (late - early for early, late in zip(before, stand.cpu(), strict=True))
    return Times.of(orjson.loads(done.stdout), query, mongod)


async def _keys(uri: str, view: View) -> int:
    """Return the most keys that a page of the view examines."""
    most = 0
    async with explained(uri, DATABASE, counting) as log:
        for rows, after in view.filters:
            log.forget()
            await log.reader.list_entries(
                "loja", rows, after=after, ascending=False, limit=LIMIT + 1, keys=KEYS_PER_ROW * LIMIT
            )
            most = max(most, log.told().keys)
    return most


@contextmanager
def query_on(shop: Shop, bootstrap: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run the query service on a shop; yield its port and its process."""
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder:
        stage, port = Stage(bootstrap, shop.uri, Path(folder)), choose_port()
        api = {"PONTE_HTTP_PORT": str(port), "PONTE_API_KEY": KEY, "PONTE_QUERY_RATE_PER_SECOND": "100000"}
        children: list[ChildProcess] = [python(stage, "query", "services.query", **api)]
        try:
            wait_for_the_api(port, children)
            yield port, psutil.Process(children[0].pid)
        finally:
            stop_together(children, 0)


def _maximum(stand: Stand, stage: Stage, view: View) -> float:
    """Return how many events a second ingest takes in at most while a view is asked for."""
    with MongoClient[dict[str, Any]](stand.shop.uri) as client, ThreadPoolExecutor(1) as pool:
        asked = {"port": stand.port, "key": KEY, "asked": view.paths}
        asking = pool.submit(_load, replace(stand, seconds=MAXIMUM_SECONDS), asked)
        taken = Ponte(stage, stand.port, client[DATABASE][LOG_ENTRIES]).sustain(OVERFLOW)
        asking.result()
    print(f"  ingest takes in {taken:,.0f} events/s beside {stand.rate:g} requests/s", flush=True)
    return taken


@contextmanager
def _ingest(shop: Shop) -> Iterator[Stage]:
    """Run ingest on the shop; yield what events are published to."""
    with (
        tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder,
        start_servers(None, environ={"PONTE_MONGO_URI": shop.uri}, prefer_docker=False) as servers,
    ):
        provision(servers.kafka.bootstrap, shop.uri, DATABASE)
        stage = Stage(servers.kafka.bootstrap, shop.uri, Path(folder))
        children = Ours().start(stage)
        try:
            yield stage
        finally:
            stop_together(children, 0)


def main() -> int:
    """Measure, print the page, write it to `tests/artifacts/`. 0 unless a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = [int(size) for size in os.environ.get("BENCH_ENTRIES", "1000000,10000000").split(",")]
    parser.add_argument("--entries", type=int, action="append")
    parser.add_argument("--view", action="append", default=[])
    parser.add_argument("--rate", type=float, default=float(os.environ.get("BENCH_RATE", "50")))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("BENCH_SECONDS", "10")))
    parser.add_argument("--with-ingest", default=os.environ.get("BENCH_INGEST", ""), metavar="RATE|half")
    chosen = parser.parse_args()
    machine, found = Machine.now(), list[Measured]()
    print(machine.sentence(), flush=True)
    for entries in chosen.entries or sizes:
        print(f"{entries:,} entries", flush=True)
        started = time.monotonic()
        asked = {"rate": chosen.rate, "seconds": chosen.seconds, "names": chosen.view, "beside": chosen.with_ingest}
        found += measure(entries, **asked)
        print(f"  {time.monotonic() - started:.0f} s", flush=True)
    text = render(found, machine, chosen.rate)
    print(text)
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "bench-query.md").write_text(text, encoding="utf-8")
    return 1 if any(one.ours.failed for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())

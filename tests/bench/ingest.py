"""How fast is ingest, beside Kafka Connect with MongoDB's sink, the bare loop of the same write model, and a Faust agent?

`make bench-ingest` answers within five minutes (quick), `BENCH_MODE=full make bench-ingest` in an hour and a half.

One contender alone, while tuning:
    python -m tests.bench.ingest --contender ours --events 100000
    python -m tests.bench.ingest --contender ours --contender bare --events 60000 --warm-up 20000 --repeats 2
    python -m tests.bench.ingest --contender ours --keys zipf --size 8192
Names: ours ours2 bare bare-set connect1 connect2 connect-both faust. Every option also by environment: BENCH_EVENTS and so on.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.contender import Contender
from tests.bench.latency import measure_latency
from tests.bench.latency import render as render_latency
from tests.bench.loadgen import Load, make_load
from tests.bench.machine import Machine
from tests.bench.measure import NotFinished, Run, run_once
from tests.bench.peers.bare_loop import BareLoop
from tests.bench.peers.connect import Connect
from tests.bench.peers.faust_agent import FaustAgent
from tests.bench.peers.ours import Ours
from tests.bench.table import NOT_RUN, Results, render

ARTIFACTS = Path(__file__).parents[1] / "artifacts"

CONTENDERS: dict[str, Callable[[], Contender]] = {
    "ours": Ours,
    "connect1": lambda: Connect(1),
    "connect2": lambda: Connect(2),
    "connect-both": lambda: Connect(2, attempts=True),
    "bare": BareLoop,
    "ours2": lambda: Ours(2),
    "bare-set": lambda: BareLoop("set"),
    "faust": FaustAgent,
}


@dataclass(frozen=True, slots=True)
class Mode:
    """How much is run by default. `loads` are (bytes of a value, keys)."""

    events: int
    warm_up: int
    repeats: int
    loads: Sequence[tuple[int, str]]


MODES = {
    "quick": Mode(40_000, 20_000, 1, ((512, "new"),)),
    "full": Mode(150_000, 100_000, 4, ((512, "new"), (512, "zipf"), (8192, "new"), (8192, "zipf"))),
}
SHARE_OF_LARGE = 4
"""Of events of 8 kB there are so many times fewer by default: publishing them while the contender is held must stay short."""


def main() -> int:
    """Run, print the table, write it to `tests/artifacts/`. 0 unless a contender did not finish or left something wrong."""
    chosen = _arguments()
    machine = Machine.now()
    print(machine.sentence(), flush=True)
    results: Results = {}
    limit = time.monotonic() + chosen.minutes * 60
    for size, keys in chosen.loads:
        scale = SHARE_OF_LARGE if size > 4096 else 1
        warm_up = make_load("w", chosen.warm_up or MODES[chosen.mode].warm_up // scale, size=size, keys=keys)
        load = make_load("m", chosen.events or MODES[chosen.mode].events // scale, size=size, keys=keys)
        for name in _turns(chosen.contenders, chosen.repeats):
            runs = results.setdefault((size, keys), {}).setdefault(name, [])
            runs.append(NOT_RUN if time.monotonic() > limit else _run(name, warm_up, load, chosen))
    text = render(results, {name: CONTENDERS[name]() for name in chosen.contenders}, machine, chosen.mode)
    if chosen.mode == "full" and (rates := _rates(results)):
        text += f"\n{render_latency(measure_latency(median(rates), seconds=chosen.seconds), machine)}"
    print(f"\n{text}")
    if len(chosen.contenders) == len(CONTENDERS):  # one contender alone must not replace the page of all
        ARTIFACTS.mkdir(exist_ok=True)
        (ARTIFACTS / f"bench-ingest-{chosen.mode}.md").write_text(text, encoding="utf-8")
    runs = [run for one in results.values() for tries in one.values() for run in tries]
    return int(any(run != NOT_RUN if isinstance(run, str) else run.wrong for run in runs))


def _rates(results: Results) -> list[float]:
    """Return the rates of one worker of ours on events of half a kilobyte, all keys new."""
    return [run.rate for run in results.get((512, "new"), {}).get("ours", ()) if isinstance(run, Run)]


def _run(name: str, warm_up: Load, load: Load, chosen: argparse.Namespace) -> Run | str:
    try:
        run = run_once(CONTENDERS[name](), warm_up, load, limit_seconds=chosen.limit, pin=chosen.pin)
    except NotFinished as why:
        print(f"{name}: not finished: {why}", flush=True)
        return f"not finished: {why}"
    cpu = run.contender_cpu / run.events * 1e6
    print(
        f"{name:13} {run.rate:8,.0f}/s  {run.seconds:5.1f} s  CPU µs/event: contender {cpu:.0f},"
        f" mongod {run.mongod_cpu / run.events * 1e6:.0f}, Kafka {run.kafka_cpu / run.events * 1e6:.0f}"
        f"  RSS {run.peak_rss / 1e6:.0f} MB, PSS {run.peak_pss / 1e6:.0f}  load {os.getloadavg()[0]:.1f}  {run.wrong}",
        flush=True,
    )
    return run


def _turns(names: Sequence[str], repeats: int) -> list[str]:
    """Return the order of runs: forth, back, forth, …, so that a drift of the machine meets all alike (A-B-B-A)."""
    return [name for turn in range(repeats) for name in (names if turn % 2 == 0 else list(reversed(names)))]


def _arguments() -> argparse.Namespace:
    env = os.environ.get
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=MODES, default=env("BENCH_MODE", "quick"))
    parser.add_argument("--contender", action="append", choices=CONTENDERS, dest="contenders")
    parser.add_argument("--events", type=int, default=int(env("BENCH_EVENTS", "0")))
    parser.add_argument("--warm-up", type=int, default=int(env("BENCH_WARM_UP", "0")))
    parser.add_argument("--repeats", type=int, default=int(env("BENCH_REPEATS", "0")))
    parser.add_argument("--size", type=int, default=int(env("BENCH_SIZE", "0")), help="bytes of a value, about")
    parser.add_argument("--keys", choices=("new", "zipf"), default=env("BENCH_KEYS"))
    parser.add_argument("--limit", type=float, default=float(env("BENCH_LIMIT", "0")), help="seconds for one span")
    parser.add_argument("--minutes", type=float, default=float(env("BENCH_MINUTES", "0")), help="start nothing after")
    parser.add_argument("--seconds", type=float, default=float(env("BENCH_SECONDS", "30")), help="latency, each rate")
    parser.add_argument("--pin", action="store_true", default=bool(env("BENCH_PIN")), help="servers on the first core")
    chosen = parser.parse_args()
    mode = MODES[chosen.mode]
    chosen.contenders = chosen.contenders or [name for name in env("BENCH_CONTENDERS", "").split(",") if name]
    chosen.contenders = chosen.contenders or list(CONTENDERS)
    if unknown := set(chosen.contenders) - set(CONTENDERS):
        parser.error(f"no contender {', '.join(sorted(unknown))}: there are {', '.join(CONTENDERS)}")
    chosen.repeats = chosen.repeats or mode.repeats
    chosen.limit = chosen.limit or (40 if chosen.mode == "quick" else 150)
    chosen.minutes = chosen.minutes or (3.3 if chosen.mode == "quick" else 90)
    chosen.loads = [
        (size, keys)
        for size, keys in ([(chosen.size or 512, chosen.keys or "new")] if chosen.size or chosen.keys else mode.loads)
    ]
    return chosen


if __name__ == "__main__":
    sys.exit(main())

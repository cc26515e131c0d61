"""What does each index of the log cost at an insert?

`make bench-indexes`, or `python -m tests.bench.indexes --entries 20000 --rounds 8`; also BENCH_ENTRIES, BENCH_ROUNDS. One MongoDB; the
same entries of the believable shop go into fresh collections that have all indexes, all but one, or none, one after the other, round
after round. Processor time of the thread of mongod that inserts, in µs for an entry: what checkpoints and eviction cost later is not in it.
The least of the rounds, for whatever else runs can only add to it.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from bson import encode
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, MongoClient
from pymongo.collection import Collection

from deploy.local.mongod import Mongod
from deploy.local.ports import choose_port
from deploy.local.process import stop_together
from deploy.provision import provision_collections
from shared.contracts.names import COLLECTIONS, LOG_ENTRIES, CollectionSpec
from tests.bench.machine import Machine
from tests.bench.query_shop import items

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
BATCH = 1500
STOP_SECONDS = 60
SPEC = next(spec for spec in COLLECTIONS if spec.name == LOG_ENTRIES)
ALL, NONE = "all of them", "none but `_id_`"
TOGETHER = {"by_reprocess_job, by_reprocess_pending": ("by_reprocess_job", "by_reprocess_pending")}
"""No new entry has a key in these: measured as one."""

Costs = Mapping[str, Sequence[float]]


def variants() -> dict[str, CollectionSpec]:
    """Return the collection by what it is without."""
    paired = {name for names in TOGETHER.values() for name in names}
    without = {one.name: (one.name,) for one in SPEC.indexes if one.name not in paired} | TOGETHER
    return {
        ALL: SPEC,
        **{
            name: replace(SPEC, indexes=[index for index in SPEC.indexes if index.name not in gone])
            for name, gone in without.items()
        },
        NONE: replace(SPEC, indexes=[]),
    }


def measure(uri: str, mongod: psutil.Process, *, entries: int, rounds: int) -> tuple[Costs, Mapping[str, int]]:
    """Return the µs of each variant's rounds, and the bytes of each index."""
    documents = [RawBSONDocument(encode(one.entry)) for one in items(0, entries, entries)]
    costs: dict[str, list[float]] = {name: [] for name in variants()}
    sizes: Mapping[str, int] = {}
    with MongoClient[dict[str, Any]](uri, w="majority", journal=True) as client:
        for number in range(rounds):
            for name, spec in variants().items():
                provision_collections(uri, f"round{number}", [spec])
                log = client[f"round{number}"][LOG_ENTRIES]
                costs[name].append(_insert(log, documents, mongod))
                if name == ALL:
                    sizes = client[f"round{number}"].command("collStats", LOG_ENTRIES)["indexSizes"]
                client.drop_database(f"round{number}")
                print(f"  {number + 1}/{rounds} {name}: {costs[name][-1]:.1f} µs", flush=True)
    return costs, sizes


def _insert(log: Collection[Any], documents: Sequence[RawBSONDocument], mongod: psutil.Process) -> float:
    before = _times(mongod)
    for first in range(0, len(documents), BATCH):
        log.bulk_write([InsertOne(one) for one in documents[first : first + BATCH]], ordered=False)
    after = _times(mongod)
    return max(after[thread] - before.get(thread, 0) for thread in after) / len(documents) * 1e6


def _times(process: psutil.Process) -> dict[int, float]:
    """Return the processor seconds of each thread."""
    return {thread.id: thread.user_time + thread.system_time for thread in process.threads()}


def render(costs: Costs, sizes: Mapping[str, int], machine: Machine, entries: int) -> str:
    """Return the page."""
    whole, bare = min(costs[ALL]), min(costs[NONE])
    lines = [
        "# What each index costs at an insert",
        machine.sentence(),
        f"{entries:,} entries, the least of {len(costs[ALL])} rounds (their median in brackets): {whole:.1f} µs for an entry with all indexes ({median(costs[ALL]):.1f}), {bare:.1f} with none ({median(costs[NONE]):.1f}).",
        "| index | µs for an entry, without it | which saves | bytes for an entry |\n|---|---|---|---|",
    ]
    rows = []
    for name in variants():
        if name in {ALL, NONE}:
            continue
        size = sum(sizes.get(one, 0) for one in TOGETHER.get(name, (name,))) / entries
        without = min(costs[name])
        rows.append(f"| {name} | {without:.1f} ({median(costs[name]):.1f}) | {whole - without:.1f} | {size:.0f} |")
    return "\n\n".join(lines) + "\n" + "\n".join(rows) + "\n"


def main() -> None:
    """Measure, print the page, write it to `tests/artifacts/`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=int(os.environ.get("BENCH_ENTRIES", "20000")))
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", "8")))
    chosen, machine = parser.parse_args(), Machine.now()
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder:
        mongod = Mongod(Path(folder) / "data", choose_port(), Path(folder) / "mongod.log")
        mongod.start()
        try:
            mongod.wait_until_ready()
            process = psutil.Process(mongod.process.pid)
            costs, sizes = measure(mongod.uri, process, entries=chosen.entries, rounds=chosen.rounds)
        finally:
            stop_together([mongod.process], STOP_SECONDS)
    page = render(costs, sizes, machine, chosen.entries)
    print(page)
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "bench-indexes.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

"""The shop of `query_shop.py` in a MongoDB whose folder is kept, so that a million and ten million entries are made once.

`python -m tests.bench.query_seed --entries 1000000` makes it and ends. Entries are inserted by a process for each core, unordered and
unjournaled, without indexes; the product's own indexes are built afterwards, which is several times faster than keeping them up.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from deploy.local.cache import cache_folder
from deploy.local.mongod import Mongod
from deploy.local.ports import choose_port
from deploy.local.process import stop_together
from deploy.provision import provision_collections
from shared.contracts.names import ATTEMPTS, COLLECTIONS, LOG_ENTRIES
from shared.contracts.rollups import LAYOUT
from shared.mongo.client import connect
from tests.bench.contender import CACHE_GB, DATABASE
from tests.bench.query_shop import items
from tests.support.rolling import roll_up

SHAPE: Final = 2
"""Another number is another shop: what was kept of an older one is left alone, and may be deleted."""

AT_ONCE: Final = 2_000
IN_A_TASK: Final = 20_000
SEEDED: Final = "bench_seeded"
BUILDING: Final = {"maxIndexBuildMemoryUsageMegabytes": "1000"}
STOP_SECONDS: Final = 60.0
"""A checkpoint of a full cache may take a while; killed, the next start would have to recover."""

COUNTING_SECONDS: Final = 900


def build_rollups(uri: str, database: str) -> None:
    """Count the shop into rollups, as a worker's first start does."""

    async def build() -> None:
        async with connect(uri, service="bench", answer_seconds=COUNTING_SECONDS) as client:
            await roll_up(client[database])

    asyncio.run(build())


AFTER_SEEDING: Final[Mapping[str, Callable[[str, str], None]]] = {f"rollups of layout {LAYOUT}": build_rollups}
"""Name → what is done once with (uri, database) when all entries and indexes are there, such as building rollups.
What was not done yet on a kept shop is done when it is opened next."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A running MongoDB with so many entries in the database DATABASE; `pid` 0 of one that is not ours."""

    uri: str
    pid: int
    entries: int


def folder_of(entries: int) -> Path:
    """Return where a shop is kept."""
    return cache_folder() / "bench-query" / f"shape-{SHAPE}" / str(entries)


@contextmanager
def open_shop(entries: int, *, say: Callable[[str], None] = print) -> Iterator[Shop]:
    """Run MongoDB on the kept folder, filled first if need be; it ends with the block."""
    folder = folder_of(entries)
    folder.mkdir(parents=True, exist_ok=True)
    with _running(folder, entries, say) as shop:
        yield shop


@contextmanager
def borrow_shop(entries: int) -> Iterator[Shop]:
    """Run MongoDB on a copy of the kept folder, which goes with the block: what is written there leaves no trace."""
    kept = folder_of(entries)
    with tempfile.TemporaryDirectory(prefix="borrowed-", dir=kept.parent) as name:
        shutil.copytree(kept / "data", Path(name) / "data")
        with _running(Path(name), entries, print) as shop:
            yield shop


@contextmanager
def _running(folder: Path, entries: int, say: Callable[[str], None]) -> Iterator[Shop]:
    mongod = Mongod(folder / "data", choose_port(), folder / "mongod.log", parameters=BUILDING, cache_gb=CACHE_GB)
    mongod.start()
    try:
        mongod.wait_until_ready(STOP_SECONDS)
        fill(mongod.uri, entries, say=say)
        yield Shop(mongod.uri, mongod.process.pid, entries)
    finally:
        stop_together([mongod.process], STOP_SECONDS)


def fill(uri: str, entries: int, *, say: Callable[[str], None] = print) -> None:
    """Make what is missing of a shop: entries, indexes, what is to be done afterwards."""
    with MongoClient[dict[str, Any]](uri) as client:
        database, started = client[DATABASE], time.monotonic()
        seeded = database[SEEDED].find_one({"_id": entries}) or {}
        if not seeded:
            client.drop_database(DATABASE)
            provision_collections(uri, DATABASE, [replace(spec, indexes=()) for spec in COLLECTIONS])
            _insert(uri, entries, say)
            say(f"  {entries:,} entries inserted in {time.monotonic() - started:.0f} s; building the indexes")
        provision_collections(uri, DATABASE, COLLECTIONS)
        database[SEEDED].update_one({"_id": entries}, {"$setOnInsert": {"done": []}}, upsert=True)
        for name, make in AFTER_SEEDING.items():
            if name not in seeded.get("done", ()):
                began = time.monotonic()
                make(uri, DATABASE)
                say(f"  {name} built in {time.monotonic() - began:.0f} s")
        database[SEEDED].replace_one({"_id": entries}, {"_id": entries, "done": sorted(AFTER_SEEDING)}, upsert=True)
        if not seeded:
            client.admin.command("fsync")
            say(f"  ready after {time.monotonic() - started:.0f} s")


def _insert(uri: str, entries: int, say: Callable[[str], None]) -> None:
    tasks = [(uri, first, min(first + IN_A_TASK, entries), entries) for first in range(0, entries, IN_A_TASK)]
    told = 0
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(insert_some, *task) for task in tasks]):
            told += done.result()
            if told % 1_000_000 == 0:
                say(f"  {told:,} of {entries:,}")


def insert_some(uri: str, first: int, last: int, of: int) -> int:
    """Insert the items `first` to `last` and their histories; return how many."""
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_database(DATABASE, write_concern=WriteConcern(w=1, j=False))
        for start in range(first, last, AT_ONCE):
            made = list(items(start, min(start + AT_ONCE, last), of))
            database[LOG_ENTRIES].insert_many([item.entry for item in made], ordered=False)
            if attempts := [attempt for item in made for attempt in item.attempts]:
                database[ATTEMPTS].insert_many(attempts, ordered=False)
    return last - first


def main() -> None:
    """Make shops and end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, action="append", required=True)
    for entries in parser.parse_args().entries:
        with open_shop(entries) as shop, MongoClient[dict[str, Any]](shop.uri) as client:
            stats = client[DATABASE].command("collStats", LOG_ENTRIES)
            size = (stats["storageSize"] + stats["totalIndexSize"]) / 2**30
            print(
                f"{folder_of(entries)}: {stats['count']:,} entries of {stats['avgObjSize']} bytes, {size:.1f} GiB on disk"
            )


if __name__ == "__main__":
    main()

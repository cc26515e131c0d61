"""The bare loop: confluent-kafka → orjson → PyMongo → commit, in one process. The limit of this stack, not a product.

`model` writes our documents (state and attempts), `set` one plain `$set` upsert for each event (state only). Batches of 1,000 in three
loops, as measured fastest: BENCH_BARE_BATCH and BENCH_BARE_LOOPS turn that.

`python -m tests.bench.peers.bare_loop model|set` is the process itself.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition
from pymongo import MongoClient, UpdateOne
from pymongo.collection import Collection

from deploy.local.process import UNHURRIED, ChildProcess
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from tests.bench.contender import Stage, python
from tests.bench.loadgen import TOPIC
from tests.bench.peers.model import Arrived, arrived, by_entry, plan


class BareLoop:
    """`variant` is `model` or `set`."""

    own_model = True

    def __init__(self, variant: str = "model") -> None:
        self.name = "bare loop" if variant == "model" else "bare loop, plain $set"
        self.writes_attempts = variant == "model"
        self.undone = "no validation, no duplicates found, no dead letters, no metrics" + (
            "" if variant == "model" else "; no attempts, no version: the last to arrive wins"
        )
        self._variant = variant

    def prepare(self) -> None:
        """Nothing to fetch."""

    def start(self, stage: Stage) -> Sequence[ChildProcess]:
        """Start the loop."""
        return [python(stage, "bare", __name__, self._variant, niceness=UNHURRIED)]


class Writer:
    """Writes batches from several threads: PyMongo's client is safe to share."""

    def __init__(self, variant: str) -> None:
        client = MongoClient[dict[str, Any]](os.environ["PONTE_MONGO_URI"], w="majority", journal=True, tz_aware=True)
        database = client[os.environ["PONTE_MONGO_DATABASE"]]
        self._entries: Collection[dict[str, Any]] = database[LOG_ENTRIES]
        self._attempts: Collection[dict[str, Any]] = database[ATTEMPTS]
        self.write = self._write_model if variant == "model" else self._write_set

    def _write_model(self, messages: Sequence[Arrived]) -> None:
        entries = by_entry(messages)
        found = {one["_id"]: one for one in self._entries.find({"_id": {"$in": list(entries)}})}
        writes = plan(entries, found)  # nobody else writes these entries: a key stays in its partition
        if writes.attempts:
            self._attempts.insert_many(writes.attempts, ordered=False)
        if writes.new:
            self._entries.insert_many(writes.new, ordered=False)
        if writes.changes:
            self._entries.bulk_write(list(writes.changes.values()), ordered=False)

    def _write_set(self, messages: Sequence[Arrived]) -> None:
        writes = []
        for message in messages:
            data = orjson.loads(message[0])["data"]
            identity = f"{data['account']}|{data['kind']}|{data['affiliate']}|{data['code']}"
            state = {name: data[name] for name in ("status", "processed_at", "causes", "payload")}
            fields = {name: data[name] for name in ("account", "kind", "affiliate", "code", "aliases")}
            ids = [data["code"], *data["aliases"].values()]
            writes.append(UpdateOne({"_id": identity}, {"$set": {**fields, "state": state, "ids": ids}}, upsert=True))
        self._entries.bulk_write(writes, ordered=False)


def run(variant: str) -> None:
    """Loop until the process is ended: several loops, each with partitions of its own, so that one computes while another waits."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    write = Writer(variant).write
    loops = [Thread(target=_loop, args=(write,)) for _ in range(int(os.environ.get("BENCH_BARE_LOOPS", "3")))]
    for loop in loops:
        loop.start()


def _loop(write: Callable[[Sequence[Arrived]], None]) -> None:
    size = int(os.environ.get("BENCH_BARE_BATCH", "1000"))
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["PONTE_KAFKA_BOOTSTRAP"],
            "group.id": "bench.bare",
            "group.protocol": "consumer",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "queued.min.messages": 10_000,
        }
    )
    consumer.subscribe([TOPIC])
    while True:
        messages = [arrived(message) for message in consumer.consume(size, 0.02) if message.error() is None]
        if messages:
            write(messages)
            upto = {message[2]: message[3] + 1 for message in messages}
            places = [TopicPartition(TOPIC, partition, offset) for partition, offset in upto.items()]
            consumer.commit(offsets=places, asynchronous=True)


if __name__ == "__main__":
    run(sys.argv[1])

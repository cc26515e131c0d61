"""The bare loop: confluent-kafka → orjson → PyMongo → commit, in one process. The limit of this stack, not a product.

`model` writes our documents (state and attempts), `set` one plain `$set` upsert for each event (state only). Batches of 1,000, three
in flight, as measured fastest (design §4.3): BENCH_BARE_BATCH and BENCH_BARE_WRITERS turn that.

`python -m tests.bench.peers.bare_loop model|set` is the process itself.
"""

import gc
import os
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition
from pymongo import MongoClient, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from deploy.local.process import ChildProcess
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from tests.bench.contender import Stage, python
from tests.bench.loadgen import TOPIC
from tests.bench.peers.model import Arrived, arrived, documents, entry_writes, insert_all, upsert

DUPLICATE_KEY = 11000


class BareLoop:
    """`variant` is `model` or `set`."""

    own_model = True

    def __init__(self, variant: str = "model") -> None:
        self.name = "bare loop" if variant == "model" else "bare loop, plain $set"
        self.writes_attempts = variant == "model"
        self.undone = "no validation, no dead letters, no metrics, no order between batches in flight" + (
            "" if variant == "model" else "; no attempts, no version: the last to arrive wins"
        )
        self._variant = variant

    def prepare(self) -> None:
        """Nothing to fetch."""

    def start(self, stage: Stage) -> Sequence[ChildProcess]:
        """Start the loop."""
        return [python(stage, "bare", __name__, self._variant)]


class Writer:
    """Writes batches from several threads: PyMongo's client is safe to share."""

    def __init__(self, variant: str) -> None:
        client = MongoClient[dict[str, Any]](os.environ["PONTE_MONGO_URI"], w="majority", journal=True, tz_aware=True)
        database = client[os.environ["PONTE_MONGO_DATABASE"]]
        self._entries: Collection[dict[str, Any]] = database[LOG_ENTRIES]
        self._attempts: Collection[dict[str, Any]] = database[ATTEMPTS]
        self.write = self._write_model if variant == "model" else self._write_set

    def _write_model(self, messages: Sequence[Arrived]) -> None:
        attempts, entries = documents(messages)
        self._attempts.bulk_write(insert_all(attempts), ordered=False)
        ids = {entry["_id"] for entry in entries}
        taken = {found["_id"] for found in self._entries.find({"_id": {"$in": list(ids)}}, {"_id": 1})}
        try:
            self._entries.bulk_write(entry_writes(entries, taken), ordered=False)
        except BulkWriteError as error:  # a batch beside this one made the same entry
            failed = error.details["writeErrors"]
            if any(item["code"] != DUPLICATE_KEY for item in failed):
                raise
            self._entries.bulk_write([upsert(entries[item["index"]]) for item in failed], ordered=False)

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
    """Loop until the process is ended."""
    size = int(os.environ.get("BENCH_BARE_BATCH", "1000"))
    writers = int(os.environ.get("BENCH_BARE_WRITERS", "3"))
    write = Writer(variant).write
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["PONTE_KAFKA_BOOTSTRAP"],
            "group.id": "bench.bare",
            "group.protocol": "consumer",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            "queued.min.messages": 10_000,
        }
    )
    consumer.subscribe([TOPIC])
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    in_flight: deque[tuple[Future[None], list[TopicPartition]]] = deque()
    with ThreadPoolExecutor(writers) as pool:
        while True:
            messages = [arrived(message) for message in consumer.consume(size, 0.02) if message.error() is None]
            if messages:
                upto = {message[2]: message[3] + 1 for message in messages}
                places = [TopicPartition(TOPIC, partition, offset) for partition, offset in upto.items()]
                in_flight.append((pool.submit(write, messages), places))
            while in_flight and (len(in_flight) >= writers or not messages):
                done, places = in_flight.popleft()
                done.result()
                consumer.commit(offsets=places, asynchronous=True)


if __name__ == "__main__":
    run(sys.argv[1])

"""A Faust agent with our write model: what ingest would be if the event path were an agent (decision 0001).

`noack_take(1000)`, the same documents and write calls through PyMongo's async client, acknowledged after they are durable.
`python -m tests.bench.peers.faust_agent` is the process itself.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from deploy.local.process import UNHURRIED, ChildProcess
from tests.bench.contender import Stage, python

BATCH = 1000


class FaustAgent:
    """State and attempts through one agent."""

    name = "Faust agent"
    writes_attempts = True
    own_model = True
    undone = "no validation, no dead letters; one batch at a time, as an agent must to stay at-least-once"

    def prepare(self) -> None:
        """Nothing to fetch."""

    def start(self, stage: Stage) -> Sequence[ChildProcess]:
        """Start the worker."""
        return [python(stage, "faust", __name__, niceness=UNHURRIED)]


def run() -> None:
    """Run the worker until it is ended."""
    import faust
    from pymongo import AsyncMongoClient

    from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
    from tests.bench.loadgen import TOPIC
    from tests.bench.peers.model import by_entry, plan

    app = faust.App(
        "bench.faust",
        broker=f"kafka://{os.environ['PONTE_KAFKA_BOOTSTRAP']}",
        value_serializer="raw",
        key_serializer="raw",
        broker_commit_interval=1.0,
        broker_max_poll_records=5000,
        stream_buffer_maxsize=16_384,
        stream_wait_empty=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
    )
    client: Any = AsyncMongoClient(os.environ["PONTE_MONGO_URI"], w="majority", journal=True, tz_aware=True)
    database = client[os.environ["PONTE_MONGO_DATABASE"]]

    async def write(stream: Any) -> None:
        async for events in stream.noack_take(BATCH, within=0.02):
            messages = [event.message for event in events]
            entries = by_entry(
                (one.value, one.topic, one.partition, one.offset, int(one.timestamp)) for one in messages
            )
            found = database[LOG_ENTRIES].find({"_id": {"$in": list(entries)}})
            writes = plan(entries, {one["_id"]: one async for one in found})  # one batch at a time: nobody is beside us
            if writes.attempts:
                await database[ATTEMPTS].insert_many(writes.attempts, ordered=False)
            if writes.new:
                await database[LOG_ENTRIES].insert_many(writes.new, ordered=False)
            if writes.changes:
                await database[LOG_ENTRIES].bulk_write(list(writes.changes.values()), ordered=False)
            for event in events:
                await stream.ack(event)

    app.agent(app.topic(TOPIC, value_type=bytes, value_serializer="raw", key_serializer="raw"), concurrency=1)(write)
    worker = faust.Worker(app, loglevel="WARN", quiet=True)
    worker.execute_from_commandline()
    sys.exit(0)


if __name__ == "__main__":
    run()

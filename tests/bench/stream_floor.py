"""How soon an event that was published stands in the database for everybody: the floor under what a stream can do.

Started by streams.py beside the readers: a bare change stream of its own, prints `ready`, at the end of its input one JSON line.
"""

import argparse
import asyncio
import json
import sys
import time

from pymongo import AsyncMongoClient

from shared.contracts.names import LOG_ENTRIES
from tests.bench.stream_readers import percentiles

PIPELINE = [{"$match": {"operationType": "insert"}}, {"$project": {"sent": "$fullDocument.aliases.sent"}}]


async def follow(uri: str, database: str) -> None:
    """Note the delay of every new entry until standard input ends."""
    delays: list[float] = []
    async with (
        AsyncMongoClient(uri) as client,
        await client[database][LOG_ENTRIES].watch(PIPELINE, max_await_time_ms=200) as stream,
    ):
        print("ready", flush=True)
        leaving = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not leaving.done():
            change = await stream.try_next()
            if change is not None:
                delays.append((time.monotonic_ns() - int(change["sent"][1])) / 1e6)
    print(json.dumps(percentiles(delays)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--uri", required=True)
    parser.add_argument("--database", required=True)
    chosen = parser.parse_args()
    asyncio.run(follow(chosen.uri, chosen.database))

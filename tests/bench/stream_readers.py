"""Many open streams in one process, which notes when each event came. Started by streams.py; prints `ready`, at the end one JSON line.

Each event carries the instant of its publishing in an alias, of the clock that all processes of a machine share, so that no key has to
be looked up. A reader looks for nothing else in what it is sent: with hundreds of them even parsing would be the load.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from statistics import quantiles

SENT = re.compile(rb'"sent":"(\d+)"')
RESYNC = re.compile(rb'event: resync\nid: \S*\ndata: \{"reason":"(\w+)"')
TAIL = 256
"""An event may come in two pieces: so much of what was read is looked at again, and never counted twice."""
READ_BYTES = 65_536
OPEN_AT_ONCE = 20


class Reader:
    """One stream: the delays of its events in milliseconds, and why it was told to read the list again."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.resyncs: list[str] = []
        self.ended = False

    async def open(self, port: int, path: str, key: str) -> asyncio.StreamReader:
        stream, writer = await asyncio.open_connection("127.0.0.1", port, limit=2 * READ_BYTES)
        self.writer = writer
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n"
        writer.write(request.encode())
        head = await stream.readuntil(b"id: ")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"no stream: {head[:400]!r}")
        return stream

    async def read(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while part := await stream.read(READ_BYTES):
            now, rest = time.monotonic_ns(), rest + part
            end = 0
            for found in SENT.finditer(rest):
                self.delays.append((now - int(found[1])) / 1e6)
                end = found.end()
            for found in RESYNC.finditer(rest):
                self.resyncs.append(found[1].decode())
                end = max(end, found.end())
            rest = rest[max(end, len(rest) - TAIL) :]
        self.ended = True


async def read_all(port: int, key: str, streams: int, affiliates: int) -> None:
    """Open the streams, read until standard input ends, print what came."""
    readers = [Reader() for _ in range(streams)]
    gate = asyncio.Semaphore(OPEN_AT_ONCE)

    async def open_one(number: int, reader: Reader) -> asyncio.StreamReader:
        async with gate:
            return await reader.open(port, f"/v1/stream?kind=order&affiliate=A{number % affiliates:02d}", key)

    opened = await asyncio.gather(*(open_one(number, reader) for number, reader in enumerate(readers)))
    print("ready", flush=True)
    reading = [asyncio.create_task(reader.read(stream)) for reader, stream in zip(readers, opened, strict=True)]
    await asyncio.to_thread(sys.stdin.read)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    print(json.dumps(_summary(readers)), flush=True)


def _summary(readers: list[Reader]) -> dict[str, object]:
    reasons = [reason for reader in readers for reason in reader.resyncs]
    return {
        **percentiles([delay for reader in readers for delay in reader.delays]),
        "least": min(len(reader.delays) for reader in readers),
        "most": max(len(reader.delays) for reader in readers),
        "resyncs": {reason: reasons.count(reason) for reason in sorted(set(reasons))},
        "ended": sum(reader.ended for reader in readers),
    }


def percentiles(delays: list[float]) -> dict[str, float]:
    """Return how many there are, p50, p99 and the worst, in milliseconds."""
    delays = sorted(delays)
    cuts = quantiles(delays, n=100, method="inclusive") if len(delays) > 1 else [float("nan")] * 99
    worst = delays[-1] if delays else float("nan")
    return {"events": len(delays), "p50": cuts[49], "p99": cuts[98], "worst": worst}


def main() -> None:
    """Read."""
    parser = argparse.ArgumentParser()
    for name in ("port", "streams", "affiliates"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--key", required=True)
    chosen = parser.parse_args()
    asyncio.run(read_all(chosen.port, chosen.key, chosen.streams, chosen.affiliates))


if __name__ == "__main__":
    main()

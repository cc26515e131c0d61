"""As many live streams as are promised, on one real process. How fast they are told is measured by `make bench-streams`."""

import asyncio
import re
from dataclasses import dataclass
from typing import Self

import psutil

from deploy.local.ports import HOST, choose_port
from deploy.local.servers import Servers
from shared.contracts.names import KIB, LOG_ENTRIES
from shared.mongo.client import Database
from tests.support.bare_query_process import running, status
from tests.support.builders import make_event
from tests.support.eventually import eventually, eventually_async
from tests.support.seed import entry_document

KEY = "k" * 32
STREAMS = 500
OPEN_AT_ONCE = 20
WISHES = ["", "?kind=order", "?status=error", "?affiliate=MLC", "?kind=order&affiliate=MLC"]
"""All of them let pass what is written here."""

EVENTS = 60
TOLD = re.compile(rb'\nevent: changed\nid: [^\n]*\ndata: [^\n]*?"code":"(many-\d{3})"')
MOST_BYTES_EACH = 256 * KIB
PATIENCE_SECONDS = 120
READ_BYTES = 65_536


@dataclass
class Stream:
    """A client that keeps all it was sent."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes

    @classmethod
    async def open(cls, port: int, wish: str) -> Self:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(f"GET /v1/stream{wish} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
        return cls(reader, writer, await reader.readuntil(b"id: "))

    async def read_until(self, code: str) -> None:
        """Return when that item was told of, or the other end has closed."""
        mark = f'"code":"{code}"'.encode()
        while mark not in self.body and (part := await self.reader.read(READ_BYTES)):
            self.body += part

    @property
    def codes(self) -> list[str]:
        """The items that it was told of, in order."""
        return [code.decode() for code in TOLD.findall(self.body)]

    def leave(self, *, abruptly: bool) -> None:
        if abruptly:
            self.writer.transport.abort()
        else:
            self.writer.close()


async def open_streams(port: int, count: int) -> list[Stream]:
    gate = asyncio.Semaphore(OPEN_AT_ONCE)

    async def open_one(number: int) -> Stream:
        async with gate:
            return await Stream.open(port, WISHES[number % len(WISHES)])

    return await asyncio.gather(*map(open_one, range(count)))


async def write(database: Database, codes: list[str]) -> None:
    for code in codes:
        await database[LOG_ENTRIES].insert_one(entry_document([make_event(code=code)]))


def descriptors(process: psutil.Process, port: int) -> int:
    """Return how many files the process has open, but for its connections to servers: those are pooled."""
    calls = [one for one in process.net_connections("tcp") if one.raddr and one.laddr.port != port]
    return process.num_fds() - len(calls)


async def test_five_hundred_streams_of_a_process_are_told_all_in_order_and_leave_nothing_behind(
    servers: Servers, database: Database, database_name: str
) -> None:
    port = choose_port()
    codes = [f"many-{number:03d}" for number in range(EVENTS)]
    given = {
        "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
        "PONTE_MONGO_URI": servers.mongo.uri,
        "PONTE_MONGO_DATABASE": database_name,
        "PONTE_API_KEY": KEY,
        "PONTE_LOG_LEVEL": "warning",  # its log is a pipe that nobody reads
    }
    with running(port, **given) as query:
        eventually(lambda: status(port, "/v1/logs/order", KEY), lambda seen: seen == 200)
        process = psutil.Process(query.pid)

        async def open_files() -> int:
            return descriptors(process, port)

        async with asyncio.timeout(PATIENCE_SECONDS):
            silent = await open_files()
            (first,) = await open_streams(port, 1)
            await write(database, ["first"])
            await first.read_until("first")
            first.leave(abruptly=False)
            before = await eventually_async(open_files, lambda count: count <= silent)
            memory = process.memory_info().rss

            streams = await open_streams(port, STREAMS)
            assert await open_files() >= before + STREAMS
            await write(database, codes)
            await asyncio.gather(*(stream.read_until(codes[-1]) for stream in streams))
            grown = process.memory_info().rss - memory
            for number, stream in enumerate(streams):
                stream.leave(abruptly=number % 2 == 1)
            after = await eventually_async(open_files, lambda count: count <= before)

    assert [stream.codes for stream in streams] == [codes] * STREAMS
    assert not any(b"event: resync" in stream.body for stream in streams)
    assert grown < STREAMS * MOST_BYTES_EACH
    assert after <= before

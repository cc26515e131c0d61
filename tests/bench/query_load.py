"""Requests at a steady rate, open loop, by a process of its own: the API over bare sockets, or the driver's find.

Reads one JSON document from its input and writes one: the milliseconds of each request, counted from the instant at which it was due,
and what went wrong. Arrivals do not wait for answers; MAX_OPEN bounds what may be under way.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from bson import json_util
from pymongo import AsyncMongoClient
from pymongo.errors import ExecutionTimeout

from deploy.local.ports import HOST

MAX_OPEN: Final = 64
WARM_UPS: Final = 20
DRIVER_LIMIT_MS: Final = 5_000
GIVE_UP_SECONDS: Final = 30.0
Ask = Callable[[Any], Awaitable[str]]
"""Asks once; returns "" or what went wrong."""


class HttpClient:
    """Connections that stay open, one for each request under way. Answers are read to the end and not looked into."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = f"Host: {HOST}\r\nAuthorization: Bearer {key}\r\nAccept-Encoding: identity\r\n\r\n"
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, path: str) -> str:
        """Return "" for a 200, else its status line."""
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection(HOST, self._port, limit=2**22)
        )
        writer.write(f"GET {path} HTTP/1.1\r\n{self._headers}".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lengths = [line[15:] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
        await reader.readexactly(int(lengths[0]))
        self._idle.append((reader, writer))
        return "" if " 200 " in head[:14] else head.partition("\r\n")[0]


def driver(uri: str, database: str) -> Ask:
    """Return what asks the driver for documents, as Python has them."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, tz_aware=True)

    async def ask(find: dict[str, Any]) -> str:
        found = client[database][find["collection"]].find(find["filter"], find.get("projection"), limit=find["limit"])
        found = found.sort(find["sort"]) if "sort" in find else found
        found = found.hint(find["hint"]) if "hint" in find else found
        try:
            await found.max_time_ms(DRIVER_LIMIT_MS).to_list()
        except ExecutionTimeout:
            return f"longer than {DRIVER_LIMIT_MS} ms"
        return ""

    return ask


async def run(ask: Ask, asked: Sequence[Any], *, rate: float, seconds: float) -> dict[str, Any]:
    """Return the milliseconds of each request and the first things that went wrong."""
    for number in range(WARM_UPS):
        await ask(asked[number % len(asked)])
    took: list[float] = []
    wrong: list[str] = []
    room = asyncio.Semaphore(MAX_OPEN)
    started = time.monotonic()

    async def one(due: float, what: Any) -> None:
        async with room:
            try:
                said = await asyncio.wait_for(ask(what), GIVE_UP_SECONDS)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                said = repr(error)
        took.append((time.monotonic() - due) * 1000)
        if said:
            wrong.append(said)

    tasks = []
    for number in range(int(rate * seconds)):
        due = started + number / rate
        if (early := due - time.monotonic()) > 0:
            await asyncio.sleep(early)
        tasks.append(asyncio.create_task(one(due, asked[number % len(asked)])))
    await asyncio.gather(*tasks)
    return {"took": took, "wrong": wrong[:3], "failed": len(wrong)}


async def main() -> None:
    """Do what the input says."""
    plan = json_util.loads(await asyncio.to_thread(sys.stdin.read))
    ask: Ask = driver(plan["uri"], plan["database"]) if "uri" in plan else HttpClient(plan["port"], plan["key"]).ask
    print(json.dumps(await run(ask, plan["asked"], rate=plan["rate"], seconds=plan["seconds"])))


if __name__ == "__main__":
    asyncio.run(main())

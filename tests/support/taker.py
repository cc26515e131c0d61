"""An intake of records of a test's own topic, and what it took."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared.contracts.gaps import Gap
from shared.contracts.records import BatchOutcome, Record, next_offsets
from shared.kafka.intake import Intake
from tests.support.eventually import eventually_async


class Taker:
    """Its batches have at most a hundred records; `trouble` is awaited before each, `reads_on` is the answer to a gap."""

    def __init__(self, bootstrap: str, topic: str, group: str, **options: Any) -> None:
        self.group = group
        self.values: list[bytes | None] = []
        self.batches: list[int] = []
        self.gaps: list[Gap] = []
        self.reads_on = True
        self.trouble: Callable[[Sequence[Record]], Any] | None = None
        self.intake = Intake(
            bootstrap=bootstrap,
            group=group,
            topics=[topic],
            handle=self.handle,
            on_gap=self.on_gap,
            batch_size=100,
            **options,
        )

    async def handle(self, records: Sequence[Record]) -> BatchOutcome:
        if self.trouble is not None:
            await self.trouble(records)
        self.values += [record.value for record in records]
        self.batches.append(len(records))
        return BatchOutcome(records=len(records), commit=next_offsets(records))

    async def on_gap(self, gap: Gap) -> bool:
        self.gaps.append(gap)
        return self.reads_on

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.intake.run())
        yield task
        self.intake.stop()
        await task

    async def took(self, count: int) -> None:
        async def seen() -> int:
            return len(self.values)

        await eventually_async(seen, lambda number: number >= count)


def numbered(first: int, last: int) -> list[bytes]:
    return [str(number).encode() for number in range(first, last)]


def fact(ask: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """Return a blocking question as one that can be awaited."""

    async def answer() -> Any:
        return await asyncio.to_thread(ask)

    return answer

"""An intake of records of a test's own topic, and what it took."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared.contracts.gaps import Gap
from shared.contracts.records import BatchOutcome, DeadLetter, Record, Untaken, next_offsets
from shared.kafka.holds import MAX_HELD_BYTES, PutAside
from shared.kafka.intake import Intake
from tests.support.eventually import eventually_async


class Taker:
    """Its batches have at most a hundred records; `trouble` is awaited before each, `reads_on` is the answer to a gap.

    Values in `bad` are dead letters; while `refuses` nobody takes them, afterwards they stand in `aside`.
    `wrong` is what is raised when they are offered again.
    """

    def __init__(
        self, bootstrap: str, topic: str, group: str, *, most_bytes: int = MAX_HELD_BYTES, **options: Any
    ) -> None:
        self.bootstrap = bootstrap
        self.group = group
        self.values: list[bytes | None] = []
        self.batches: list[int] = []
        self.gaps: list[Gap] = []
        self.reads_on = True
        self.bad: set[bytes | None] = set()
        self.refuses = True
        self.aside: list[bytes | None] = []
        self.wrong: Exception | None = None
        self.trouble: Callable[[Sequence[Record]], Any] | None = None
        self.intake = Intake(
            bootstrap=bootstrap,
            group=group,
            topics=[topic],
            handle=self.handle,
            on_gap=self.on_gap,
            put_aside=PutAside(self.offer_again, lambda _: 0.05, most_bytes),
            batch_size=100,
            **options,
        )

    async def handle(self, records: Sequence[Record]) -> BatchOutcome:
        if self.trouble is not None:
            await self.trouble(records)
        self.values += [record.value for record in records]
        self.batches.append(len(records))
        letters = [DeadLetter(record, "Bad", "on purpose") for record in records if record.value in self.bad]
        return BatchOutcome(records=len(records), commit=next_offsets(records), untaken=await self.offer(letters))

    async def offer(self, letters: Sequence[DeadLetter]) -> list[Untaken]:
        if self.refuses:
            return [Untaken(letter, "POLICY_VIOLATION", "on purpose") for letter in letters]
        self.aside += [letter.record.value for letter in letters]
        return []

    async def offer_again(self, letters: Sequence[DeadLetter]) -> list[Untaken]:
        if self.wrong is not None:
            raise self.wrong
        return await self.offer(letters)

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

"""`python -m tests.support.faulty_ingest <fault>`: the real ingest, with something wrong inside after its first records.

silent: the client reads nothing more, and says nothing of it. blocked: the event loop stands. hung: a batch is never done.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Message

from services.ingest.app import main
from services.ingest.entrypoints.events import EventsEntryPoint
from shared.kafka.member import Member

FIRST_RECORDS = 100
FOR_EVER = 10**6


def silent() -> None:
    consume, taken = Member.consume, [0]

    def until_it_falls_silent(self: Member, most: int, patience: float) -> list[Message]:
        if taken[0] > FIRST_RECORDS:
            self.pause()
        messages = consume(self, most, patience)
        taken[0] += len(messages)
        return messages

    Member.consume = until_it_falls_silent  # type: ignore[method-assign]


def blocked() -> None:
    async def on_batch(_: EventsEntryPoint, __: Sequence[Any]) -> Any:
        time.sleep(FOR_EVER)

    EventsEntryPoint.on_batch = on_batch  # type: ignore[method-assign]


def hung() -> None:
    async def on_batch(_: EventsEntryPoint, __: Sequence[Any]) -> Any:
        await asyncio.sleep(FOR_EVER)

    EventsEntryPoint.on_batch = on_batch  # type: ignore[method-assign]


if __name__ == "__main__":
    {"silent": silent, "blocked": blocked, "hung": hung}[sys.argv[1]]()
    main()

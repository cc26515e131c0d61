"""Batches in: consume, hand to a handler, commit what is durable. Only this file commits the offsets of the events topics.

One thread owns the client: librdkafka's calls block, and a rebalance calls back in the thread that polls. The handler runs in the
event loop. While one batch is written, the next is taken in and handed over; a handler to whom order matters waits for its turn. If
the handler takes long, or backs off from a failure, the thread keeps polling with the partitions paused, so that a slow database
never costs the membership. A batch is handled whole or not at all; its offsets are committed after the handler returned, oldest
batch first, so a crash in between redelivers it, and the handler must bear that.

Where records are missing nobody jumps silently: `on_gap` is told, and says whether to read on behind the gap.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Message

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.gaps import Gap
from shared.contracts.records import BatchOutcome, Record
from shared.kafka.beginnings import Beginning, Commit, Place
from shared.kafka.member import Member, member_settings
from shared.kafka.messages import record_of
from shared.kafka.pulse import Pulse

Handler = Callable[[Sequence[Record]], Awaitable[BatchOutcome]]
Observer = Callable[[BatchOutcome, float], None]
GapHandler = Callable[[Gap], Awaitable[bool]]
"""Returns when the gap is written down durably; True: read on behind it."""

POLL_WHILE_PAUSED_SECONDS = 0.5

MAX_BATCH_BYTES = 8 * 1024 * 1024
"""A batch ends at so many bytes: a thousand events of a mebibyte each would not fit into a worker's memory, parsed."""

IDLE_SECONDS = 0.5
"""How long an empty topic is waited for at once: stopping may take as long."""

NEXT_SECONDS = 0.005
"""The same while a batch is in hand, which wants to be committed."""

STEP = 250
"""Records fetched from librdkafka at once; the bytes are looked at in between."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Batch:
    """Records in hand; `lost` are the partitions that went to another worker since they were consumed."""

    lost: set[Place] = field(default_factory=set)
    records: Sequence[Record] = ()
    handling: "asyncio.Future[BatchOutcome] | None" = None
    started: float = 0.0


async def skip_and_tell(gap: Gap) -> bool:
    """Log it and read on."""
    log.error("gap.found", extra={"facts": {"gap": str(gap)}})
    return True


class Intake:
    """The loop that takes batches of records in. `run` ends when `stop` was called, after the batch in hand is committed.

    `known` is shared by the intakes of a process: what they have committed. `pulse` tells whether this one is alive.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        handle: Handler,
        observe: Observer | None = None,
        on_gap: GapHandler = skip_and_tell,
        batch_size: int = 1000,
        linger_seconds: float = 0.02,
        client_id: str = "ponte",
        drain_seconds: float = 10.0,
        known: MutableMapping[Place, Commit] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self._handle = handle
        self._observe = observe
        self._on_gap = on_gap
        self._batch_size = batch_size
        self._linger = linger_seconds
        self._drain_seconds = drain_seconds
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._in_hand: list[_Batch] = []
        self._early: list[Message] = []
        self.pulse = pulse or Pulse()
        self.member = Member(
            member_settings(bootstrap, group, client_id), topics, {} if known is None else known, on_lost=self._on_lost
        )

    async def run(self) -> None:
        """Take batches until `stop`. Raises what the handler raises, with nothing of that batch committed."""
        await self._in_thread(self.member.join)
        try:
            while not self._stopping.is_set():
                await self._turn()
            while self._in_hand:
                await self._finish(self._in_hand[0])
        finally:
            for batch in self._in_hand:
                if batch.handling is not None:
                    batch.handling.cancel()
            await self._in_thread(self.member.close)
            self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Ask `run` to end after the batch in hand. If that cannot be written in time, it is given up, uncommitted."""
        self._stopping.set()

    async def check(self) -> None:
        """Raise BrokerUnavailable unless partitions are assigned to us: a health check."""
        if not self.member.assigned:
            msg = "no partitions are assigned yet"
            raise BrokerUnavailable(msg)

    async def _turn(self) -> None:
        """Take one batch in while the one before is handled; then see that one through."""
        if self.member.astray and not self._in_hand:
            await self._settle()
        batch = await self._in_thread(self._consume)
        if batch is not None:
            batch.started = time.monotonic()
            batch.handling = asyncio.ensure_future(self._handle(batch.records))
        self.pulse.in_hand = len(self._in_hand)
        if self._in_hand and (batch is None or len(self._in_hand) > 1):
            await self._finish(self._in_hand[0])

    async def _finish(self, batch: _Batch) -> None:
        """Wait until the batch is handled and commit it; give it up if a stopping worker cannot have it written in time."""
        handling = batch.handling
        assert handling is not None  # noqa: S101  # `_turn` has handed it over
        if not await self._see_through(handling):
            await self._give_up()
            return
        outcome = handling.result()
        self._in_hand.remove(batch)
        await self._in_thread(self._commit, batch, outcome.commit)
        self.pulse.finished += 1
        self.pulse.in_hand = len(self._in_hand)
        if self._observe is not None:
            self._observe(outcome, time.monotonic() - batch.started)

    async def _give_up(self) -> None:
        unwritten = [batch.handling for batch in self._in_hand if batch.handling is not None]
        for handling in unwritten:
            handling.cancel()
        await asyncio.wait(unwritten)
        self._in_hand.clear()

    async def _settle(self) -> None:
        """Begin what is astray, each gap told first. Nothing is in hand, so no older offset is committed after a new beginning."""
        for beginning in await self._in_thread(self.member.find_beginnings):
            goes_on = beginning.gap is None or await self._tell(beginning.gap)
            if self._stopping.is_set():
                return
            await self._in_thread(self._begin if goes_on else self._hold, beginning)

    async def _tell(self, gap: Gap) -> bool:
        telling = asyncio.ensure_future(self._on_gap(gap))
        if await self._see_through(telling):
            return telling.result()
        telling.cancel()
        return False

    async def _see_through(self, handling: "asyncio.Future[Any]") -> bool:
        """Return True when it is done, False if it cannot be within the time that a stopping worker has."""
        if not (await asyncio.wait({handling}, timeout=POLL_WHILE_PAUSED_SECONDS))[0]:
            await self._wait_paused(handling)
        return handling.done()

    async def _wait_paused(self, handling: "asyncio.Future[Any]") -> None:
        await self._in_thread(self.member.pause)
        stop_at: float | None = None
        while not handling.done():
            if self._stopping.is_set():
                stop_at = stop_at or time.monotonic() + self._drain_seconds
                if time.monotonic() > stop_at:
                    return
            await self._in_thread(self._poll_paused)
            await asyncio.wait({handling}, timeout=POLL_WHILE_PAUSED_SECONDS)
        await self._in_thread(self.member.resume)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._call, function, *arguments)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.pulse.in_call = True
        try:
            return function(*arguments)
        finally:
            self.pulse.in_call = False
            self.pulse.turns += 1

    def _on_lost(self, lost: set[Place]) -> None:
        # What is in hand goes on being written, which is harmless; its offsets are no longer ours to commit, not even when the
        # partition comes back at once: it is then read from where its other owner committed.
        for batch in self._in_hand:
            batch.lost |= lost
        self._early = [message for message in self._early if (message.topic(), message.partition()) not in lost]

    def _poll_paused(self) -> None:
        # Partitions assigned during this very call are not paused yet: what they bring must not be dropped.
        if (message := self.member.poll_paused()) is not None:
            self._early.append(message)
            self.member.pause()

    def _consume(self) -> _Batch | None:
        if self.member.astray and self._in_hand:
            return None  # what is in hand is seen through first
        patience = NEXT_SECONDS if self._in_hand else IDLE_SECONDS
        # In hand before the first record is: a partition may be lost by the very calls that consume.
        batch = _Batch()
        self._in_hand.append(batch)
        messages, self._early = self._early, []
        messages = messages or self.member.consume(1, patience)
        if messages:
            self._fill(messages)
        if len(messages) < self._batch_size:
            self.pulse.positions = self.member.positions()
            self.pulse.drained += 1
        batch.records = [record_of(message) for message in messages if self.member.is_record(message)]
        if not batch.records:
            self._in_hand.remove(batch)
            return None
        return batch

    def _fill(self, messages: list[Message]) -> None:
        until = time.monotonic() + self._linger
        size = 0
        while (room := self._batch_size - len(messages)) > 0 and size < MAX_BATCH_BYTES:
            more = self.member.consume(min(room, STEP), max(until - time.monotonic(), 0))
            messages += more
            size += sum(map(len, more))
            if not more or time.monotonic() >= until:
                return

    def _commit(self, batch: _Batch, offsets: Mapping[Place, int]) -> None:
        self.member.commit({place: offset for place, offset in offsets.items() if place not in batch.lost})

    def _begin(self, beginning: Beginning) -> None:
        self.member.begin(beginning)

    def _hold(self, beginning: Beginning) -> None:
        self.member.hold(beginning.place)

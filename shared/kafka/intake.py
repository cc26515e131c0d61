"""Batches in: consume, hand to a handler, commit what is durable. Only an intake commits the offsets of its topics.

While one batch is written, the next is taken in and handed over; a handler to whom order matters waits for its turn. If the handler
takes long, or backs off from a failure, the client's thread keeps polling with the partitions paused, so that a slow database never
costs the membership. A batch is handled whole or not at all; its offsets are committed after the handler returned, oldest batch
first, so a crash in between redelivers it, and the handler must bear that.

Dead letters that nobody takes hold their partition alone: it rests, uncommitted beyond them, and they are offered again until somebody
takes them. Where records are missing nobody jumps silently: `on_gap` is told, and says whether to read on behind the gap.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.gaps import Gap
from shared.contracts.records import BatchOutcome, DeadLetter, Place, Record, Untaken
from shared.kafka.beginnings import Beginning, Commit
from shared.kafka.client_thread import ClientThread
from shared.kafka.holds import Hold, Holds, PutAside
from shared.kafka.in_hand import Batch, InHand
from shared.kafka.lag import Mark
from shared.kafka.member import Member
from shared.kafka.member_settings import Assignor, member_settings
from shared.kafka.patience import Patience
from shared.kafka.pulse import Pulse

Handler = Callable[[Sequence[Record]], Awaitable[BatchOutcome]]
Observer = Callable[[BatchOutcome, float], None]
GapHandler = Callable[[Gap], Awaitable[bool]]
"""Returns when the gap is written down durably; True: read on behind it."""

log = logging.getLogger(__name__)


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
        put_aside: PutAside | None = None,
        batch_size: int,
        linger_seconds: float = 0.02,
        client_id: str = "ponte",
        assignor: Assignor = "range",
        drain_seconds: float = 10.0,
        known: MutableMapping[Place, Commit] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self._handle = handle
        self._observe = observe
        self._on_gap = on_gap
        self._put_aside = put_aside or PutAside()
        self._stopping = asyncio.Event()
        self._offering: asyncio.Task[None] | None = None
        self._holds = Holds(self._put_aside)
        self.pulse = pulse or Pulse()
        self._thread = ClientThread(self.pulse)
        settings = member_settings(bootstrap, group, client_id, assignor)
        self.member = Member(settings, topics, {} if known is None else known, on_lost=self._on_lost)
        self._in_hand = InHand(self.member, size=batch_size, linger=linger_seconds)
        self._patience = Patience(
            self._thread,
            self.member,
            keep=self._in_hand.keep_early,
            stopping=self._stopping,
            drain_seconds=drain_seconds,
        )

    async def run(self) -> None:
        """Take batches until `stop`. Raises what the handler raises, with nothing of that batch committed."""
        await self._thread.call(self.member.join)
        try:
            while not self._stopping.is_set():
                await self._turn()
            while self._in_hand.batches:
                await self._finish(self._in_hand.batches[0])
        finally:
            for task in [*(batch.handling for batch in self._in_hand.batches), self._offering]:
                if task is not None:
                    task.cancel()
            await self._thread.call(self.member.close)
            self._thread.end()

    def stop(self) -> None:
        """Ask `run` to end after the batch in hand. If that cannot be written in time, it is given up, uncommitted."""
        self._stopping.set()

    async def check(self) -> None:
        """Raise BrokerUnavailable unless partitions are assigned to us: a health check."""
        if not self.member.assigned:
            msg = "no partitions are assigned yet"
            raise BrokerUnavailable(msg)

    @property
    def marks(self) -> Mapping[Place, Mark]:
        """How far each partition is committed and where it ends, about a second ago."""
        return self.member.marks

    def holds(self) -> Mapping[Place, Hold]:
        """Return the partitions that wait for somebody to take their dead letters."""
        return self._holds.all()

    def oldest_in_hand(self) -> datetime | None:
        """Return when the oldest record was published that is taken in and not committed; None: there is none."""
        held = [hold.first.letter.record.timestamp for hold in self.holds().values()]
        return min([*held, *filter(None, [self._in_hand.oldest()])], default=None)

    async def _turn(self) -> None:
        """Take one batch in while the one before is handled; then see that one through."""
        if self.member.unsettled() and not self._in_hand.batches:
            await self._settle()
        batch = None if self._holds.are_full else await self._thread.call(self._take_in)
        if batch is not None:
            batch.started = time.monotonic()
            batch.handling = asyncio.ensure_future(self._handle(batch.records))
        self.pulse.in_hand = len(self._in_hand.batches)
        if self._in_hand.batches and (batch is None or len(self._in_hand.batches) > 1):
            await self._finish(self._in_hand.batches[0])
        elif self._holds.are_full:
            await self._patience.rest()
        self._see_to_offers()

    async def _finish(self, batch: Batch) -> None:
        """Wait until the batch is handled and commit it; give it up if a stopping worker cannot have it written in time."""
        handling = batch.handling
        assert handling is not None  # noqa: S101  # `_turn` has handed it over
        if not await self._patience.see_through(handling):
            await self._give_up()
            return
        outcome = handling.result()
        self._in_hand.batches.remove(batch)
        await self._thread.call(self._commit, batch, outcome)
        self.pulse.finished += 1
        self.pulse.in_hand = len(self._in_hand.batches)
        if self._observe is not None:
            self._observe(outcome, time.monotonic() - batch.started)

    async def _give_up(self) -> None:
        unwritten = [batch.handling for batch in self._in_hand.batches if batch.handling is not None]
        for handling in unwritten:
            handling.cancel()
        await asyncio.wait(unwritten)
        self._in_hand.batches.clear()

    def _see_to_offers(self) -> None:
        """Have the letters that wait offered again, beside the batches. What went wrong there ends the intake."""
        if self._offering is not None and self._offering.done():
            self._offering.result()
            self._offering = None
        if self._offering is None and self._holds.places:
            self._offering = asyncio.ensure_future(self._offer_again())

    async def _offer_again(self) -> None:
        while (seconds := self._holds.seconds_until_due()) is not None:
            await asyncio.sleep(seconds)
            if letters := self._holds.find_due():
                untaken = await self._put_aside.offer(letters)
                await self._thread.call(self._take, letters, untaken)

    async def _settle(self) -> None:
        """Begin what is astray, each gap told first. Nothing is in hand, so no older offset is committed after a new beginning."""
        for beginning in await self._thread.call(self.member.find_beginnings):
            goes_on = beginning.gap is None or await self._tell(beginning.gap)
            if self._stopping.is_set():
                return
            if goes_on:
                await self._thread.call(self._begin, beginning)
            else:
                await self._thread.call(self.member.leave, beginning.place)

    async def _tell(self, gap: Gap) -> bool:
        telling = asyncio.ensure_future(self._on_gap(gap))
        if await self._patience.see_through(telling):
            return telling.result()
        telling.cancel()
        return False

    # What follows runs in the client's thread.

    def _on_lost(self, lost: set[Place]) -> None:
        self._in_hand.lose(lost)
        self._holds.drop(lost)

    def _begin(self, beginning: Beginning) -> None:
        # A rebalance that waits is heard of first: librdkafka takes what `begin` does for the answer to it, and mixes up who rests.
        if (message := self.member.poll_paused()) is not None:
            self._in_hand.keep_early(message)
        self.member.begin(beginning)

    def _take_in(self) -> Batch | None:
        if self.member.unsettled() and self._in_hand.batches:
            return None  # what is in hand is seen through first
        batch, is_all = self._in_hand.take_in()
        if is_all:
            self.pulse.positions = self.member.positions()
            self.pulse.drained += 1
        self.member.tend()
        return batch

    def _commit(self, batch: Batch, outcome: BatchOutcome) -> None:
        self.member.commits.commit(self._holds.settle(outcome, batch.lost))
        self.member.hold(set(self._holds.places))

    def _take(self, offered: Sequence[DeadLetter], untaken: Sequence[Untaken]) -> None:
        self.member.commits.commit(self._holds.take(offered, untaken))
        self.member.hold(set(self._holds.places))

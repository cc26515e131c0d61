"""What a member has committed, and commits. A refused commit costs a redelivery, never an event: it is logged, and tried again.

Nobody waits for the broker here: after an outage librdkafka may keep a commit for a minute before it says anything, and whoever waits in
that call polls no more. One commit is under way at a time, with a rest after it; what comes meanwhile goes with the next one. The answer
comes in the thread that polls.
"""

import logging
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from confluent_kafka import TopicPartition

from shared.contracts.records import Place
from shared.kafka.beginnings import Beginning, Beginnings, Commit

REST_SECONDS = 0.1
"""From one commit to the next: each is a record that the broker writes, and small batches come by the dozen."""

AGAIN_SECONDS = 1.0
"""After a refusal."""

ANSWER_SECONDS = 10.0
"""So long an answer is waited for; then the same is committed again. Doing it twice harms nobody."""

log = logging.getLogger(__name__)


class Commits:
    """The commits of the partitions that are ours. `done`: (topic, partition) → the next offset; below 0: there is none yet.

    `send` asks the broker and does not wait; `heed` is to be called with what it says. `remember` hears what is committed.
    """

    def __init__(
        self,
        send: Callable[[list[TopicPartition]], object],
        remember: Callable[[Place, Commit], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done: dict[Place, int] = {}
        self._ask = send
        self._remember = remember
        self._clock = clock
        self._ids: dict[Place, str] = {}
        self._owed: dict[Place, int] = {}
        self._owed_from = 0.0
        self._under_way: dict[Place, int] = {}
        self._under_way_until = 0.0

    @property
    def are_settled(self) -> bool:
        """Whether the broker has said yes to all that was given."""
        return not self._owed and not self._under_way

    def begin(self, beginning: Beginning) -> None:
        """Know a partition that is read from now on."""
        self.done[beginning.place] = beginning.offset
        self._ids[beginning.place] = beginning.topic_id

    def part(self, lost: AbstractSet[Place]) -> None:
        """Let go of partitions that go away. What is owed of them is sent before they go; nobody waits for the answer."""
        if last := {place: offset for place, offset in self._owed.items() if place in lost}:
            self._send(last)
        for place in lost:
            for known in (self.done, self._ids, self._owed, self._under_way):
                known.pop(place, None)

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """Commit what is durable, now or with the next commit, after a rest."""
        self._owed |= offsets
        self._go_on()

    def tend(self) -> None:
        """Send what is owed, in its time, and again what was refused or not answered."""
        if self._under_way and self._clock() >= self._under_way_until:
            log.warning("commit.unanswered", extra={"facts": {"places": len(self._under_way)}})
            self._owed = self._under_way | self._owed
            self._under_way = {}
        self._go_on()

    def heed(self, answered: Mapping[Place, int], refused: Mapping[Place, str]) -> None:
        """Take the broker's answer in: which offsets it is about, and why it refuses some of them. An answer that comes too late, or
        of partitions that went away, tells nothing.
        """
        ours = {place: offset for place, offset in answered.items() if self._under_way.get(place) == offset}
        for place in ours.keys() - refused.keys():
            self._take(place, self._under_way.pop(place))
        if owed := {place: self._under_way.pop(place) for place in ours.keys() & refused.keys()}:
            log.warning("commit.refused", extra={"facts": {"why": refused[next(iter(owed))], "places": len(owed)}})
            self._owed = owed | self._owed
            self._owed_from = self._clock() + AGAIN_SECONDS
        self._go_on()

    def _take(self, place: Place, offset: int) -> None:
        self.done[place] = offset
        self._remember(place, (offset, self._ids.get(place, "")))

    def _go_on(self) -> None:
        if self._owed and not self._under_way and self._clock() >= self._owed_from:
            self._under_way, self._owed = self._owed, {}
            self._under_way_until = self._clock() + ANSWER_SECONDS
            self._owed_from = self._clock() + REST_SECONDS
            self._send(self._under_way)

    def _send(self, offsets: Mapping[Place, int]) -> None:
        metadata = {place: Beginnings.metadata(self._ids.get(place, "")) for place in offsets}
        self._ask([TopicPartition(*place, offset, metadata=metadata[place]) for place, offset in offsets.items()])

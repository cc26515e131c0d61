"""One member of a consumer group: librdkafka's client as the intake uses it. Every method belongs to the one thread that polls.

The client may be changed for another, where it has lost Kafka for good (contact.py): all its partitions are then lost, as in a rebalance.

A partition that cannot be begun or read on where it should is *astray*: it rests until somebody was told of the gap. Then it is
begun again behind the gap, or *left*. One is *held* while a bad record of it waits for somebody who puts it aside (holds.py).
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.records import Place
from shared.kafka.address import reach_of
from shared.kafka.beginnings import ASK_SECONDS, Beginning, Beginnings, Commit
from shared.kafka.commits import Commits
from shared.kafka.contact import TELL_EVERY_MS, Contact
from shared.kafka.lag import Mark
from shared.kafka.probe import Probe

NO_OFFSET = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION})  # noqa: SLF001  # librdkafka's own names
FATAL = frozenset({KafkaError._FATAL, KafkaError.TOPIC_AUTHORIZATION_FAILED})  # noqa: SLF001
"""A fatal error may come as an ordinary one with this code: a client that went on polling would be silent for ever."""

MARK_EVERY_SECONDS = 1.0

LEAVE_SECONDS = 5.0
"""Beyond them a commit is given up by one who leaves: whoever reads on takes the same records once more."""

ANSWER_POLL_SECONDS = 0.01
"""A poll says nothing of an answer that came: it ends after so long."""

log = logging.getLogger(__name__)
client_log = logging.getLogger("librdkafka")


class Member:
    """Joins with `settings` of librdkafka's. `on_lost` hears of partitions that went away, before they go."""

    def __init__(
        self,
        settings: Mapping[str, object],
        topics: Sequence[str],
        known: MutableMapping[Place, Commit],
        *,
        on_lost: Callable[[set[Place]], None],
    ) -> None:
        self.assigned: set[Place] = set()
        self.astray: dict[Place, int | None] = {}
        self.left: set[Place] = set()
        self.held: AbstractSet[Place] = frozenset()
        self._tell_lost = on_lost
        self._begun: dict[Place, int] = {}
        self.marks: Mapping[Place, Mark] = {}
        self._marked_at = 0.0
        self._is_paused = False
        self._topics = list(topics)
        self._settings = settings
        reach = reach_of(settings)
        self._probe = Probe(reach)
        self._consumer, self._contact = self._connect()
        self._beginnings = Beginnings(self._ask_ends, known, reach=reach, group=str(settings["group.id"]))
        self.commits = Commits(self._ask_to_commit, self._beginnings.remember)

    def join(self) -> None:
        """Subscribe; partitions come by later calls."""
        self._consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def renew(self) -> None:
        """Join again by another client. The old one is closed in a thread of its own, since nobody knows how long that takes."""
        log.warning("client.renewed", extra={"facts": {"kind": "consumer", "places": len(self.assigned)}})
        old = self._consumer
        self._let_go(set(self.assigned))
        self._consumer, self._contact = self._connect()
        threading.Thread(target=old.close, name="old-client", daemon=True).start()
        self.join()

    def close(self) -> None:
        """Leave the group, what is durable being committed, unless the broker says nothing for some seconds."""
        self.pause()
        until = time.monotonic() + LEAVE_SECONDS
        while not self.commits.are_settled and time.monotonic() < until:
            self._consumer.poll(ANSWER_POLL_SECONDS)
            self.commits.tend()
        self._consumer.close()

    def consume(self, most: int, patience: float) -> list[Message]:
        """Return at most `most` messages, errors among them, as soon as there are some."""
        messages: list[Message] = self._consumer.consume(most, timeout=patience)
        return messages

    def is_record(self, message: Message) -> bool:
        """Say whether it is one; an error is heeded. Raise BrokerUnavailable when this client can go on no more."""
        error = message.error()
        if error is None:
            return True
        if error.fatal() or error.code() in FATAL:
            raise BrokerUnavailable(error.str())
        place = (message.topic() or "", message.partition() or 0)
        if error.code() in NO_OFFSET and place in self.assigned - self.left:
            self.astray[place] = message.offset()
        return False

    def poll_paused(self) -> Message | None:
        """Keep the membership. Partitions assigned during this very call are not paused: one message may come of them."""
        return self._consumer.poll(0)

    def pause(self) -> None:
        """Take nothing from any partition, and go on polling."""
        self._is_paused = True
        self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """Take again, from every partition that may be read."""
        self._is_paused = False
        self._consumer.resume([at for at in self._consumer.assignment() if self._may_be_read((at.topic, at.partition))])

    def hold(self, places: AbstractSet[Place]) -> None:
        """Take nothing from these partitions, and again from those that were held before and are not among them."""
        if places == self.held:
            return
        before, self.held = self.held, places & self.assigned
        self._consumer.pause([TopicPartition(*place) for place in self.held - before])
        if not self._is_paused:
            released = [place for place in before - self.held if place in self.assigned and self._may_be_read(place)]
            self._consumer.resume([TopicPartition(*place) for place in released])

    def positions(self) -> dict[Place, int]:
        """Return the next offset of each partition that is read; nothing is asked of the broker."""
        begun = {place: offset for place, offset in self._begun.items() if self._may_be_read(place)}
        taken = self._consumer.position([TopicPartition(*place) for place in begun])
        return begun | {(at.topic, at.partition): at.offset for at in taken if at.offset >= 0}

    def tend(self) -> None:
        """See to the client and the commits; note how far each partition is committed and where it ends, once a second."""
        if self._contact.is_lost():
            self.renew()
        self.commits.tend()
        if time.monotonic() >= self._marked_at + MARK_EVERY_SECONDS:
            self.marks = {place: self._mark(place) for place in sorted(self.assigned)}
            self._marked_at = time.monotonic()

    def unsettled(self) -> list[Place]:
        """Return the partitions that are astray and may be begun: one that is held has an older offset to commit first."""
        return sorted(self.astray.keys() - self.held)

    def find_beginnings(self) -> list[Beginning]:
        """Return where each partition that is unsettled can be begun; none while the broker cannot say."""
        places = self.unsettled()
        try:
            return self._beginnings.find_again(places, self.astray)
        except KafkaException as error:
            log.warning("partitions.astray", extra={"facts": {"places": len(places), "why": str(error)}})
            return []

    def begin(self, beginning: Beginning) -> None:
        """Read a partition that was astray from there on."""
        self.astray.pop(beginning.place, None)
        if beginning.place not in self.assigned:
            return
        at = TopicPartition(*beginning.place, beginning.offset)
        # A seek is refused by a partition that had no offset.
        self._consumer.incremental_unassign([at])
        self._consumer.incremental_assign([at])
        self._consumer.resume([at])
        self._know(beginning)
        self.commits.commit({beginning.place: beginning.offset})

    def leave(self, place: Place) -> None:
        """Leave a partition that was astray as it is, unread, for as long as it is ours."""
        self.astray.pop(place, None)
        if place in self.assigned:
            self.left.add(place)

    def _connect(self) -> tuple[Consumer, Contact]:
        contact = Contact(self._probe.answers)

        def on_commit(error: KafkaError | None, answers: list[TopicPartition]) -> None:
            if contact is self._contact:  # an old client answers in the thread that closes it
                self._on_commit(error, answers)

        told = {"on_commit": on_commit, "stats_cb": contact.hear, "statistics.interval.ms": TELL_EVERY_MS}
        return Consumer({**self._settings, **told}, logger=client_log), contact

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = _places(partitions)
        self.assigned |= places
        found = self._find(sorted(places)) if places else []
        consumer.incremental_assign([TopicPartition(*one.place, one.offset) for one in found] or partitions)
        for one in found:
            self._know(one)
        self.astray.update({one.place: None for one in found if one.gap})
        # librdkafka remembers that a partition was paused when it went away: given back, it would be silent for ever.
        resting = [TopicPartition(*place) for place in places if self._is_paused or place in self.astray]
        consumer.resume([TopicPartition(*place) for place in places])
        consumer.pause(resting)

    def _find(self, places: Sequence[Place]) -> list[Beginning]:
        try:
            return self._beginnings.find(places)
        except KafkaException as error:
            log.warning("partitions.astray", extra={"facts": {"places": len(places), "why": str(error)}})
            self.astray.update(dict.fromkeys(places))
            return []

    def _ask_ends(self, at: TopicPartition) -> tuple[int, int]:
        first, end = self._consumer.get_watermark_offsets(at, timeout=ASK_SECONDS)
        return first, end

    def _ask_to_commit(self, offsets: list[TopicPartition]) -> None:
        self._consumer.commit(offsets=offsets, asynchronous=True)

    def _on_commit(self, error: KafkaError | None, answers: list[TopicPartition]) -> None:
        refusals = {(at.topic, at.partition): at.error or error for at in answers}
        refused = {place: str(why) for place, why in refusals.items() if why}
        self.commits.heed({(at.topic, at.partition): at.offset for at in answers}, refused)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is self._consumer:
            self._let_go(_places(partitions))
        consumer.incremental_unassign(partitions)

    def _let_go(self, lost: set[Place]) -> None:
        self._tell_lost(lost)
        self.assigned -= lost
        self.held -= lost
        self.left -= lost
        self.commits.part(lost)
        for place in lost:
            self.astray.pop(place, None)
            self._begun.pop(place, None)

    def _may_be_read(self, place: Place) -> bool:
        return not any(place in resting for resting in (self.held, self.left, self.astray))

    def _know(self, beginning: Beginning) -> None:
        self._begun[beginning.place] = beginning.offset
        self.commits.begin(beginning)

    def _mark(self, place: Place) -> Mark:
        first, end = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        committed = self.commits.done.get(place, OFFSET_INVALID)
        is_read = not self._is_paused and self._may_be_read(place)
        return Mark(first if committed == OFFSET_BEGINNING else committed, end, is_read=is_read)


def _places(partitions: Sequence[TopicPartition]) -> set[Place]:
    return {(place.topic, place.partition) for place in partitions}

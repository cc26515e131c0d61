"""What a member has committed, and commits. A refused commit costs a redelivery, never an event: it is logged, and tried again."""

import logging
import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.kafka.beginnings import Beginning, Beginnings, Place

AGAIN_SECONDS = 5.0

log = logging.getLogger(__name__)


class Commits:
    """The commits of the partitions that are ours. `done`: (topic, partition) → the next offset; below 0: there is none yet."""

    def __init__(self, consumer: Consumer, beginnings: Beginnings) -> None:
        self.done: dict[Place, int] = {}
        self._consumer = consumer
        self._beginnings = beginnings
        self._ids: dict[Place, str] = {}
        self._owed: dict[Place, int] = {}
        self._owed_at = 0.0

    def begin(self, beginning: Beginning) -> None:
        """Know a partition that is read from now on."""
        self.done[beginning.place] = beginning.offset
        self._ids[beginning.place] = beginning.topic_id

    def forget(self, lost: AbstractSet[Place]) -> None:
        """Know nothing more of partitions that went away."""
        for place in lost:
            for known in (self.done, self._ids, self._owed):
                known.pop(place, None)

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """Commit what is durable, and what was refused before. Raise KafkaException when this client can go on no more."""
        offsets = self._owed | dict(offsets)
        if not offsets:
            return
        try:
            answers = self._consumer.commit(offsets=self._named(offsets), asynchronous=False) or ()
        except KafkaException as error:
            if error.args[0].fatal():
                raise
            self._owe(offsets, str(error))
            return
        refused = {(at.topic, at.partition): at.error for at in answers if at.error}
        for place in offsets.keys() - refused.keys():
            self.done[place] = offsets[place]
            self._owed.pop(place, None)
            self._beginnings.remember(place, (offsets[place], self._ids.get(place, "")))
        if refused:
            self._owe({place: offsets[place] for place in refused}, str(next(iter(refused.values()))))

    def commit_owed(self) -> None:
        """Try again what was refused, every few seconds."""
        if self._owed and time.monotonic() >= self._owed_at:
            self.commit({})

    def _named(self, offsets: Mapping[Place, int]) -> list[TopicPartition]:
        metadata = {place: Beginnings.metadata(self._ids.get(place, "")) for place in offsets}
        return [TopicPartition(*place, offset, metadata=metadata[place]) for place, offset in offsets.items()]

    def _owe(self, offsets: Mapping[Place, int], why: str) -> None:
        log.warning("commit.refused", extra={"facts": {"why": why, "places": len(offsets)}})
        self._owed |= offsets
        self._owed_at = time.monotonic() + AGAIN_SECONDS

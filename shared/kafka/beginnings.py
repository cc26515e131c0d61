"""Where a member begins to read each of its partitions. Never left to `auto.offset.reset`, which would jump silently.

Without a commit: at the first record. With one: there, unless the topic was made again since: a commit's metadata holds the id of
the topic that it belongs to. Everything else is a gap. The broker forgets what was committed of a topic that is deleted, so what
this process committed is remembered here too.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from shared.contracts.gaps import Gap, Reason
from shared.contracts.records import Place
from shared.kafka.look_up import look_up

Commit = tuple[int, str]
"""An offset, and the id of the topic that it belongs to; the id is empty where somebody else committed."""

AskEnds = Callable[[TopicPartition], tuple[int, int]]

ASK_SECONDS = 5.0

PATIENCES = (1.0, 2.0, 5.0)
METADATA = "topic-id="
"""A commit's metadata may be somebody else's; ours begins so."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to begin a partition; `offset` may be OFFSET_BEGINNING. `gap` is what is missing before it."""

    place: Place
    offset: int
    topic_id: str
    gap: Gap | None = None


class Beginnings:
    """Asks the broker; `ask_ends` for the first and the next offset of a partition. `known` is what this process has committed, shared
    by its members; `reach`: how a client reaches the cluster (address.py).
    """

    def __init__(
        self, ask_ends: AskEnds, known: MutableMapping[Place, Commit], *, reach: Mapping[str, object], group: str
    ) -> None:
        self._ask_ends = ask_ends
        self._known = known
        self._reach = reach
        self._group = group

    def remember(self, place: Place, commit: Commit) -> None:
        """Keep what was committed."""
        self._known[place] = commit

    @staticmethod
    def metadata(topic_id: str) -> str:
        """Return what a commit says of the topic that it belongs to."""
        return f"{METADATA}{topic_id}" if topic_id else ""

    def find(self, places: Sequence[Place]) -> list[Beginning]:
        """Return where to begin, as the commits say: two questions. A commit that the broker no longer has is found out later,
        by the client; one of another topic now: as a gap. Raise KafkaException while the broker cannot say.
        """
        return [self._as_committed(at, topic_id) for at, topic_id in self._look_up(places)]

    def find_again(self, places: Sequence[Place], positions: MutableMapping[Place, int | None]) -> list[Beginning]:
        """Return where to begin partitions that cannot go on at their `positions`, the gap measured. Raise KafkaException."""
        return [
            self._measured(at, topic_id, positions[at.topic, at.partition]) for at, topic_id in self._look_up(places)
        ]

    def _look_up(self, places: Sequence[Place]) -> list[tuple[TopicPartition, str]]:
        """Return what the group has committed, and the id of the topic that is there now. Asked more than once, by a fresh client each
        time: one that meets a broker which was just thawed may learn of no broker, and look for none.
        """
        for patience in PATIENCES:
            try:
                return look_up(self._reach, self._group, places, patience)
            except KafkaException as error:
                # Its trace would hold this frame and the client that asked, until somebody collects what holds one another.
                refusal = error.with_traceback(None)
        raise refusal

    def _as_committed(self, at: TopicPartition, topic_id: str) -> Beginning:
        offset, told = self._last_commit(at)
        gap = self._gap(at, offset, 0, "recreated") if _differ(told, topic_id) else None
        return Beginning((at.topic, at.partition), at.offset if at.offset >= 0 else OFFSET_BEGINNING, topic_id, gap)

    def _measured(self, at: TopicPartition, topic_id: str, position: int | None) -> Beginning:
        place = (at.topic, at.partition)
        first, end = self._ask_ends(at)
        committed, told = self._last_commit(at)
        wanted = committed if position is None else position
        if _differ(told, topic_id):
            return Beginning(place, first, topic_id, self._gap(at, wanted, first, "recreated"))
        if wanted < 0 or first <= wanted <= end:
            return Beginning(place, max(wanted, first), topic_id)
        reason: Reason = "deleted" if wanted < first else "beyond the end"
        return Beginning(place, first, topic_id, self._gap(at, wanted, first, reason))

    def _last_commit(self, at: TopicPartition) -> Commit:
        if at.offset >= 0:
            told = at.metadata or ""
            return at.offset, told.removeprefix(METADATA) if told.startswith(METADATA) else ""
        return self._known.get((at.topic, at.partition), (at.offset, ""))

    def _gap(self, at: TopicPartition, wanted: int, found: int, reason: Reason) -> Gap:
        return Gap(self._group, at.topic, at.partition, wanted, found, reason)


def _differ(told: str, topic_id: str) -> bool:
    return bool(told and topic_id) and told != topic_id

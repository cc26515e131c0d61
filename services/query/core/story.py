"""The story of one id: all entries that have it, and their attempts on one time line."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import zip_longest

from services.query.core.leaf import Leaf
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.events import attempt_id
from shared.contracts.names import KINDS

Place = tuple[str, int, str, str, str]
"""Where an attempt stands on the line: its version (order text, sequence or -1, source, event id), then its id.

So the line has each entry's attempts in the order of its own history. Several entries may be told of by one event: the id tells those apart.
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """One attempt on the line."""

    place: Place
    attempt: Attempt

    @property
    def entry_id(self) -> str:
        """The entry that was attempted."""
        return self.attempt.id.partition("\x1f")[0]


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to everything that has `id`, newest first.

    `whole`: ids of the entries whose whole history stands on the line; of the others, which have too many attempts, the newest one does.
    `is_complete`: no other entry has the id.
    """

    id: str
    entries: Sequence[LogEntry]
    whole: AbstractSet[str]
    is_complete: bool
    line: Leaf[Moment]

    def entry_of(self, moment: Moment) -> LogEntry:
        """Return the entry that was attempted."""
        return next(entry for entry in self.entries if entry.id == moment.entry_id)

    def is_current(self, moment: Moment) -> bool:
        """Say whether the attempt is its entry's state."""
        return moment.place[:4] == tuple(self.entry_of(moment).version)


def deal(by_kind: Iterable[Sequence[LogEntry]], most: int) -> list[LogEntry]:
    """Return up to `most` entries by kind, affiliate and code: where there are more, of each kind as many as of the others, while it has any."""
    dealt = [entry for turn in zip_longest(*by_kind) for entry in turn if entry is not None]
    return sorted(dealt[:most], key=lambda entry: (KINDS.index(entry.kind), entry.affiliate, entry.code))


def state_of(entry: LogEntry) -> Moment:
    """Return the attempt that is the entry's state."""
    order, sequence, source, event_id = entry.version
    attempt = Attempt(
        id=attempt_id(entry.id, source, event_id),
        status=entry.status,
        processed_at=entry.processed_at,
        received_at=entry.received_at,
        sequence=entry.sequence,
        reprocess_id=entry.reprocess_id,
        source=source,
        event_id=event_id,
        causes=entry.causes,
        payload=None,
        log=entry.log,
    )
    return Moment((order, sequence, source, event_id, attempt.id), attempt)


def merge(
    states: Iterable[Moment], older: Iterable[Moment], after: Place | None, *, ascending: bool, limit: int
) -> list[Moment]:
    """Return the first `limit` moments beyond `after`, newest first or oldest first; `older` are the first ones beyond it already."""
    beyond = [one for one in states if after is None or (one.place > after if ascending else one.place < after)]
    return sorted([*beyond, *older], key=lambda one: one.place, reverse=not ascending)[:limit]

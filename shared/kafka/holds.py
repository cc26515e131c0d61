"""Partitions that wait at a record which cannot be used and which nobody puts aside: how far each may be committed, what is tried again, when.

The good records behind such a record are written all the same, those that were in hand with it; no more are taken in. So what waits is
small, nothing has to be read again, and once its letters are taken the partition goes on where it stood.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from shared.contracts.errors import Defect
from shared.contracts.records import Address, BatchOutcome, DeadLetter, Place, Untaken

MAX_HELD_BYTES = 32 * 1024 * 1024

TELL_EVERY_TRIES = 12
"""At the longest pause between two tries that is once a minute."""

LATE = frozenset({"", "_MSG_TIMED_OUT", "_TIMED_OUT", "REQUEST_TIMED_OUT"})
"""Reasons that only say that nobody answered in time: a partition whose leader moves to another broker is there again within seconds."""

log = logging.getLogger(__name__)


async def _nobody(_: Sequence[DeadLetter]) -> Sequence[Untaken]:
    msg = "a handler left dead letters to an intake that has nobody to offer them to: give it a PutAside"
    raise Defect(msg)


@dataclass(frozen=True, slots=True)
class PutAside:
    """How letters are tried again: `offer` returns those that nobody took, `delay_before` the seconds to wait before try number n.

    With more than `most_bytes` of them waiting, the whole intake takes in no more.
    """

    offer: Callable[[Sequence[DeadLetter]], Awaitable[Sequence[Untaken]]] = _nobody
    delay_before: Callable[[int], float] = float
    most_bytes: int = MAX_HELD_BYTES


@dataclass(slots=True)
class Hold:
    """One partition. `untaken`: its letters, in order, never none; `then`: what may be committed once all are taken.

    `since` and `due`, when it is tried next, are seconds of a monotonic clock; `tries`: how often in vain since one was taken.
    """

    untaken: list[Untaken]
    then: int
    since: float
    due: float
    tries: int = 1

    @property
    def first(self) -> Untaken:
        """The letter that the partition waits at."""
        return self.untaken[0]

    @property
    def stands_at(self) -> int:
        """The offset of that letter's record: so far it may be committed now."""
        return self.first.letter.record.address.offset

    def to_offer(self) -> list[DeadLetter]:
        """Return what is tried next: one letter while there is no hope, all of them once one was taken."""
        return [one.letter for one in (self.untaken[:1] if self.tries else self.untaken)]


class Holds:
    """All holds of one intake. Changed by the thread of its client alone; others may look."""

    def __init__(self, put_aside: PutAside, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._put_aside = put_aside
        self._clock = clock
        self._holds: dict[Place, Hold] = {}

    @property
    def places(self) -> AbstractSet[Place]:
        """The partitions that wait."""
        return self._holds.keys()

    @property
    def are_full(self) -> bool:
        """Whether no more may be taken in."""
        waiting = [one.letter.record for hold in self.all().values() for one in hold.untaken]
        return sum(len(record.value or b"") for record in waiting) > self._put_aside.most_bytes

    def all(self) -> Mapping[Place, Hold]:
        """Return the holds as they stand."""
        return dict(self._holds)

    def settle(self, outcome: BatchOutcome, lost: AbstractSet[Place]) -> dict[Place, int]:
        """Return what may be committed of a batch that is done, but for partitions that were lost meanwhile; hold what must wait."""
        ours = {place: offset for place, offset in outcome.commit.items() if place not in lost}
        waiting = sorted(outcome.untaken, key=lambda one: one.letter.record.address)
        for place, offset in ours.items():
            untaken = [one for one in waiting if _place_of(one.letter) == place]
            if place in self._holds:
                self._holds[place].untaken += untaken
                self._holds[place].then = offset
                ours = {other: at for other, at in ours.items() if other != place}
            elif untaken:
                ours[place] = self._hold(place, untaken, offset).stands_at
        return ours

    def find_due(self) -> list[DeadLetter]:
        """Return the letters that are to be offered now."""
        now = self._clock()
        return [letter for hold in self.all().values() if hold.due <= now for letter in hold.to_offer()]

    def seconds_until_due(self) -> float | None:
        """Return how long until something is to be offered; None: nothing waits."""
        return max(min(hold.due for hold in holds.values()) - self._clock(), 0) if (holds := self.all()) else None

    def take(self, offered: Sequence[DeadLetter], untaken: Sequence[Untaken]) -> dict[Place, int]:
        """Return what may be committed after an offer. A partition none of whose letters waits any longer goes on."""
        refused = {one.letter.record.address: one for one in untaken}
        gone = {letter.record.address for letter in offered} - refused.keys()
        commits = {}
        for place in {_place_of(letter) for letter in offered} & self._holds.keys():
            hold = self._holds[place]
            left = [_retold(one, refused) for one in hold.untaken if one.letter.record.address not in gone]
            if left:
                has_hope = not any(_place_of(one.letter) == place for one in untaken)
                self._put_off(place, hold, left, has_hope=has_hope)
            commits[place] = hold.stands_at if left else self._release(place)
        return commits

    def drop(self, lost: AbstractSet[Place]) -> None:
        """Forget partitions that went to another worker, which meets the same records."""
        for place in lost & self._holds.keys():
            del self._holds[place]

    def _hold(self, place: Place, untaken: list[Untaken], then: int) -> Hold:
        now = self._clock()
        hold = self._holds[place] = Hold(untaken, then, now, now + self._put_aside.delay_before(1))
        level = logging.WARNING if hold.first.error in LATE else logging.ERROR
        log.log(level, "partition.held", extra={"facts": _facts(place, hold)})
        return hold

    def _put_off(self, place: Place, hold: Hold, left: list[Untaken], *, has_hope: bool) -> None:
        hold.untaken = left
        hold.tries = 0 if has_hope else hold.tries + 1
        hold.due = self._clock() + (self._put_aside.delay_before(hold.tries) if hold.tries else 0)
        if hold.tries and hold.tries % TELL_EVERY_TRIES == 0:
            log.error("partition.held", extra={"facts": _facts(place, hold)})

    def _release(self, place: Place) -> int:
        hold = self._holds.pop(place)
        facts = {"topic": place[0], "partition": place[1], "seconds": round(self._clock() - hold.since, 1)}
        log.warning("partition.released", extra={"facts": facts})
        return hold.then


def _retold(one: Untaken, refused: Mapping[Address, Untaken]) -> Untaken:
    return refused.get(one.letter.record.address, one)


def _place_of(letter: DeadLetter) -> Place:
    return letter.record.address.topic, letter.record.address.partition


def _facts(place: Place, hold: Hold) -> dict[str, object]:
    first = hold.first
    why = {"error": first.error, "why": first.detail, "error_class": first.letter.error_class}
    where = {"topic": place[0], "partition": place[1], "offset": hold.stands_at}
    return {**where, **why, "letters": len(hold.untaken), "tries": hold.tries}

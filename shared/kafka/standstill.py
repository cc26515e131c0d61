"""Are the intakes of a process stuck, or is there nothing to do? Asked again and again by a watchdog, which judges what stays the same.

Nothing is held against an intake that waits for a server: a handler that backs off says so, and where nothing moves Kafka is asked
by another client whether it is Kafka.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from shared.contracts.records import Place
from shared.kafka.pulse import Pulse

Positions = Mapping[Place, int]
Pulses = Mapping[str, Pulse]


class Asks(Protocol):
    """What a fresh client finds; see shared/kafka/probe.py."""

    def answers(self) -> bool:
        """Say whether a broker answers."""

    def find_unread(self, positions: Positions) -> set[Place]:
        """Return those of the places at which a record can be read."""


class Standstill:
    """Looks at the pulses of intakes, by their names."""

    def __init__(self, pulses: Pulses, asks: Asks) -> None:
        self._pulses = pulses
        self._asks = asks
        self._before = {name: replace(pulse) for name, pulse in pulses.items()}
        self._read: Positions = {}
        self._unread: Positions = {}
        self._silent: set[Place] = set()

    def look(self) -> set[str]:
        """Return one sentence for each thing that ought to move on. The same sentence again and again means: stuck."""
        now = {name: replace(pulse) for name, pulse in self._pulses.items()}
        before, self._before = self._before, now
        if any(_is_at_rest(before[name], now[name]) for name in now) and not self._asks.answers():
            self._read, self._unread, self._silent = {}, {}, set()
            return set()
        sentences = {sentence for name in now for sentence in _moving(name, now[name])}
        return sentences | self._silent_places(before, now)

    def _silent_places(self, before: Pulses, now: Pulses) -> set[str]:
        """Return the partitions that had records, and stood where they stand although their intake took all that it was given
        since: what waits in the client's own queue is not forgotten, and a busy intake has its reason.
        """
        read: dict[Place, int] = {}
        drained: set[Place] = set()
        for name, pulse in now.items():
            is_drained = pulse.drained != before[name].drained
            if is_drained or not pulse.in_hand:
                read |= pulse.positions
                drained |= pulse.positions.keys() if is_drained else set()
        unread = {place: at for place, at in self._unread.items() if read.get(place) == at}
        self._silent = {place for place in unread if place in drained or place in self._silent}
        quiet = {place: at for place, at in read.items() if place in drained and self._read.get(place) == at}
        quiet = {place: at for place, at in quiet.items() if place not in unread}
        found = self._asks.find_unread(quiet) if quiet else set()
        self._read, self._unread = read, unread | {place: quiet[place] for place in found & quiet.keys()}
        return {
            f"{topic}[{number}] has records at {read[topic, number]} and none is taken"
            for topic, number in self._silent
        }


def _is_at_rest(before: Pulse, now: Pulse) -> bool:
    nothing_done = (now.finished, now.waits) == (before.finished, before.waits)
    return now.turns == before.turns or (now.in_hand > 0 and nothing_done)


def _moving(name: str, now: Pulse) -> list[str]:
    turning = f"{name}: {now.turns} turns of the loop, {'in' if now.in_call else 'out of'} a call of the client"
    doing = f"{name}: a batch in hand, {now.finished} done before it, waited {now.waits} times"
    return [turning, doing] if now.in_hand else [turning]

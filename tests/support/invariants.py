"""What must hold between what was published and what is stored, whatever failed in between: set algebra, no server.

| | |
|---|---|
| I1 | every acknowledged event is an attempt, and every attempt was published |
| I2 | one attempt for each event, however often it came; an entry counts its distinct events |
| I3 | an entry's state is its newest event's, by version and not by arrival |
| I4 | a committed offset never passes a record that is not stored, and never goes back |
| I5 | the dead letters are exactly the bad records: whole, with a reason; nothing is both |
| I6 | the rollups are what counting the entries again comes to (`rollup_check.py`; it is waited for, since they follow) |
| I7 | an entry with a long history, and no other, says that it is in order; then each attempt before its state carries the entry's id |
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.entries import Attempt, LogEntry, attempt_id_of_state, is_long_history
from shared.contracts.records import Address
from tests.support.tellings import Telling, by_key

Place = tuple[str, int]
SHOWN = 5


@dataclass(frozen=True, slots=True)
class PutAside:
    """A dead letter: of which record, its bytes, and why."""

    address: Address
    value: bytes | None
    error_class: str


@dataclass(slots=True)
class Told:
    """What was published: where the broker says that it stands, and what may or may not have arrived."""

    acked: dict[Address, Telling] = field(default_factory=dict)
    unknown: list[Telling] = field(default_factory=list)

    def good(self) -> dict[str, Telling]:
        """Return every event that may be stored, by id."""
        return {t.id: t for t in [*self.acked.values(), *self.unknown] if not t.is_bad}


@dataclass(slots=True)
class Stored:
    """What the product holds of it. `kept` are the letters of the collection; None: nobody was there to keep them.

    `commits` are the committed offsets as they were seen one after the other, the last ones read before all the rest. `strays` are what
    `strays_of` says of the documents.
    """

    attempts: Sequence[Attempt] = ()
    entries: Sequence[LogEntry] = ()
    letters: Sequence[PutAside] = ()
    kept: Sequence[PutAside] | None = None
    commits: Sequence[Mapping[Place, int]] = ()
    strays: Sequence[str] = ()


def breaches(told: Told, stored: Stored) -> list[str]:
    """Return one sentence for each invariant that does not hold, with the ids that break it."""
    found = [*attempts_broken(told, stored), *entries_broken(told, stored)]
    found += [*commits_broken(told, stored), *letters_broken(told, stored)]
    found += _broken("I7: out of order", stored.strays)
    return found


def attempts_broken(told: Told, stored: Stored) -> Iterable[str]:
    """I1, and I2 of attempts."""
    good, seen = told.good(), Counter(attempt.event_id for attempt in stored.attempts)
    acked = {telling.id for telling in told.acked.values() if not telling.is_bad}
    yield from _broken("I1: acknowledged, but no attempt", acked - seen.keys())
    yield from _broken("I1: an attempt that nobody published", seen.keys() - good.keys())
    yield from _broken("I2: several attempts of one event", [i for i, times in seen.items() if times > 1])
    stray = [a.event_id for a in stored.attempts if a.event_id in good and _entry_of(a) != good[a.event_id].key]
    yield from _broken("I2: an attempt of another entry", stray)


def entries_broken(told: Told, stored: Stored) -> Iterable[str]:
    """I2 of counts, and I3."""
    good, present = told.good(), {attempt.event_id for attempt in stored.attempts}
    expected = by_key(good[i] for i in present & good.keys())
    entries = {entry.id: entry for entry in stored.entries}
    yield from _broken("I1: attempts without their entry", expected.keys() - entries.keys())
    yield from _broken("I1: an entry of no attempt", entries.keys() - expected.keys())
    both = [(entries[key], events) for key, events in expected.items() if key in entries]
    counts = [f"{e.id} ({e.attempts} for {len(events)})" for e, events in both if e.attempts != len(events)]
    yield from _broken("I2: a count that is not the number of events", counts)
    folds = [f"{e.id} ({_shown(e)} for {max(events, key=_rank).id})" for e, events in both if not _is_fold(e, events)]
    yield from _broken("I3: a state that is not the newest event's", folds)


def commits_broken(told: Told, stored: Stored) -> Iterable[str]:
    """I4. Sound at any moment, since offsets are read before what they promise: what is stored stays stored."""
    highest: dict[Place, int] = {}
    back = []
    for seen in stored.commits:
        back += [f"{place} {highest[place]} → {at}" for place, at in seen.items() if at < highest.get(place, 0)]
        highest |= {place: max(at, highest.get(place, 0)) for place, at in seen.items()}
    yield from _broken("I4: a committed offset went back", back)
    events, letters = {attempt.event_id for attempt in stored.attempts}, {one.address for one in stored.letters}
    passed = [
        f"{telling.id} at {address}"
        for address, telling in told.acked.items()
        if address.offset < highest.get((address.topic, address.partition), 0)
        and not (address in letters if telling.is_bad else telling.id in events)
    ]
    yield from _broken("I4: committed, but not stored", passed)


def letters_broken(told: Told, stored: Stored) -> Iterable[str]:
    """I5. A letter may stand twice on the topic, after a crash; in the collection it stands once."""
    bad = {address: telling for address, telling in told.acked.items() if telling.is_bad}
    maybe = {telling.value for telling in told.unknown if telling.is_bad}
    for where, letters in (("topic", stored.letters), ("collection", stored.kept)):
        if letters is None:
            continue
        addresses = Counter(letter.address for letter in letters)
        extra = [one.address for one in letters if one.address not in bad and one.value not in maybe]
        yield from _broken(f"I5: a bad record that is no dead letter of the {where}", bad.keys() - addresses.keys())
        yield from _broken(f"I5: a dead letter of the {where} that was no bad record", extra)
        cut = [one.address for one in letters if one.address in bad and one.value != bad[one.address].value]
        yield from _broken(f"I5: a dead letter of the {where} that is not the record's bytes", cut)
        mute = [one.address for one in letters if not one.error_class]
        yield from _broken(f"I5: a dead letter of the {where} without its reason", mute)
        if where == "collection":
            yield from _broken("I5: kept twice", [at for at, times in addresses.items() if times > 1])
    events = {attempt.event_id for attempt in stored.attempts}
    both = [t.id for one in stored.letters if (t := told.acked.get(one.address)) is not None and t.id in events]
    yield from _broken("I5: both an attempt and a dead letter", both)


def strays_of(attempts: Iterable[Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """I7, of documents: return the entries that do not say how their history is, and the attempts that an index should have and has not."""
    held = {entry["_id"]: entry for entry in entries}
    said = {identity: one["attempts"] if is_long_history(one["attempts"]) else None for identity, one in held.items()}
    states = {attempt_id_of_state(identity, entry["state"]) for identity, entry in held.items()}
    wrong = [identity for identity, entry in held.items() if entry.get("in_order") != said[identity]]
    before = [(one, one["_id"].partition("\x1f")[0]) for one in attempts if one["_id"] not in states]
    return wrong + [one["_id"] for one, identity in before if said.get(identity) and one.get("entry") != identity]


def _is_fold(entry: LogEntry, events: Sequence[Telling]) -> bool:
    newest = max(events, key=_rank)
    successes = [event.processed_at for event in events if event.status == "success"]
    state = (_event_of(entry), entry.status, entry.processed_at, entry.sequence)
    return (
        state == (newest.id, newest.status, newest.processed_at, newest.sequence)
        and entry.first_seen_at == min(event.processed_at for event in events)
        and entry.last_success_at == max(successes, default=None)
    )


def _rank(telling: Telling) -> Any:
    return telling.rank


def _entry_of(attempt: Attempt) -> str:
    return attempt.id.partition("\x1f")[0]


def _shown(entry: LogEntry) -> str:
    return f"{_event_of(entry)}, {entry.status}"


def _event_of(entry: LogEntry) -> Any:
    """Return the id that the event of the state has put into its payload; what is there instead, if that is not whole."""
    return entry.payload.get("event") if isinstance(entry.payload, Mapping) else entry.payload


def _broken(what: str, ids: Iterable[object]) -> list[str]:
    names = sorted(map(str, ids))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{what}: {', '.join(names[:SHOWN])}{more}"] if names else []

"""In-memory ports of ingest. `MemoryLogStore` is trusted because it passes the suite that the real store passes."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from services.ingest.core.fold import EntryUpdate
from services.ingest.core.plan import Applied, PlannedAttempt
from services.ingest.handlers.ports import Answer, AttemptsRecorded, EntriesWritten
from shared.contracts.errors import BrokerUnavailable, StoreUnavailable
from shared.contracts.records import Address, DeadLetter, Record
from shared.contracts.times import to_milliseconds

Document = dict[str, Any]


class MemoryLogStore:
    """The port LogStore in memory, documents shaped as in MongoDB. `before` is called with each method's name: raise there."""

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        self.attempts: dict[str, Document] = {}
        self.entries: dict[str, Document] = {}
        self.before = before

    async def record_attempts(self, attempts: Sequence[PlannedAttempt]) -> AttemptsRecorded:
        self.before("record_attempts")
        present = set()
        unstorable = {}
        for attempt in attempts:
            if attempt.id in self.attempts:
                present.add(attempt.id)
            elif _is_encodable(attempt.document):
                self.attempts[attempt.id] = deepcopy(attempt.document)
            else:
                unstorable[attempt.id] = "not encodable"
        return AttemptsRecorded(frozenset(present), unstorable)

    async def find_addresses(self, attempt_ids: Sequence[str]) -> Mapping[str, Address]:
        self.before("find_addresses")
        return {i: Address(**self.attempts[i]["address"]) for i in attempt_ids if i in self.attempts}

    async def forget_attempts(self, attempt_ids: Sequence[str]) -> None:
        self.before("forget_attempts")
        for identity in attempt_ids:
            self.attempts.pop(identity, None)

    async def find_applied(self, entry_ids: Sequence[str]) -> Applied:
        self.before("find_applied")
        return {
            i: {int(partition): offset for partition, offset in self.entries[i].get("applied", {}).items()}
            for i in entry_ids
            if i in self.entries
        }

    async def write_entries(self, updates: Sequence[EntryUpdate]) -> EntriesWritten:
        self.before("write_entries")
        return EntriesWritten(frozenset(update.place for update in updates if not self._apply(update)))

    async def mark_answered(self, answers: Sequence[Answer]) -> None:
        self.before("mark_answered")
        for answer in answers:
            mark = self.entries.get(answer.entry_id, {}).get("reprocess", {})
            if mark.get("id") == answer.reprocess_id and mark.get("state") != "answered":
                mark |= {"state": "answered", "answered_at": to_milliseconds(answer.answered_at)}

    def _apply(self, update: EntryUpdate) -> bool:
        entry = self.entries.get(update.entry_id)
        if entry is None:
            if not update.counted:
                return True
            entry = self.entries[update.entry_id] = {"_id": update.entry_id, **update.identity}
        applied = entry.setdefault("applied", {})
        if update.counted:
            if applied.get(str(update.partition), -1) >= update.first_offset:
                return False
            applied[str(update.partition)] = update.last_offset
            entry["attempts"] = entry.get("attempts", 0) + update.attempts
        _merge(entry, update)
        return True


def _merge(entry: Document, update: EntryUpdate) -> None:
    if "state" not in entry or entry["state"]["version"] < update.state["version"]:
        entry["state"] = deepcopy(update.state)
    aliases = entry.setdefault("aliases", {})
    for path, pair in update.aliases.items():
        name = path.removeprefix("aliases.")
        aliases[name] = max(aliases.get(name, pair), pair)
    entry["ids"] = [*entry.get("ids", []), *(text for text in update.ids if text not in entry.get("ids", []))]
    entry["first_seen_at"] = min(entry.get("first_seen_at", update.first_seen_at), update.first_seen_at)
    if update.last_success_at is not None:
        entry["last_success_at"] = max(entry.get("last_success_at") or update.last_success_at, update.last_success_at)


def _is_encodable(document: Document) -> bool:
    import bson

    try:
        bson.encode(document)
    except Exception:
        return False
    return True


class MemoryDeadLetters:
    """The port DeadLetters in memory; `available` False refuses."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.available = True

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        if letters and not self.available:
            raise BrokerUnavailable("the dead letters are away")
        self.letters += letters


class MemoryShelf:
    """The port DeadLetterShelf in memory: (partition, offset) → record."""

    def __init__(self, records: Mapping[tuple[int, int], Record]) -> None:
        self._records = records

    async def get(self, partition: int, offset: int) -> Record | None:
        return self._records.get((partition, offset))


class MemoryTopics:
    """The port Topics in memory."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Record]] = []

    async def republish(self, topic: str, record: Record) -> None:
        self.sent.append((topic, record))


def crash_at(step: int) -> Callable[[str], None]:
    """Return a hook that raises StoreUnavailable at the call number `step` (0 is the first), once."""
    calls = iter(range(1_000_000))

    def before(name: str) -> None:
        if next(calls) == step:
            raise StoreUnavailable(f"away at {name}")

    return before

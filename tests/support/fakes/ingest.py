"""In-memory ports of ingest. `MemoryLogStore` is trusted because it passes the suite that the real store passes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import bson

from services.ingest.adapters.mongo_log_store import HELD_BYTES
from services.ingest.core.fold import Held, PastAttempt, PastState, held_from_document
from services.ingest.core.plan import Change, Stored, Unordered
from services.ingest.core.replay import Walk
from services.ingest.handlers.ports import Answer, AttemptsStored, ChangesWritten, Fate, Found, Replayed
from shared.contracts.dead_letters import Letter, letter_from_document
from shared.contracts.errors import BrokerUnavailable, LeaseLost, StoreUnavailable
from shared.contracts.gaps import Gap
from shared.contracts.names import ENVELOPE_BYTES, EVENTS_MAX_MESSAGE_BYTES
from shared.contracts.records import Address, DeadLetter, Record, Untaken
from shared.contracts.times import to_milliseconds

Document = dict[str, Any]


class MemoryLogStore:
    """The port LogStore in memory, documents shaped as in MongoDB. `before` is called with each method's name: raise there."""

    def __init__(self, before: Callable[[str], None] = lambda _: None, *, held_bytes: int = HELD_BYTES) -> None:
        self.held_bytes = held_bytes
        self.attempts: dict[str, Document] = {}
        self.entries: dict[str, Document] = {}
        self.before = before

    async def find_entries(self, entry_ids: Sequence[str]) -> Found:
        self.before("find_entries")
        held: dict[str, Held] = {}
        size = 0
        asked = sorted(entry_ids, key=str.encode)
        for place, identity in enumerate(asked):
            if size >= self.held_bytes:
                return Found(held, asked[place:])
            if identity in self.entries:
                held[identity] = held_from_document(deepcopy(self.entries[identity]))
                size += len(bson.encode(self.entries[identity]))
        return Found(held)

    async def find_attempts(self, attempt_ids: Sequence[str]) -> Stored:
        self.before("find_attempts")
        found = {i: self.attempts[i].get("address") for i in attempt_ids if i in self.attempts}
        return {i: Address(**address) if address else None for i, address in found.items()}

    async def store_attempts(self, attempts: Sequence[PastAttempt]) -> AttemptsStored:
        self.before("store_attempts")
        present = set()
        unstorable = {}
        for attempt in attempts:
            known = self.attempts.get(attempt.id)
            if known is not None and isinstance(attempt, PastState):
                known.pop("address", None)
                if attempt.entry is not None:
                    known.setdefault("entry", attempt.entry)
            elif known is not None:
                present.add(attempt.id)
            elif _is_encodable(document := attempt.document()):
                self.attempts[attempt.id] = deepcopy(document)
            else:
                unstorable[attempt.id] = "not encodable"
        return AttemptsStored(frozenset(present), unstorable)

    async def put_in_order(self, histories: Sequence[Unordered]) -> None:
        self.before("put_in_order")
        for one in histories:
            ids = [i for i in self.attempts if i.startswith(f"{one.entry_id}\x1f")] if one.ids is None else one.ids
            for identity in ids:
                if identity in self.attempts:
                    self.attempts[identity].setdefault("entry", one.entry_id)

    async def forget_attempts(self, attempt_ids: Sequence[str]) -> None:
        self.before("forget_attempts")
        for identity in attempt_ids:
            self.attempts.pop(identity, None)

    async def write_entries(self, changes: Sequence[Change]) -> ChangesWritten:
        self.before("write_entries")
        unstorable = {change.entry_id: "not encodable" for change in changes if not _is_encodable(told_by(change))}
        good = [change for change in changes if change.entry_id not in unstorable]
        return ChangesWritten(frozenset(one.entry_id for one in good if not self._apply(one)), unstorable)

    async def mark_answered(self, answers: Sequence[Answer]) -> None:
        self.before("mark_answered")
        for answer in answers:
            mark = self.entries.get(answer.entry_id, {}).get("reprocess", {})
            if mark.get("id") == answer.reprocess_id and mark.get("state") != "answered":
                mark |= {"state": "answered", "answered_at": to_milliseconds(answer.answered_at)}

    def _apply(self, change: Change) -> bool:
        entry = self.entries.get(change.entry_id)
        if change.held is None:
            return self.entries.setdefault(change.entry_id, deepcopy(told_by(change))) is not entry
        if entry is None or entry["attempts"] != change.held.attempts:
            return False
        for path, value in deepcopy(told_by(change)).items():
            outer, _, inner = path.partition(".")
            if inner:
                entry[outer][inner] = value
            else:
                entry[outer] = value
        return True


def told_by(change: Change) -> Document:
    """Return what a change writes of its entry: the document, or the fields by path."""
    return change.document() if change.held is None else change.fields()


def _is_encodable(document: Document) -> bool:
    try:
        bson.encode(document)
    except Exception:
        return False
    return True


class MemoryDeadLetters:
    """The port DeadLetters in memory; what is longer than `most` bytes is refused."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.most = EVENTS_MAX_MESSAGE_BYTES + ENVELOPE_BYTES

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        if await self.offer(letters):
            raise BrokerUnavailable("the dead letters are away")

    async def offer(self, letters: Sequence[DeadLetter]) -> list[Untaken]:
        refused = [letter for letter in letters if len(letter.record.value or b"") > self.most]
        self.letters += [letter for letter in letters if letter not in refused]
        return [Untaken(letter, "MSG_SIZE_TOO_LARGE", "too large") for letter in refused]


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
        self.fates: Iterator[Fate] = iter(())

    async def republish(self, topic: str, record: Record) -> None:
        self.sent.append((topic, record))

    async def republish_all(self, records: Sequence[Record]) -> Sequence[Fate]:
        fates = [next(self.fates, "sent") for _ in records]
        taken = [record for record, fate in zip(records, fates, strict=True) if fate == "sent"]
        self.sent += [(record.address.topic, record) for record in taken]
        return fates


def crash_at(step: int) -> Callable[[str], None]:
    """Return a hook that raises StoreUnavailable at the call number `step` (0 is the first), once."""
    calls = iter(range(1_000_000))

    def before(name: str) -> None:
        if next(calls) == step:
            raise StoreUnavailable(f"away at {name}")

    return before


class MemoryLetterBook:
    """The port LetterBook in memory."""

    def __init__(self) -> None:
        self.letters: dict[str, Document] = {}

    async def keep(self, letters: Sequence[Document]) -> int:
        fresh = 0
        for letter in letters:
            fresh += letter["_id"] not in self.letters
            self.letters.setdefault(letter["_id"], deepcopy(letter))
            previous = self.letters.get(letter.get("previous", ""), {})
            if previous.get("account") == letter["account"]:
                previous["came_back_as"] = letter["_id"]
        return fresh

    async def survey(self) -> tuple[int, datetime | None]:
        first = min(self.letters.values(), key=lambda letter: letter["expires_at"], default=None)
        return len(self.letters), first["received_at"] if first else None

    async def count_open(self, walk: Walk) -> int:
        return len(self._open(walk))

    async def next_open(self, walk: Walk, *, limit: int, max_bytes: int) -> Sequence[Letter]:
        found: list[Letter] = []
        for letter in self._open(walk)[:limit]:
            found.append(letter)
            if sum(one.size for one in found) >= max_bytes:
                break
        return found

    async def mark_replayed(self, account: str, ids: Sequence[str], replayed: Replayed) -> None:
        for identity in ids:
            letter = self.letters.get(identity, {})
            if letter.get("account") == account and letter["state"] == "open":
                mark = {"at": replayed.at, "by": replayed.by, "id": replayed.job_id}
                letter.update(state="replayed", replay=mark)

    async def count_replayed(self, walk: Walk, job_id: str) -> int:
        return sum(one.replay_id == job_id for one in self._passed(walk, "replayed"))

    def _open(self, walk: Walk) -> list[Letter]:
        return self._passed(walk, "open")

    def _passed(self, walk: Walk, state: str) -> list[Letter]:
        mine = [letter_from_document(one) for one in self.letters.values() if one["account"] == walk.account]
        mine = [one for one in mine if one.state == state]
        if walk.ids is not None:
            return sorted((one for one in mine if one.id in walk.ids and one.id > walk.last_id), key=lambda one: one.id)
        start = (walk.last_at, walk.last_id)
        rows = walk.rows
        return sorted(
            (
                one
                for one in mine
                if (not rows.error_class or one.error_class in rows.error_class)
                and (not rows.topic or one.original.topic in rows.topic)
                and (rows.from_at is None or one.received_at >= rows.from_at)
                and (rows.to_at is None or one.received_at < rows.to_at)
                and (walk.last_at is None or (one.received_at, one.id) > start)
            ),
            key=lambda one: (one.received_at, one.id),
        )


class MemoryReplayJobs:
    """The port ReplayJobs in memory."""

    def __init__(self) -> None:
        self.jobs: dict[str, Document] = {}

    async def insert(self, command: Mapping[str, Any], *, now: datetime) -> Document:
        job = {"command": dict(command), "state": "queued", "created_at": now, "leased_until": now, "leased_by": None}
        job |= {"progress": {}, "cancel_requested": False, "error": None}
        return self.jobs.setdefault(f"{command['account']}|{command['id']}", job)

    async def lease(self, *, worker: str, now: datetime, lease_for: timedelta) -> Document | None:
        for job in self.jobs.values():
            if job["state"] in {"queued", "running"} and job["leased_until"] <= now:
                job.update(state="running", leased_by=worker, leased_until=now + lease_for)
                return job
        return None

    async def record_progress(
        self, job: Document, progress: Mapping[str, Any], *, worker: str, now: datetime, lease_for: timedelta
    ) -> Document:
        if not self._holds(job, worker):
            raise LeaseLost
        job["progress"].update(progress)
        job["leased_until"] = now + lease_for
        return job

    async def release(self, job: Document, *, worker: str, now: datetime) -> Document | None:
        if not self._holds(job, worker):
            return None
        job.update(leased_by=None, leased_until=now)
        return job

    async def finish(
        self, job: Document, state: str, *, worker: str, now: datetime, error: str | None = None
    ) -> Document | None:
        if not self._holds(job, worker):
            return None
        job.update(state=state, error=error, leased_by=None)
        return job

    def _holds(self, job: Document, worker: str) -> bool:
        return bool(job["state"] == "running" and job["leased_by"] == worker)


class MemoryIntegrations:
    """The port Integrations in memory."""

    def __init__(self, *masked: tuple[str, str]) -> None:
        self.masked = frozenset(masked)

    async def list_masked(self) -> frozenset[tuple[str, str]]:
        return self.masked


class MemoryOldContent:
    """The port OldContent over the documents of a MemoryLogStore."""

    def __init__(self, entries: dict[str, Document]) -> None:
        self.entries = entries
        self.attempts_kept: int | None = None

    async def keep_attempts(self, days: int) -> None:
        self.attempts_kept = days

    async def list_accounts(self) -> Sequence[str]:
        return sorted({entry["account"] for entry in self.entries.values()})

    async def remove_entries(
        self, account: str, status: str, *, untouched_since: datetime, now: datetime, at_most: int
    ) -> int:
        old = [
            identity
            for identity, entry in self.entries.items()
            if entry["account"] == account
            and entry["state"]["status"] == status
            and not untouched_since <= entry["state"]["processed_at"] <= now
            and entry["state"]["received_at"] < untouched_since
            and entry.get("reprocess", {}).get("state") not in {"claimed", "sent"}
        ][:at_most]
        for identity in old:
            del self.entries[identity]
        return len(old)


class MemoryGapBook:
    """The port GapBook in memory. What `before` returns is raised first, one error a call."""

    def __init__(self, before: Callable[[], list[Exception]] = list) -> None:
        self.gaps: dict[str, Document] = {}
        self._before = before

    async def note(self, gap: Gap, *, at: datetime, reads_on: bool) -> bool:
        if failures := self._before():
            raise failures.pop()
        document = gap.document(at=at, reads_on=reads_on)
        return bool(self.gaps.setdefault(document["_id"], document)["at"] == document["at"])

"""The query service's world in memory. Trusted because it passes the same suites as the real adapters."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.query.core.cursor import Position
from services.query.core.permissions import Caller
from services.query.handlers.auditing import AuditLine
from services.query.handlers.commanding import Asked
from services.query.handlers.dead_letters import ClassCount, Fate
from services.query.handlers.insights import Bucket, CauseCount, Point
from services.query.handlers.outcomes import Outcome
from services.query.handlers.previewing import Alike
from services.query.handlers.registry import Integration
from shared.contracts.commands import FINAL_STATES, job_document_id
from shared.contracts.dead_letters import LETTER_STATES, Letter, LetterFilter, letter_from_document
from shared.contracts.eligibility import refusal
from shared.contracts.entries import Attempt, LogEntry, attempt_from_document, entry_from_document
from shared.contracts.errors import BrokerUnavailable
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.text import fold, fold_words

Document = dict[str, Any]


class FakeLog:
    """LogReader, LogCounts, EntryFinder and OutcomeCounter over documents as ingest writes them."""

    def __init__(self, entries: Iterable[Document] = (), attempts: Iterable[Document] = ()) -> None:
        self.entries = {document["_id"]: document for document in entries}
        self.attempts = {document["_id"]: document for document in attempts}

    async def list_entries(
        self, account: str, rows: LogFilter, *, after: Position | None, ascending: bool, limit: int
    ) -> list[LogEntry]:
        def place(entry: LogEntry) -> tuple[datetime, bytes]:
            return entry.processed_at, entry.id.encode()

        found = sorted(self._rows(account, rows), key=place, reverse=not ascending)
        if after is not None:
            start = (after.at, after.id.encode())
            found = [entry for entry in found if (place(entry) > start if ascending else place(entry) < start)]
        return [replace(entry, payload=None) for entry in found[:limit]]

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> int:
        return min(len(self._rows(account, rows)), at_most)

    async def find_entry(self, identity: str) -> LogEntry | None:
        document = self.entries.get(identity)
        return None if document is None else entry_from_document(document)

    async def list_attempts(self, identity: str, *, after: Position | None, limit: int) -> list[Attempt]:
        def place(document: Document) -> tuple[str, int, str]:
            return document["version"][0], document["version"][1], document["_id"]

        history = [document for key, document in self.attempts.items() if key.startswith(f"{identity}\x1f")]
        found = sorted(history, key=place, reverse=True)
        if after is not None:
            known = self.attempts.get(after.id)
            found = [document for document in found if known and place(document) < place(known)]
        return [attempt_from_document(document) for document in found[:limit]]

    async def list_outcomes(self, identity: str, *, limit: int) -> list[tuple[str, datetime]]:
        history = await self.list_attempts(identity, after=None, limit=limit)
        return [(attempt.status, attempt.processed_at) for attempt in history]

    async def count_by_kind(self, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        return self._count_by("kind", account, rows)

    async def count_by_affiliate(self, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        return self._count_by("affiliate", account, rows)

    async def count_by_cause(self, account: str, rows: LogFilter) -> list[CauseCount]:
        counts: dict[str | None, int] = {}
        for entry in self._rows(account, rows):
            for code in {cause.get("code") for cause in entry.causes}:
                counts[code] = counts.get(code, 0) + 1
        return [CauseCount(code, n) for code, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] or ""))]

    async def count_by_time(self, account: str, rows: LogFilter, *, bucket: Bucket) -> list[Point]:
        points: dict[datetime, dict[str, int]] = {}
        for entry in self._rows(account, rows):
            at = entry.processed_at.replace(minute=0, second=0, microsecond=0)
            at = at if bucket == "hour" else at.replace(hour=0)
            by_status = points.setdefault(at, {})
            by_status[entry.status] = by_status.get(entry.status, 0) + 1
        return [Point(at, by_status) for at, by_status in sorted(points.items())]

    async def find_entries(self, identities: Sequence[str]) -> dict[str, LogEntry]:
        return {key: entry_from_document(self.entries[key]) for key in identities if key in self.entries}

    async def list_alike(self, account: str, rows: LogFilter) -> list[Alike]:
        return [Alike(entry, 1) for entry in self._rows(account, rows)]

    async def list_refused(
        self, account: str, rows: LogFilter, *, hopeless: AbstractSet[str], limit: int
    ) -> list[LogEntry]:
        refused = [entry for entry in self._rows(account, rows) if refusal(entry, explicit=False)]
        return sorted(refused, key=lambda entry: entry.id.encode())[:limit]

    async def count_outcome(self, account: str, kind: str, job_id: str) -> Outcome | None:
        found = [
            (entry.reprocess["state"], entry.status)
            for entry in map(entry_from_document, self.entries.values())
            if (entry.account, entry.kind) == (account, kind) and entry.reprocess and entry.reprocess["id"] == job_id
        ]
        states = [state for state, _ in found]
        return Outcome(
            waiting=states.count("claimed") + states.count("sent"),
            answered={status: found.count(("answered", status)) for status in STATUSES},
            unknown=states.count("unknown"),
        )

    def _rows(self, account: str, rows: LogFilter) -> list[LogEntry]:
        return [entry_from_document(found) for found in self.entries.values() if _passes(found, account, rows)]

    def _count_by(self, field: str, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for entry in self._rows(account, rows):
            by_status = counts.setdefault(getattr(entry, field), {})
            by_status[entry.status] = by_status.get(entry.status, 0) + 1
        return counts


class FakeJobs:
    """JobStore."""

    def __init__(self) -> None:
        self.jobs: dict[str, Document] = {}

    async def insert(self, command: Mapping[str, Any], *, now: datetime) -> Document:
        job = {
            "account": command["account"],
            "id": command["id"],
            "state": "queued",
            "command": dict(command),
            "created_at": now,
            "updated_at": now,
            "finished_at": None,
            "cancel_requested": False,
            "error": None,
            "progress": {},
        }
        return dict(self.jobs.setdefault(job_document_id(command["account"], command["id"]), job))

    async def find(self, account: str, job_id: str) -> Document | None:
        job = self.jobs.get(job_document_id(account, job_id))
        return None if job is None else dict(job)

    async def list_recent(self, account: str, *, limit: int = 50) -> list[Document]:
        found = [dict(job) for job in self.jobs.values() if job["account"] == account]
        return sorted(found, key=lambda job: job["created_at"], reverse=True)[:limit]

    async def request_cancel(self, account: str, job_id: str, *, now: datetime) -> Document | None:
        job = self.jobs.get(job_document_id(account, job_id))
        if job is None:
            return None
        if job["state"] == "queued":
            job.update(state="cancelled", finished_at=now, cancel_requested=True, updated_at=now)
        elif job["state"] not in FINAL_STATES:
            job.update(cancel_requested=True, updated_at=now)
        return dict(job)


class FakeLetters:
    """LetterReader over documents as ingest writes them."""

    def __init__(self, letters: Iterable[Document] = ()) -> None:
        self.letters = {document["_id"]: dict(document) for document in letters}

    async def list_letters(
        self, account: str, rows: LetterFilter, *, after: Position | None, ascending: bool, limit: int
    ) -> list[Letter]:
        def place(letter: Letter) -> tuple[datetime, str]:
            return letter.received_at, letter.id

        found = sorted(self._rows(account, rows), key=place, reverse=not ascending)
        if after is not None:
            start = (after.at, after.id)
            found = [letter for letter in found if (place(letter) > start if ascending else place(letter) < start)]
        return [replace(letter, value=None, headers=[]) for letter in found[:limit]]

    async def count_letters(self, account: str, rows: LetterFilter, *, at_most: int) -> int:
        return min(len(self._rows(account, rows)), at_most)

    async def count_by_class(self, account: str, rows: LetterFilter) -> list[ClassCount]:
        states = [(letter.error_class, letter.state) for letter in self._rows(account, rows)]
        found = [
            ClassCount(name, states.count((name, "open")), states.count((name, "replayed")))
            for name in {name for name, _ in states}
        ]
        return sorted(found, key=lambda one: (-one.open, -one.replayed, one.error_class))

    async def find_letter(self, account: str, identity: str) -> Letter | None:
        found = self.letters.get(identity, {})
        return letter_from_document(found) if found.get("account") == account else None

    async def count_fates(self, account: str, rows: LetterFilter | None, identities: Sequence[str]) -> list[Fate]:
        found = self._rows(account, rows or LetterFilter())
        kept = [(one.original.topic, one.state) for one in found if rows is not None or one.id in identities]
        return [Fate(topic, state, kept.count((topic, state))) for topic, state in dict.fromkeys(kept)]

    def _rows(self, account: str, rows: LetterFilter) -> list[Letter]:
        letters = [letter_from_document(document) for document in self.letters.values()]
        return [
            letter
            for letter in letters
            if letter.account == account
            and letter.state in (rows.state or LETTER_STATES)
            and (not rows.error_class or letter.error_class in rows.error_class)
            and (not rows.topic or letter.original.topic in rows.topic)
            and (rows.from_at is None or letter.received_at >= rows.from_at)
            and (rows.to_at is None or letter.received_at < rows.to_at)
        ]


class FakeCommands:
    """Commands. `available=False`: Kafka is away."""

    def __init__(self, *, available: bool = True) -> None:
        self.available = available
        self.published: list[Asked] = []

    async def publish(self, command: Asked) -> None:
        if not self.available:
            raise BrokerUnavailable("Kafka is away")
        self.published.append(command)


class FakeFile:
    """StoredFile."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        for at in range(start, end, 7):
            yield self._content[at : min(at + 7, end)]


class FakeFileStore:
    """FileStore."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})

    async def open_file(self, file_id: str) -> FakeFile | None:
        return FakeFile(self.files[file_id]) if file_id in self.files else None


class FakeRegistry:
    """Registry."""

    def __init__(self) -> None:
        self.integrations: dict[tuple[str, str], Integration] = {}

    async def list_integrations(self, account: str) -> list[Integration]:
        return [found for (owner, _), found in sorted(self.integrations.items()) if owner == account]

    async def find_integration(self, account: str, affiliate: str) -> Integration | None:
        return self.integrations.get((account, affiliate))

    async def save_integration(self, account: str, integration: Integration) -> None:
        self.integrations[account, integration.affiliate] = integration


class FakeAudit:
    """Audit."""

    def __init__(self) -> None:
        self.lines: list[AuditLine] = []

    async def record(self, line: AuditLine) -> None:
        self.lines.append(line)


class FakeCredentials:
    """Credentials."""

    def __init__(self) -> None:
        self.keys: dict[str, Caller] = {}
        self.codes: dict[str, tuple[Caller, datetime]] = {}
        self.sessions: dict[str, tuple[Caller, datetime]] = {}

    async def find_key(self, digest: str) -> Caller | None:
        return self.keys.get(digest)

    async def save_key(self, digest: str, prefix: str, holder: Caller, *, now: datetime) -> None:
        self.keys.setdefault(digest, holder)

    async def save_code(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        self.codes[digest] = replace(holder, by_session=False), expires_at

    async def take_code(self, digest: str, *, now: datetime) -> Caller | None:
        if digest not in self.codes or self.codes[digest][1] <= now:
            return None
        return self.codes.pop(digest)[0]

    async def save_session(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        self.sessions[digest] = replace(holder, by_session=True), expires_at

    async def find_session(self, digest: str, *, now: datetime) -> Caller | None:
        holder, expires_at = self.sessions.get(digest, (None, now))
        return holder if expires_at > now else None

    async def end_session(self, digest: str) -> None:
        self.sessions.pop(digest, None)


def _passes(document: Document, account: str, rows: LogFilter) -> bool:
    state = document["state"]
    return (
        document["account"] == account
        and (not rows.kind or document["kind"] in rows.kind)
        and (not rows.affiliate or document["affiliate"] in rows.affiliate)
        and (not rows.status or state["status"] in rows.status)
        and (not rows.error_code or any(cause.get("code") in rows.error_code for cause in state["causes"]))
        and (rows.from_at is None or state["processed_at"] >= rows.from_at)
        and (rows.to_at is None or state["processed_at"] < rows.to_at)
        and (not rows.q or _is_found(document, rows.q))
    )


def _is_found(document: Document, text: str) -> bool:
    words = fold_words([text])
    by_id = any(identity.startswith(fold(text)) for identity in document["ids"])
    return by_id or (bool(words) and set(words) <= set(document["state"]["words"]))

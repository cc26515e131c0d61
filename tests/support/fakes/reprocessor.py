"""The reprocessor's world in memory. Trusted because it passes the same suites as the real adapters."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.reprocessor.core.progress import Tally
from services.reprocessor.core.retry_message import RetryMessage
from services.reprocessor.handlers.ports import Claim, Delivery, Document, StaleClaim, Walk
from shared.contracts.advice import advice_of
from shared.contracts.commands import FINAL_STATES, job_document_id
from shared.contracts.eligibility import FAILED_STATUSES, UNDER_WAY
from shared.contracts.entries import LogEntry
from shared.contracts.errors import LeaseLost
from shared.contracts.filters import LogFilter
from tests.support.passing import lets_pass


class Killed(BaseException):
    """The process dies here: nothing may catch it."""


class FakeClock:
    """Stands still until moved; sleeping moves it."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self.at = at
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds=seconds)


class FakeEntryStore:
    """EntryStore and PendingEntries. `before_claim` runs when a claim begins, `before_mark` before a mark: rivals, crashes."""

    def __init__(self, entries: Sequence[LogEntry] = (), *, stretch: int = 100) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self.before_claim: Callable[[], None] = lambda: None
        self.before_mark: Callable[[], None] = lambda: None
        self._stretch = stretch

    def state_of(self, identity: str) -> str | None:
        mark = self.entries[identity].reprocess
        return mark and mark["state"]

    def put(self, entry: LogEntry) -> None:
        self.entries[entry.id] = entry

    async def find_entries(self, ids: Sequence[str]) -> Mapping[str, LogEntry]:
        return {identity: _lean(self.entries[identity]) for identity in ids if identity in self.entries}

    async def list_matching(self, account: str, rows: LogFilter, *, job_id: str, after: str | None, limit: int) -> Walk:
        following = sorted(
            (entry for entry in self.entries.values() if entry.account == account and entry.kind in rows.kind),
            key=lambda entry: entry.id.encode(),
        )
        following = [entry for entry in following if after is None or entry.id > after]
        matching = [entry for entry in following if lets_pass(rows, entry)][:limit]
        is_last = len(matching) < limit
        wanted = {entry.id for entry in matching}
        stretch = [
            entry
            for entry in following
            if entry.id in wanted or ((is_last or entry.id <= matching[-1].id) and _mark(entry).get("id") == job_id)
        ]
        last_id = stretch[-1].id if stretch else None
        return Walk([_lean(entry) for entry in stretch], last_id, is_last)

    async def claim(self, ids: Sequence[str], claim: Claim) -> None:
        self.before_claim()
        for identity in ids:
            entry = self.entries.get(identity)
            if entry is not None and _mark(entry).get("state") not in {"claimed", "sent"}:
                self.put(replace(entry, reprocess=claim.mark()))

    async def stream_claimed(self, ids: Sequence[str], job_id: str) -> AsyncIterator[list[LogEntry]]:
        held = [self.entries[identity] for identity in self._held(ids, job_id)]
        for start in range(0, len(held), self._stretch):
            yield held[start : start + self._stretch]

    async def mark_sent(self, ids: Sequence[str], job_id: str, *, at: datetime) -> None:
        self.before_mark()
        for identity in self._held(ids, job_id):
            entry = self.entries[identity]
            self.put(replace(entry, reprocess={**_mark(entry), "state": "sent", "sent_at": at}))

    async def release(self, ids: Sequence[str], job_id: str) -> None:
        for identity in self._held(ids, job_id):
            self.put(replace(self.entries[identity], reprocess=None))

    async def give_up(self, ids: Sequence[str], job_id: str) -> None:
        self._set_unknown(self._held(ids, job_id))

    async def take_try_back(self, ids: Sequence[str], job_id: str) -> None:
        for identity in self._held(ids, job_id):
            entry = self.entries[identity]
            mark = _mark(entry)
            self.put(replace(entry, reprocess={**mark, "state": "unknown", "tries": mark["tries"] - 1}))

    async def leave_alone(self, ids: Sequence[str], job_id: str) -> None:
        for identity in self._held(ids, job_id):
            entry = self.entries[identity]
            self.put(replace(entry, reprocess={**_mark(entry), "state": "unknown", "cancelled": True}))

    async def list_accounts(self) -> Sequence[str]:
        return sorted({entry.account for entry in self.entries.values()})

    async def stream_retriable(
        self, account: str, kind: str, *, since: datetime, heard_before: datetime
    ) -> AsyncIterator[LogEntry]:
        for entry in list(self.entries.values()):
            if (
                (entry.account, entry.kind) == (account, kind)
                and entry.status in FAILED_STATUSES
                and _mark(entry).get("state") not in UNDER_WAY
                and entry.causes
                and all(advice_of(cause.get("code")) == "auto" for cause in entry.causes)
                and entry.processed_at > since
                and entry.received_at <= heard_before
            ):
                yield _lean(entry)

    async def stream_stale_claims(self, before: datetime) -> AsyncIterator[list[StaleClaim]]:
        yield [
            StaleClaim(entry.id, entry.account, _mark(entry)["id"])
            for entry in self.entries.values()
            if _mark(entry).get("state") == "claimed" and _mark(entry)["claimed_at"] < before
        ]

    async def give_up_claims(self, ids: Sequence[str], job_id: str) -> int:
        held = self._held(ids, job_id)
        self._set_unknown(held)
        return len(held)

    async def give_up_answers(self, before: datetime) -> int:
        waiting = [
            entry.id
            for entry in self.entries.values()
            if _mark(entry).get("state") == "sent" and _mark(entry)["sent_at"] < before
        ]
        self._set_unknown(waiting)
        return len(waiting)

    def _set_unknown(self, ids: Sequence[str]) -> None:
        for identity in ids:
            entry = self.entries[identity]
            self.put(replace(entry, reprocess={**_mark(entry), "state": "unknown"}))

    def _held(self, ids: Sequence[str], job_id: str) -> list[str]:
        return [
            identity
            for identity in ids
            if (entry := self.entries.get(identity)) is not None
            and _mark(entry).get("id") == job_id
            and _mark(entry).get("state") == "claimed"
        ]


class FakeRetryTopics:
    """RetryTopics. `published` is what the broker has; `outcome` decides about each message, `before_each` runs before it goes."""

    def __init__(self) -> None:
        self.published: list[tuple[str, RetryMessage]] = []
        self.outcome: Callable[[RetryMessage], Delivery] = lambda _: Delivery("sent")
        self.before_each: Callable[[], None] = lambda: None

    @property
    def event_ids(self) -> list[str]:
        return [message.event.id for _, message in self.published]

    async def publish(
        self, kind: str, messages: Sequence[RetryMessage], *, may_send: Callable[[], bool] = lambda: True
    ) -> Sequence[Delivery]:
        deliveries = [self._fate(message, may_send) for message in messages]
        self.published += [
            (kind, message)
            for message, delivery in zip(messages, deliveries, strict=True)
            if delivery.outcome == "sent"
        ]
        return deliveries

    def _fate(self, message: RetryMessage, may_send: Callable[[], bool]) -> Delivery:
        self.before_each()
        return self.outcome(message) if may_send() else Delivery("unknown", "unknown", "it was too late to send it")


class FakeIntegrations:
    """Integrations."""

    def __init__(self, paused: Mapping[str, set[str]] | None = None) -> None:
        self.paused = dict(paused or {})

        self.unasked: set[str] = set()

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        return frozenset(self.paused.get(account, ()))

    async def list_unasked(self, account: str, kind: str) -> frozenset[str]:
        return await self.list_paused(account, kind) | self.unasked


class FakeStatusTopic:
    """StatusTopic."""

    def __init__(self) -> None:
        self.told: list[Document] = []

    async def tell(self, status: Document) -> None:
        self.told.append(status)


class FakeJobs:
    """Jobs in memory, with the rules of shared.mongo.jobs. `before_record` runs before progress is written: a crash."""

    def __init__(self) -> None:
        self.jobs: dict[str, Document] = {}
        self.before_record: Callable[[], None] = lambda: None

    async def insert(self, command: Mapping[str, Any], *, now: datetime, keep_for: timedelta | None = None) -> Document:
        identity = job_document_id(command["account"], command["id"])
        job = {
            "_id": identity,
            "state": "queued",
            "command": dict(command),
            "leased_by": None,
            "leased_until": now,
            "cancel_requested": False,
            "error": None,
            "progress": {},
            **({} if keep_for is None else {"expires_at": now + keep_for}),
        }
        return dict(self.jobs.setdefault(identity, job))

    async def has_unfinished(self, account: str, prefix: str) -> bool:
        start = job_document_id(account, prefix)
        return any(
            identity.startswith(start) and job["state"] not in FINAL_STATES for identity, job in self.jobs.items()
        )

    async def find(self, account: str, job_id: str) -> Document | None:
        return self.jobs.get(job_document_id(account, job_id))

    async def lease(self, *, worker: str, now: datetime, lease_for: timedelta) -> Document | None:
        free = [job for job in self.jobs.values() if job["state"] not in FINAL_STATES and job["leased_until"] <= now]
        if not free:
            return None
        job = min(free, key=lambda one: one["leased_until"])
        job.update(state="running", leased_by=worker, leased_until=now + lease_for)
        return dict(job)

    async def record_progress(
        self, job: Document, progress: Mapping[str, Any], *, worker: str, now: datetime, lease_for: timedelta
    ) -> Document:
        self.before_record()
        known = self.jobs[job["_id"]]["progress"]
        held = self._update(job, worker, progress={**known, **progress}, leased_until=now + lease_for)
        if held is None:
            raise LeaseLost
        return held

    async def release(
        self, job: Document, *, worker: str, now: datetime, rest_for: timedelta = timedelta(0)
    ) -> Document | None:
        return self._update(job, worker, leased_by=None, leased_until=now + rest_for)

    async def finish(
        self,
        job: Document,
        state: str,
        *,
        worker: str,
        now: datetime,
        progress: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> Document | None:
        return self._update(job, worker, state=state, error=error, leased_by=None, finished_at=now)

    def _update(self, job: Document, worker: str, **fields: Any) -> Document | None:
        stored = self.jobs[job["_id"]]
        if stored["leased_by"] != worker:
            return None
        stored.update(fields)
        return dict(stored)


class Tallies:
    """Sums what a slice observes."""

    def __init__(self) -> None:
        self.all: list[Tally] = []

    def __call__(self, tally: Tally) -> None:
        self.all.append(tally)


def _mark(entry: LogEntry) -> Mapping[str, Any]:
    return entry.reprocess or {}


def _lean(entry: LogEntry) -> LogEntry:
    return replace(entry, payload=None)

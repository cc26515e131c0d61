"""The query service's world in memory. Trusted because it passes the same suites as the real adapters."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.query.core.cursor import Position
from services.query.core.freshness import MOST_RECENT, Recent
from services.query.core.groups import cause_of
from services.query.core.integration import Integration
from services.query.core.keys import ApiKey
from services.query.core.leaf import Row
from services.query.core.permissions import Caller
from services.query.core.repeating import Answer, Asked
from services.query.core.rolled import Cell, Rolled, rolled_of
from services.query.core.sorting import SortField, place_of, value_of
from services.query.core.story import Moment, Place, merge, state_of
from services.query.core.view import MAX_VIEWS, View, name_key
from services.query.handlers.auditing import AuditFilter, AuditLine
from services.query.handlers.commanding import Asked as AskedCommand
from services.query.handlers.dead_letters import ClassCount, Fate
from services.query.handlers.grouping import Day, Grouped, RootCause
from services.query.handlers.insights import Bucket, CauseCount, Counts, Point
from services.query.handlers.outcomes import Outcome
from services.query.handlers.previewing import Alike
from services.query.handlers.reading import MOST_KEYS, Found, Total
from services.query.handlers.repeating import Claim
from services.query.handlers.views import NameTaken, TooManyViews
from shared.contracts.commands import FINAL_STATES, job_document_id
from shared.contracts.dead_letters import LETTER_STATES, Letter, LetterFilter, letter_from_document
from shared.contracts.eligibility import refusal
from shared.contracts.entries import Attempt, LogEntry, attempt_from_document, attempt_of_state, entry_from_document
from shared.contracts.errors import BrokerUnavailable, StoreUnavailable
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.imports import ImportRow
from shared.contracts.matching import lets_pass
from shared.contracts.names import Kind
from shared.contracts.rollups import sorted_codes
from shared.contracts.times import instant_of, to_milliseconds

Document = dict[str, Any]
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class FakeLog:
    """LogReader, StoryReader, LogCounts, GroupReader, EntryFinder and OutcomeCounter over documents as ingest writes them.

    A list looks at `patience` rows of its tab for each key that it may look at: 1.0 is the product's promise, less makes short pages.
    """

    def __init__(
        self, entries: Iterable[Document] = (), attempts: Iterable[Document] = (), *, patience: float = 1.0
    ) -> None:
        self.patience = patience
        self.entries = {document["_id"]: document for document in entries}
        self.attempts = {document["_id"]: document for document in attempts}

    async def list_entries(
        self,
        account: str,
        rows: LogFilter,
        *,
        after: Position | None,
        ascending: bool,
        limit: int,
        by: SortField = "processed_at",
        keys: int = MOST_KEYS,
    ) -> Found:
        tab = self._rows(account, LogFilter(kind=rows.kind))
        tab.sort(key=lambda entry: place_of(entry, by), reverse=not ascending)
        if after is not None:
            tab = [entry for entry in tab if _is_beyond(entry, by, after, ascending=ascending)]
        near, wanted = tab[: max(1, int(keys * self.patience))], {entry.id for entry in self._rows(account, rows)}
        unread = {"payload": None, "version": (), "sequence": None, "reprocess_id": None}
        found = [replace(entry, **unread) for entry in near if entry.id in wanted][:limit]
        if len(found) == limit or len(near) == len(tab):
            return Found(found)
        return Found(found, Position(value_of(near[-1], by), near[-1].id))

    def counts_keys_alone(self, account: str, rows: LogFilter) -> bool:
        return False

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> Total:
        counted = len(self._rows(account, rows))
        return Total(min(counted, at_most), "exact" if counted <= at_most else "at_least")

    async def find_entry(self, identity: str) -> LogEntry | None:
        document = self.entries.get(identity)
        return None if document is None else entry_from_document(document)

    async def list_attempts(
        self, identity: str, *, after: Position | None, limit: int, ascending: bool = False
    ) -> list[Attempt]:
        def place(document: Document) -> list[Any]:
            return list(document["version"])

        history = {key: document for key, document in self.attempts.items() if key.startswith(f"{identity}\x1f")}
        if (entry := self.entries.get(identity)) is not None:
            newest = attempt_of_state(identity, entry["state"])
            history[newest["_id"]] = newest
        found = sorted(history.values(), key=place, reverse=not ascending)
        if after is not None and (known := history.get(after.id)) is not None:
            start = place(known)
            found = [one for one in found if (place(one) > start if ascending else place(one) < start)]
        elif after is not None and not ascending:  # expired, and all older ones with it
            found = []
        return [attempt_from_document(document) for document in found[:limit]]

    async def find_last_success(self, entry: LogEntry) -> Attempt | None:
        history = await self.list_attempts(entry.id, after=None, limit=len(self.attempts) + 1)
        successes = [one for one in history if one.status == "success" and one.id != state_of(entry).attempt.id]
        at = {one.id: to_milliseconds(instant_of(self.attempts[one.id]["version"][0])) for one in successes}
        return next((one for one in successes if at[one.id] == entry.last_success_at), None)

    async def list_outcomes(self, entry: LogEntry, *, limit: int, most: int) -> list[tuple[str, datetime]] | None:
        is_in_order = self.entries[entry.id].get("in_order") == entry.attempts
        if not is_in_order and await self.count_older(entry, at_most=most + 1) > most:
            return None
        history = await self.list_attempts(entry.id, after=None, limit=limit)
        return [(attempt.status, attempt.processed_at) for attempt in history]

    async def list_by_id(self, account: str, kind: Kind, folded: str, *, limit: int) -> list[LogEntry]:
        own = [one for one in self.entries.values() if (one["account"], one["kind"]) == (account, kind)]
        found = [entry_from_document(one) for one in own if folded in one["ids"]]
        return [replace(entry, payload=None) for entry in found[:limit]]

    async def list_older(
        self, entries: Sequence[LogEntry], *, after: Place | None, limit: int, ascending: bool = False
    ) -> list[Moment]:
        states = {state_of(entry).place for entry in entries}
        told = [_moment(one) for one in self.attempts.values()]
        older = [one for one in told if one.entry_id in {entry.id for entry in entries} and one.place not in states]
        return merge(older, [], after, ascending=ascending, limit=limit)

    async def count_older(self, entry: LogEntry, *, at_most: int) -> int:
        return len(await self.list_older([entry], after=None, limit=at_most))

    async def find_place(self, attempt: str) -> Place | None:
        return _moment(self.attempts[attempt]).place if attempt in self.attempts else None

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

    async def list_groups(self, account: str, rows: LogFilter, *, limit: int, days: Sequence[datetime]) -> Grouped:
        members: dict[str, list[LogEntry]] = {}
        for entry in self._rows(account, rows):
            for group in entry.groups:
                if not rows.group or group in rows.group:
                    members.setdefault(group, []).append(entry)
        told = [self._group(account, group, entries, days) for group, entries in members.items()]
        told.sort(key=lambda one: (-one.count.value, -one.last_at.timestamp(), one.id))
        return Grouped(told[:limit], Total(len(told), "exact"), is_complete=True)

    def _group(self, account: str, group: str, entries: list[LogEntry], days: Sequence[datetime]) -> RootCause:
        kind, times = entries[0].kind, sorted(entry.processed_at for entry in entries)
        affiliates = Counter(sorted(entry.affiliate for entry in entries)).most_common()
        all_of_it = self._rows(account, LogFilter(kind=(kind,), group=(group,)))
        newest = max(all_of_it, key=lambda entry: (entry.processed_at, entry.id))
        by_day = [sum(day <= at < day + timedelta(days=1) for at in times) for day in days]
        return RootCause(
            id=group,
            kind=kind,
            cause=cause_of(group, kind, newest.groups, newest.causes),
            count=Total(len(entries), "exact"),
            affiliates=dict(affiliates),
            are_affiliates_whole=True,
            first_at=times[0],
            last_at=times[-1],
            trend=[Day(day, Total(items, "exact")) for day, items in zip(days, by_day, strict=True)],
        )

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
            if not entry.reprocess.get("cancelled")
        ]
        states = [state for state, _ in found]
        return Outcome(
            waiting=states.count("claimed") + states.count("sent"),
            answered={status: found.count(("answered", status)) for status in STATUSES},
            unknown=states.count("unknown"),
        )

    def _rows(self, account: str, rows: LogFilter) -> list[LogEntry]:
        return [entry_from_document(found) for found in self.entries.values() if lets_pass(rows, account, found)]

    def _count_by(self, field: str, account: str, rows: LogFilter) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for entry in self._rows(account, rows):
            by_status = counts.setdefault(getattr(entry, field), {})
            by_status[entry.status] = by_status.get(entry.status, 0) + 1
        return counts


def _moment(document: Document) -> Moment:
    order, sequence, source, event_id = document["version"]
    attempt = replace(attempt_from_document(document), payload=None)
    return Moment((order, sequence, source, event_id, attempt.id), attempt)


class FakeRolledCounts:
    """RolledCounts: the counts of `log`, or, without one, counts that were never built."""

    def __init__(self, log: FakeLog | None = None, as_of: datetime = NEVER) -> None:
        self.log = log
        self.as_of = as_of

    async def find_by_kind(self, account: str, rows: LogFilter) -> Rolled | None:
        return await self.find_all(account, rows, bucket="day")

    async def find_all(self, account: str, rows: LogFilter, *, bucket: Bucket) -> Rolled | None:
        return None if self.log is None else replace(rolled_of(self._cells(account, rows), bucket), as_of=self.as_of)

    def _cells(self, account: str, rows: LogFilter) -> Iterable[Cell]:
        assert self.log is not None
        for entry in self.log._rows(account, rows):
            codes = sorted_codes([cause.get("code") for cause in entry.causes])
            yield Cell(entry.kind, entry.affiliate, entry.status, codes, entry.processed_at, 1)


def counts_of(log: FakeLog, rolled: FakeRolledCounts | None = None) -> Counts:
    """Return where counts come from: rollups that were never built, unless given, and so the log."""
    return Counts(log, rolled or FakeRolledCounts(), lambda: NEVER)


def _is_beyond(entry: LogEntry, by: SortField, after: Position, *, ascending: bool) -> bool:
    start: Any = (after.at.encode() if isinstance(after.at, str) else after.at, after.id.encode())
    place = place_of(entry, by)
    return (place == start and after.is_included) or (place > start if ascending else place < start)


def _beyond(
    rows: Iterable[Row],
    place: Callable[[Row], tuple[datetime, str]],
    after: tuple[datetime, str] | None,
    *,
    ascending: bool,
) -> list[Row]:
    found = sorted(rows, key=place, reverse=not ascending)
    return [row for row in found if after is None or (place(row) > after if ascending else place(row) < after)]


class FakeJobs:
    """JobStore."""

    def __init__(self) -> None:
        self.jobs: dict[str, Document] = {}

    async def insert(self, command: Mapping[str, Any], *, now: datetime, keep_for: timedelta | None = None) -> Document:
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
            **({} if keep_for is None else {"automatic": True, "expires_at": now + keep_for}),
        }
        return dict(self.jobs.setdefault(job_document_id(command["account"], command["id"]), job))

    async def find(self, account: str, job_id: str) -> Document | None:
        job = self.jobs.get(job_document_id(account, job_id))
        return None if job is None else dict(job)

    async def list_jobs(
        self,
        account: str,
        *,
        after: tuple[datetime, str] | None = None,
        ascending: bool = False,
        automatic: bool = False,
        limit: int,
    ) -> list[Document]:
        def place(job: Document) -> tuple[datetime, str]:
            return job["created_at"], job["id"]

        own = [
            dict(job)
            for job in self.jobs.values()
            if job["account"] == account and job.get("automatic", False) is automatic
        ]
        return _beyond(own, place, after, ascending=ascending)[:limit]

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

        found = _beyond(self._rows(account, rows), place, after and (after.at, after.id), ascending=ascending)
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
        self.published: list[AskedCommand] = []

    async def publish(self, command: AskedCommand) -> None:
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


class FakeReturnedFiles:
    """ReturnedFiles."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.previews: dict[str, Sequence[ImportRow]] = {}

    async def put_file(self, file_id: str, content: bytes, *, name: str, facts: Mapping[str, Any]) -> None:
        self.files[file_id] = content

    async def list_rows(
        self, preview: str, *, states: Sequence[str] = (), after: int | None = None, ascending: bool = True, limit: int
    ) -> list[ImportRow]:
        rows = [row for row in self.previews.get(preview, ()) if not states or row.state in states]
        rows.sort(key=lambda row: row.number, reverse=not ascending)
        beyond = [row for row in rows if after is None or (row.number > after if ascending else row.number < after)]
        return beyond[:limit]


class FakeRegistry:
    """Registry."""

    def __init__(self) -> None:
        self.integrations: dict[tuple[str, str], Integration] = {}

    def remembered(self, account: str) -> list[Integration] | None:
        return None

    async def list_integrations(self, account: str) -> list[Integration]:
        return [found for (owner, _), found in sorted(self.integrations.items()) if owner == account]

    async def find_integration(self, account: str, affiliate: str) -> Integration | None:
        return self.integrations.get((account, affiliate))

    async def add_integration(self, account: str, integration: Integration) -> bool:
        return self.integrations.setdefault((account, integration.affiliate), integration) is integration

    async def replace_integration(self, account: str, integration: Integration, *, revision: int) -> bool:
        known = self.integrations.get((account, integration.affiliate))
        if known is None or known.revision != revision:
            return False
        self.integrations[account, integration.affiliate] = integration
        return True


class FakeViews:
    """ViewStore."""

    def __init__(self) -> None:
        self.views: dict[tuple[str, str], View] = {}
        self.removed: dict[tuple[str, str], View] = {}

    async def list_views(self, account: str) -> list[View]:
        mine = [view for (owner, _), view in self.views.items() if owner == account]
        return sorted(mine, key=lambda view: name_key(view.name).encode())[:MAX_VIEWS]

    async def find_view(self, account: str, view_id: str) -> View | None:
        return self.views.get((account, view_id))

    async def add_view(self, account: str, view: View) -> None:
        if (account, view.id) in self.views:
            raise NameTaken("the id is taken")
        if sum(owner == account for owner, _ in self.views) >= MAX_VIEWS:
            raise TooManyViews
        self._put(account, view)
        self.removed.pop((account, view.id), None)

    async def replace_view(self, account: str, view: View, *, revision: int) -> bool:
        if not self._holds(account, view.id, revision):
            return False
        self._put(account, view)
        return True

    async def remove_view(self, account: str, view: View, *, until: datetime) -> bool:
        if not self._holds(account, view.id, view.revision):
            return False
        self.removed[account, view.id] = self.views.pop((account, view.id))
        return True

    async def find_removed(self, account: str, view_id: str) -> View | None:
        return self.removed.get((account, view_id))

    def _holds(self, account: str, view_id: str, revision: int) -> bool:
        known = self.views.get((account, view_id))
        return known is not None and known.revision == revision

    def _put(self, account: str, view: View) -> None:
        for (owner, view_id), other in self.views.items():
            if owner == account and view_id != view.id and name_key(other.name) == name_key(view.name):
                raise NameTaken("the name is taken")
        self.views[account, view.id] = view


class FakeAnswers:
    """AnswerStore. `available=False`: MongoDB is away when an answer shall be kept."""

    def __init__(self, *, available: bool = True) -> None:
        self.claims: dict[str, Claim] = {}
        self.available = available

    async def claim(self, asked: Asked, claim: Claim, *, expires_at: datetime) -> bool:
        return self.claims.setdefault(asked.id, claim) is claim

    async def find(self, asked: Asked) -> Claim | None:
        return self.claims.get(asked.id)

    async def take_over(self, asked: Asked, known: Claim, *, until: datetime) -> bool:
        if self.claims.get(asked.id) != known:
            return False
        self.claims[asked.id] = replace(known, state="running", claimed_until=until)
        return True

    async def keep(self, asked: Asked, operation: str, answer: Answer) -> None:
        if not self.available:
            raise StoreUnavailable("MongoDB is away")
        self.claims[asked.id] = replace(self.claims[asked.id], state="done", answer=answer)

    async def give_up(self, asked: Asked, operation: str) -> None:
        self.claims[asked.id] = replace(self.claims[asked.id], state="open")

    async def forget(self, asked: Asked, operation: str) -> None:
        del self.claims[asked.id]


class FakeFreshness:
    """FreshnessReader over the entries of a FakeLog."""

    def __init__(self, log: FakeLog | None = None) -> None:
        self._log = log or FakeLog()

    async def list_affiliates(self, account: str, *, at_most: int) -> list[str]:
        return sorted({entry.affiliate for entry in self._of(account)})[:at_most]

    async def list_last_events(
        self, account: str, affiliates: Sequence[str]
    ) -> dict[str, dict[str, dict[str, datetime]]]:
        heard: dict[str, dict[str, dict[str, datetime]]] = {}
        for entry in sorted(self._of(account), key=lambda entry: entry.processed_at):
            if entry.affiliate in affiliates:
                heard.setdefault(entry.affiliate, {}).setdefault(entry.kind, {})[entry.status] = entry.processed_at
        return heard

    async def count_recent(self, account: str, affiliate: str, kind: str, *, since: datetime) -> Recent:
        found = [
            (entry.processed_at, entry.status)
            for entry in self._of(account)
            if (entry.affiliate, entry.kind) == (affiliate, kind) and entry.processed_at >= since
        ]
        newest = sorted(found, reverse=True)[:MOST_RECENT]
        return Recent(len(newest), sum(status == "error" for _, status in newest))

    def _of(self, account: str) -> list[LogEntry]:
        entries = map(entry_from_document, self._log.entries.values())
        return [entry for entry in entries if entry.account == account]


class FakeAudit:
    """Audit."""

    def __init__(self) -> None:
        self.lines: list[AuditLine] = []

    async def record(self, line: AuditLine) -> None:
        self.lines.append(line)

    async def list_lines(
        self, account: str, rows: AuditFilter, *, after: Position | None, ascending: bool = False, limit: int
    ) -> list[AuditLine]:
        def place(line: AuditLine) -> tuple[datetime, str]:
            return line.at, line.id

        found = [
            line
            for line in self.lines
            if line.account == account
            and (not rows.actor or line.key_id in rows.actor)
            and (not rows.action or line.action in rows.action)
            and (not rows.target or line.target in rows.target)
            and (rows.from_at is None or line.at >= rows.from_at)
            and (rows.to_at is None or line.at < rows.to_at)
        ]
        return _beyond(found, place, after and (after.at, after.id), ascending=ascending)[:limit]


class FakeKeys:
    """KeyStore."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}

    async def find_key(self, digest: str) -> ApiKey | None:
        return self.keys.get(digest)

    async def find_key_by_id(self, account: str, key_id: str) -> ApiKey | None:
        return next((key for key in self.keys.values() if (key.account, key.id) == (account, key_id)), None)

    async def add_key(self, key: ApiKey, digest: str) -> None:
        if all(known.id != key.id for known in self.keys.values()):
            self.keys[digest] = key

    async def put_key(self, key: ApiKey, digest: str) -> None:
        self.keys = {known: one for known, one in self.keys.items() if (one.account, one.id) != (key.account, key.id)}
        self.keys[digest] = key

    async def list_keys(
        self, account: str, *, after: Position | None, ascending: bool = False, limit: int
    ) -> list[ApiKey]:
        def place(key: ApiKey) -> tuple[datetime, str]:
            return key.created_at, key.id

        mine = [key for key in self.keys.values() if key.account == account]
        return _beyond(mine, place, after and (after.at, after.id), ascending=ascending)[:limit]

    async def note_use(self, key_id: str, *, at: datetime, unless_since: datetime) -> None:
        for digest, key in self.keys.items():
            if key.id == key_id and (key.last_used_at is None or key.last_used_at <= unless_since):
                self.keys[digest] = replace(key, last_used_at=at)

    async def revoke_key(self, account: str, key_id: str, *, at: datetime) -> ApiKey | None:
        key = await self.find_key_by_id(account, key_id)
        return None if key is None else self._set(key, revoked_at=key.revoked_at or at)

    async def replace_key(self, account: str, key_id: str, *, by: str, until: datetime, now: datetime) -> ApiKey | None:
        key = await self.find_key_by_id(account, key_id)
        if key is None or key.state_at(now) != "active" or key.replaced_by is not None:
            return None
        return self._set(key, expires_at=until, replaced_by=by)

    def _set(self, key: ApiKey, **changes: Any) -> ApiKey:
        digest = next(digest for digest, known in self.keys.items() if known.id == key.id)
        self.keys[digest] = replace(key, **changes)
        return self.keys[digest]


class FakeCredentials(FakeKeys):
    """Credentials."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, tuple[Caller, datetime]] = {}
        self.sessions: dict[str, tuple[Caller, datetime]] = {}

    async def save_code(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        self.codes[digest] = replace(holder, by_session=False, request_id=""), expires_at

    async def take_code(self, digest: str, *, now: datetime) -> Caller | None:
        if digest not in self.codes or self.codes[digest][1] <= now:
            return None
        return self.codes.pop(digest)[0]

    async def save_session(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        self.sessions[digest] = replace(holder, by_session=True, request_id=""), expires_at

    async def find_session(self, digest: str, *, now: datetime) -> Caller | None:
        holder, expires_at = self.sessions.get(digest, (None, now))
        return holder if expires_at > now else None

    async def end_session(self, digest: str) -> None:
        self.sessions.pop(digest, None)

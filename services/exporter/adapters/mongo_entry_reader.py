"""Log entries in the order of their ids, as of one moment, in constant memory."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import ExecutionTimeout, NetworkTimeout, OperationFailure

from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.errors import StoreUnavailable
from shared.contracts.filters import LogFilter
from shared.contracts.names import INTEGRATIONS, KINDS, LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import query_of
from shared.runtime.ending import rest
from shared.runtime.logging import get_logger
from shared.runtime.retry import delay_before

log = get_logger(__name__)

FIELDS: Final = dict.fromkeys(
    (
        "account", "kind", "affiliate", "code", "state.status", "state.processed_at", "state.received_at",
        "state.causes.code", "state.causes.message", "state.causes.field", "first_seen_at", "last_success_at", "attempts",
        "aliases", "reprocess.id", "reprocess.state",
    ),
    1,
)  # fmt: skip
"""Without payload and evidence: they make up most of a document and stand in no column."""

COUNT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
"""Longest wait for one batch: a rare filter over millions of entries scans for a while, far beyond the client's deadline."""

WINDOW: Final = 20_000
"""Entries that one question examines at most where that was too short: no index serves the filter, and asked again it would take as long."""

TIMEOUTS: Final = (ExecutionTimeout, NetworkTimeout)

MAX_BATCH_CHARACTERS: Final = 4_000_000
"""Message text of one batch: a page of HTML in each of 2,000 rows must not fill the memory."""

PORTION: Final = 50
"""Documents between two looks at how much text came in; one by one takes 15 µs more for each."""

TRIES: Final = 8
"""Resumptions in a row, some 20 s with their delays: longer than a fail-over takes."""

AFTER_SEPARATOR: Final = chr(ord("|") + 1)

SNAPSHOT_GONE: Final = frozenset({239, 246})
"""SnapshotTooOld, SnapshotUnavailable: MongoDB keeps a moment for five minutes unless it is told otherwise."""


class MongoEntryReader:
    """Reads `log_entries` in a snapshot session."""

    def __init__(self, database: Database, *, batch_rows: int = 2_000) -> None:
        self._database = database
        self._batch_rows = batch_rows

    @asynccontextmanager
    async def read(self, account: str, rows: LogFilter) -> AsyncIterator["MongoReading"]:
        """Open a pass over the entries; its moment is that of its first question."""
        async with self._database.client.start_session(snapshot=True) as session:
            yield MongoReading(self._database, session, account, rows, self._batch_rows)


class MongoReading:
    """One pass."""

    def __init__(
        self, database: Database, session: AsyncClientSession, account: str, rows: LogFilter, batch_rows: int
    ) -> None:
        self._integrations = database[INTEGRATIONS]
        self._entries = database[LOG_ENTRIES]
        self._session: AsyncClientSession | None = session
        self._account = account
        self._rows = rows
        self._query = query_of(account, rows)
        self._batch_rows = batch_rows

    @property
    def is_one_moment(self) -> bool:
        """Whether the snapshot still holds."""
        return self._session is not None

    async def marketplaces(self) -> Mapping[str, str]:
        """Return affiliate → marketplace name."""
        with translated():
            known = await self._integrations.find({"account": {"$eq": self._account}}).to_list()
        return {item["affiliate"]: item["marketplace"] for item in known if item.get("marketplace")}

    async def count(self) -> int | None:
        """Return the number of entries at the snapshot's moment."""
        with translated():
            try:
                with pymongo.timeout(COUNT_SECONDS):
                    return await self._entries.count_documents(self._query, session=self._session)
            except (ExecutionTimeout, NetworkTimeout):
                return None
            except OperationFailure as error:
                if error.code not in SNAPSHOT_GONE:
                    raise
                self._give_up_snapshot(error)
                return None

    async def batches(self) -> AsyncIterator[list[LogEntry]]:
        """Yield the entries, range by range."""
        for lower, upper in id_ranges(self._account, self._rows):
            async for entries in self._range(lower, upper):
                yield entries

    async def _range(self, after: str, upper: str) -> AsyncIterator[list[LogEntry]]:
        failures, stop, in_windows = 0, upper, False
        while True:
            try:
                if in_windows:
                    stop = await self._end_of_window(after, upper)
                async for entries in self._follow(after, stop, by_id=in_windows):
                    after, failures = entries[-1].id, 0
                    yield entries
            except StoreUnavailable as error:
                in_windows = in_windows or isinstance(error.__cause__, TIMEOUTS)
                failures += 1
                if failures > TRIES:
                    raise
                log.warning("read.resumed", extra={"facts": {"after": after, "why": str(error)}})
                await rest(delay_before(failures))
            except OperationFailure as error:
                self._give_up_snapshot(error)
            else:
                if stop == upper:
                    return
                after, failures = stop, 0

    async def _end_of_window(self, after: str, upper: str) -> str:
        within = {"_id": {"$gt": after, "$lt": upper}}
        cursor = self._entries.find(
            within, {"_id": 1}, sort={"_id": 1}, skip=WINDOW - 1, limit=1, session=self._session
        )
        with _translated_but_snapshots(), pymongo.timeout(READ_SECONDS):
            last = await cursor.to_list()
        return last[0]["_id"] if last else upper

    async def _follow(self, after: str, stop: str, *, by_id: bool = False) -> AsyncIterator[list[LogEntry]]:
        chosen = {**self._query, "_id": {"$gt": after, "$lte": stop}}
        cursor = self._entries.find(
            chosen,
            FIELDS,
            sort={"_id": 1},
            batch_size=self._batch_rows,
            allow_disk_use=True,
            session=self._session,
            hint="_id_" if by_id else None,
        )
        async with cursor:
            while entries := await self._next_batch(cursor):
                yield entries

    async def _next_batch(self, cursor: AsyncCursor[Document]) -> list[LogEntry]:
        entries: list[LogEntry] = []
        characters = 0
        with _translated_but_snapshots(), pymongo.timeout(READ_SECONDS):
            while len(entries) < self._batch_rows and characters < MAX_BATCH_CHARACTERS:
                documents = await cursor.to_list(min(PORTION, self._batch_rows - len(entries)))
                if not documents:
                    break
                entries += map(entry_from_document, documents)
                characters += sum(_characters(document) for document in documents)
        return entries

    def _give_up_snapshot(self, error: OperationFailure) -> None:
        """Go on with what stands there now: each entry still comes once, but no longer all as of one moment."""
        if self._session is None:
            raise StoreUnavailable(str(error)) from error
        log.warning("snapshot.given_up", extra={"facts": {"account": self._account, "why": str(error)}})
        self._session = None


@contextmanager
def _translated_but_snapshots() -> Iterator[None]:
    with translated():
        try:
            yield
        except OperationFailure as error:
            if error.code not in SNAPSHOT_GONE:
                raise
            gone = error
        else:
            return
    raise gone


def _characters(document: Document) -> int:
    return sum(len(cause.get("message") or "") for cause in document["state"].get("causes", ()))


def id_ranges(account: str, rows: LogFilter) -> list[tuple[str, str]]:
    """Return (lower, upper), both exclusive, of the ids that the filter's kinds and affiliates allow, in ascending order."""
    prefixes = [f"{account}|{kind}|" for kind in KINDS if not rows.kind or kind in rows.kind]
    if rows.affiliate:
        prefixes = [f"{prefix}{affiliate}|" for prefix in prefixes for affiliate in sorted(rows.affiliate)]
    return [(prefix, prefix[:-1] + AFTER_SEPARATOR) for prefix in prefixes]

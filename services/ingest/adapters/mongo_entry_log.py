"""The log as it changes, by one change stream, and as it stood at a cluster time, by one aggregation.

The stream carries a state's few counted fields and no document: ingest writes what a state was beside what it becomes (`was`), and what an
entry was before it is deleted (`leaving`).
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure

from services.ingest.core.rollup import Change, Counted, Deltas, Facts, Unaccountable
from services.ingest.handlers.rolling_up import HistoryLost, Place, Told
from shared.contracts.errors import Defect, PonteError
from shared.contracts.names import LOG_ENTRIES
from shared.contracts.rollups import sorted_codes
from shared.mongo.client import UTC_AWARE, Database, Document
from shared.mongo.errors import translated
from shared.mongo.tokens import cluster_time_of

_CHANGED: Final = "updateDescription.updatedFields"
_COUNTED: Final = ("status", "processed_at", "causes.code")
PIPELINE: Final[list[Document]] = [
    {
        "$match": {
            "$or": [
                {"operationType": {"$ne": "update"}},
                {f"{_CHANGED}.state": {"$exists": True}},
                {f"{_CHANGED}.leaving": {"$exists": True}},
            ]
        }
    },
    {
        "$project": {
            "operationType": 1,
            "documentKey": 1,
            "clusterTime": 1,
            **{f"{outer}.{path}": 1 for outer in ("fullDocument.state", f"{_CHANGED}.state") for path in _COUNTED},
            f"{_CHANGED}.was": 1,
            f"{_CHANGED}.leaving": 1,
        }
    },
]
WAIT_MS: Final = 1_000
LOST: Final = frozenset({239, 260, 280, 286, 10334})
"""Snapshot too old, token not valid, stream cannot go on, no longer in the oplog, a change too large to tell."""

COUNT: Final[list[Document]] = [
    {
        "$group": {
            "_id": {
                "account": "$account",
                "kind": "$kind",
                "affiliate": "$affiliate",
                "status": "$state.status",
                "hour": {"$dateTrunc": {"date": "$state.processed_at", "unit": "hour"}},
                "codes": {"$ifNull": ["$state.causes.code", []]},
            },
            "count": {"$sum": 1},
        }
    },
    {"$sort": {"_id.account": 1, "_id.kind": 1, "_id.affiliate": 1, "_id.hour": 1}},
]
"""Sorted, so that a piece of the answer touches few rows."""

PIECE: Final = 5_000


class MongoEntryLog:
    """The port EntryLog. `patient` is the same database through a client that waits long for an answer."""

    def __init__(self, database: Database, patient: Database) -> None:
        self._database = database
        self._patient = patient

    @asynccontextmanager
    async def follow(self, place: Place) -> AsyncGenerator["MongoChanges", None]:
        """Open the change stream behind `place`."""
        start = {"resumeAfter": place.token} if place.token else {"startAtOperationTime": _after(place.applied)}
        async with self._database.client.start_session() as session:
            batches = _Batches(self._database, session)
            await batches.open([{"$changeStream": start}, *PIPELINE])
            try:
                yield MongoChanges(batches, place)
            finally:
                await batches.close()

    async def here(self) -> Place:
        """Return the cluster time of now."""
        with translated():
            now: Timestamp = (await self._database.command("ping"))["operationTime"]
        return Place(None, now, _instant(now))

    async def count(self, place: Place) -> AsyncIterator[Deltas]:
        """Read every entry once, as all stood at `place`."""
        with _lost_told_apart(), translated():
            cursor = await self._patient.cursor_command(
                {
                    "aggregate": LOG_ENTRIES,
                    "pipeline": COUNT,
                    "cursor": {"batchSize": PIECE},
                    "allowDiskUse": True,
                    "readConcern": {"level": "snapshot", "atClusterTime": place.applied},
                },
                codec_options=self._patient.codec_options,
            )
            async with cursor.batch_size(PIECE):
                while piece := await cursor.to_list(PIECE):
                    yield _deltas(piece)


class _Batches:
    """A change stream, batch by batch: the driver hands its events out one by one, which costs more than all that is done with them."""

    def __init__(self, database: Database, session: AsyncClientSession) -> None:
        self._database = database
        self._session = session
        self._cursor = 0

    async def open(self, pipeline: Sequence[Document]) -> None:
        """Begin; events are read by `next`."""
        asked = {"aggregate": LOG_ENTRIES, "pipeline": pipeline, "cursor": {"batchSize": 0}}
        await self._turn({**asked, "readConcern": {"level": "majority"}})

    async def next(self, at_most: int) -> tuple[Sequence[Document], Mapping[str, Any]]:
        """Return the next events, none when nothing came within a second; and the token behind them."""
        if not self._cursor:
            raise HistoryLost("the collection was dropped or renamed")
        asked = {"getMore": self._cursor, "collection": LOG_ENTRIES, "batchSize": at_most, "maxTimeMS": WAIT_MS}
        answer = await self._turn(asked)
        return answer["nextBatch"], answer["postBatchResumeToken"]

    async def close(self) -> None:
        """End the stream at the server, if that answers."""
        if self._cursor:
            with suppress(PonteError):
                await self._ask({"killCursors": LOG_ENTRIES, "cursors": [self._cursor]})

    async def _turn(self, command: Document) -> Document:
        self._cursor = 0  # of one that fails there is nothing to close
        answer: Document = (await self._ask(command))["cursor"]
        self._cursor = answer["id"]
        return answer

    async def _ask(self, command: Document) -> Document:
        with _lost_told_apart(), translated():
            return await self._database.command(command, session=self._session, codec_options=UTC_AWARE)


class MongoChanges:
    """The port Changes."""

    def __init__(self, batches: _Batches, place: Place) -> None:
        self._batches = batches
        self._place = place
        self._ahead: list[Document] = []

    async def next(self, at_most: int) -> Told:
        """Return what has come by now, whole cluster times; whoever rests between two looks reads more at once."""
        documents, self._ahead = self._ahead, []
        while True:
            batch, token = await self._batches.next(max(at_most - len(documents), 0) + 1)
            if not batch:
                return self._told(documents, quiet=token)
            documents += batch
            if whole := _whole(documents):
                self._ahead = documents[whole:]
                return self._told(documents[:whole])

    def _told(self, documents: Sequence[Document], *, quiet: Mapping[str, Any] | None = None) -> Told:
        if documents:
            last = documents[-1]
            self._place = Place(last["_id"], last["clusterTime"], _instant(last["clusterTime"]))
        if quiet is not None:
            self._place = _quiet_place(self._place, quiet)
        return Told([_change(document) for document in documents], self._place, is_all=quiet is not None)


def _whole(documents: Sequence[Document]) -> int:
    """Return how many of the documents are surely all of their cluster times: all but those of the last one."""
    count = max(len(documents) - 1, 0)
    while count and documents[count - 1]["clusterTime"] == documents[count]["clusterTime"]:
        count -= 1
    return count


def _change(document: Document) -> Change:
    identity = document.get("documentKey", {}).get("_id", "")
    what, fields = document["operationType"], document.get("updateDescription", {}).get("updatedFields", {})
    if what == "insert":
        return Change(identity, None, _facts(document["fullDocument"]["state"]))
    if what == "delete":
        return Change(identity, None, None)
    if what == "update" and "leaving" in fields:
        return Change(identity, _facts(fields["leaving"]), None)
    if what == "update" and "was" in fields:
        return Change(identity, _facts(fields["was"]), _facts(fields["state"]))
    raise Unaccountable(f"{what} of {identity or LOG_ENTRIES} does not say what was there before")


def _facts(state: Mapping[str, Any]) -> Facts:
    """Read a state, or the few fields kept of one (see shared/contracts/entries.py)."""
    codes = state["codes"] if "codes" in state else [one["code"] for one in state.get("causes", ()) if "code" in one]
    at: datetime = state["processed_at"]
    return Facts(state["status"], at.replace(minute=0, second=0, microsecond=0), sorted_codes(codes) if codes else ())


def _deltas(groups: Iterable[Document]) -> Deltas:
    counts: dict[Counted, int] = {}
    for group in groups:
        by = group["_id"]
        facts = Facts(by["status"], by["hour"], sorted_codes(by["codes"]))
        counted = Counted(by["account"], by["kind"], by["affiliate"], facts)
        counts[counted] = counts.get(counted, 0) + group["count"]
    return counts


def _quiet_place(place: Place, token: Mapping[str, Any]) -> Place:
    """Return the place that a stream without news has come to: it has seen all before its token's time, which may still go on."""
    at = cluster_time_of(token)
    if at is None:
        return place
    applied = max(place.applied, Timestamp(at.time, max(at.inc - 1, 0)))
    return Place(token, applied, _instant(applied))


def _after(time_: Timestamp) -> Timestamp:
    return Timestamp(time_.time, time_.inc + 1)


def _instant(time_: Timestamp) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_.time)


@contextmanager
def _lost_told_apart() -> Iterator[None]:
    """Raise HistoryLost where the server says that it cannot tell what was. Of a token that it cannot read it says so in many ways."""
    try:
        yield
    except Defect as error:
        cause = error.__cause__
        if isinstance(cause, OperationFailure) and (cause.code in LOST or "token" in str(cause).lower()):
            raise HistoryLost(str(error)) from error
        raise

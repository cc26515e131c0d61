"""The log as it changes, by one change stream, and as it stood at a cluster time, by one aggregation.

The stream carries a state's few counted fields and no document: ingest writes what a state was beside what it becomes (`was`), and what an
entry was before it is deleted (`leaving`).
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson.timestamp import Timestamp
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.errors import OperationFailure

from services.ingest.core.rollup import Change, Counted, Deltas, Facts, Unaccountable
from services.ingest.handlers.rolling_up import HistoryLost, Place, Told
from shared.contracts.errors import Defect
from shared.contracts.names import LOG_ENTRIES
from shared.contracts.rollups import sorted_codes
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

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
FETCHED: Final = 1_000
WAIT_MS: Final = 1_000
GATHER_SECONDS: Final = 0.25
"""A log that never rests is told in pieces."""

LOST: Final = frozenset({239, 260, 280, 286, 10334})
"""Snapshot too old, token not valid, stream cannot go on, no longer in the oplog, a change too large to tell."""

_TIME_AT: Final = slice(2, 18)
"""A resume token begins with its time: a mark, then seconds and number, eight hex digits each (all versions since 4.0)."""

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
        start = {"resume_after": place.token} if place.token else {"start_at_operation_time": _after(place.applied)}
        with _lost_told_apart(), translated():
            stream = await self._database[LOG_ENTRIES].watch(
                PIPELINE, batch_size=FETCHED, max_await_time_ms=WAIT_MS, **start
            )
        async with stream:
            yield MongoChanges(stream, place)

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


class MongoChanges:
    """The port Changes."""

    def __init__(self, stream: AsyncChangeStream[Document], place: Place) -> None:
        self._stream = stream
        self._place = place
        self._ahead: Document | None = None

    async def next(self, at_most: int) -> Told:
        """Return what came within a moment, whole cluster times."""
        changes: list[Change] = []
        until = float("inf")
        while (document := await self._next()) is not None:
            until = until if changes else time.monotonic() + GATHER_SECONDS
            is_enough = len(changes) >= at_most or time.monotonic() > until
            if changes and is_enough and document["clusterTime"] != self._place.applied:
                self._ahead = document
                return Told(changes, self._place, is_all=False)
            changes.append(_change(document))
            self._place = Place(document["_id"], document["clusterTime"], _instant(document["clusterTime"]))
        self._place = _quiet_place(self._place, self._stream.resume_token)
        return Told(changes, self._place, is_all=True)

    async def _next(self) -> Document | None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead
        with _lost_told_apart(), translated():
            if not self._stream.alive:
                raise HistoryLost("the collection was dropped or renamed")
            return await self._stream.try_next()


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


def _quiet_place(place: Place, token: Mapping[str, Any] | None) -> Place:
    """Return the place that a stream without news has come to: it has seen all before its token's time, which may still go on."""
    digits = str((token or {}).get("_data", ""))[_TIME_AT]
    try:
        reached = Timestamp(int(digits[:8], 16), max(int(digits[8:], 16) - 1, 0))
    except ValueError:  # a token of another make
        return place
    applied = max(place.applied, reached)
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

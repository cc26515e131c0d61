"""The feed of changes from one change stream of MongoDB: ids only, since whoever wants an entry reads it once for all.

Asking the change stream for the documents (`updateLookup`) would cost the server as much again for every update, wanted or not, and
images of before would double ingest's writes. It starts by time instead of by token: a position then means the same to every process.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from bson.timestamp import Timestamp
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure

from services.query.core.stream.changes import CaughtUp, Change, What, is_bookkeeping
from services.query.core.stream.position import Position, position_of, time_of
from services.query.handlers.stream.ports import HistoryLost
from shared.contracts.errors import Defect
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.tokens import cluster_time_of

KINDS_OF_CHANGE: Final[Mapping[str, What]] = {
    "insert": "made",
    "update": "changed",
    "replace": "changed",
    "delete": "gone",
}
PIPELINE: Final[list[Document]] = [
    {"$match": {"operationType": {"$in": [*KINDS_OF_CHANGE]}}},
    {
        "$project": {
            "operationType": 1,
            "documentKey": 1,
            "clusterTime": 1,
            "removed": "$updateDescription.removedFields",
            "paths": {"$map": {"input": {"$objectToArray": "$updateDescription.updatedFields"}, "in": "$$this.k"}},
        }
    },
]
BATCH: Final = 500
WAIT_MS: Final = 1_000
LOST: Final = frozenset({260, 280, 286, 10334})
"""Token not valid, stream cannot go on, no longer in the oplog, a change too large to tell."""

Stream = AsyncChangeStream[Document]


class MongoChangeFeed:
    """The port ChangeFeed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]

    async def follow(self, since: Position | None) -> AsyncGenerator[Change | CaughtUp, None]:
        """Yield changes after `since`, or from now on."""
        with _lost_told_apart(), translated():
            opened_at = await self._now()
            start = opened_at if since is None else since
            time = Timestamp(*time_of(start))
            async with await self._entries.watch(
                PIPELINE, start_at_operation_time=time, batch_size=BATCH, max_await_time_ms=WAIT_MS
            ) as stream:
                if since is None:
                    yield CaughtUp(start)
                async for told in _told(stream, after=start, opened_at=opened_at):
                    yield told
        raise HistoryLost("the collection was dropped or renamed")

    async def _now(self) -> Position:
        time: Timestamp = (await self._database.command("ping"))["operationTime"]
        return position_of(time.time, time.inc + 1)


async def _told(stream: Stream, *, after: Position, opened_at: Position) -> AsyncGenerator[Change | CaughtUp, None]:
    at, time, turn = after, None, 0
    is_behind = after < opened_at
    while stream.alive:
        document = await stream.try_next()
        if document is None:
            at, is_behind = max(at, _position_of_token(stream.resume_token)), False
            yield CaughtUp(at)
            continue
        turn = turn + 1 if document["clusterTime"] == time else 1
        time = document["clusterTime"]
        at = position_of(time.time, time.inc, turn)
        if is_behind and at >= opened_at:  # a busy log never pauses
            is_behind = False
            yield CaughtUp(position_of(time.time, time.inc))
        if at > after and not _is_unseen(document):
            yield Change(at, document["documentKey"]["_id"], KINDS_OF_CHANGE[document["operationType"]])


def _is_unseen(document: Document) -> bool:
    paths = document.get("paths")
    return paths is not None and is_bookkeeping([*paths, *(document.get("removed") or ())])


def _position_of_token(token: Mapping[str, Any] | None) -> Position:
    """Return the place before everything of the token's time; 0 for a token of another make."""
    at = cluster_time_of(token)
    return Position(0) if at is None else position_of(at.time, at.inc)


@contextmanager
def _lost_told_apart() -> Iterator[None]:
    """Raise HistoryLost where the server says that it cannot tell what changed since."""
    try:
        yield
    except Defect as error:
        if isinstance(error.__cause__, OperationFailure) and error.__cause__.code in LOST:
            raise HistoryLost(str(error)) from error
        raise

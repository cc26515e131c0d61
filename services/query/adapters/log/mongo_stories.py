"""Stories from MongoDB: entries along the index of their ids, and the attempts of several entries along theirs, in bounded work."""

from collections.abc import Sequence
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from services.query.adapters.log.mongo_counting import count_up_to
from services.query.adapters.log.stretch import ATTEMPT_ORDER, on_one_side
from services.query.core.narrowing import too_long_a_story
from services.query.core.story import Moment, Place, state_of
from shared.contracts.entries import LogEntry, attempt_from_document, entry_from_document
from shared.contracts.errors import TooBroad
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES, Kind
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import attempts_of

TOLD: Final = (
    *("version", "status", "processed_at", "received_at", "sequence", "reprocess_id"),
    *("causes.code", "causes.message", "causes.field", "extra.log.message"),
)
"""What a line tells of an attempt: no content, which may be long."""

SHOWN: Final = dict.fromkeys(
    (
        *("account", "kind", "affiliate", "code", "aliases"),
        *("attempts", "first_seen_at", "last_success_at", "reprocess"),
        *(f"state.{name}" for name in (*TOLD, "groups")),
    ),
    1,
)
LINE_ORDER: Final = (*ATTEMPT_ORDER, "_id")


class MongoStories:
    """The port StoryReader."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._attempts: AsyncCollection[Document] = database[ATTEMPTS]
        self._limit_ms = time_limit_ms

    async def list_by_id(self, account: str, kind: Kind, folded: str, *, limit: int) -> list[LogEntry]:
        """Return the entries, each of them one key."""
        query = {"account": {"$eq": account}, "kind": {"$eq": kind}, "ids": {"$eq": folded}}
        asking: dict[str, Any] = {"limit": limit, "hint": "by_ids", "max_time_ms": self._limit_ms}
        with translated():
            found = await self._entries.find(query, SHOWN, **asking).to_list()
        return [entry_from_document(document) for document in found]

    async def list_older(
        self, entries: Sequence[LogEntry], *, after: Place | None, limit: int, ascending: bool = False
    ) -> list[Moment]:
        """Return the attempts; all those of `entries` are looked at. Raise TooBroad when they do not come in time."""
        beyond = {} if after is None else on_one_side(LINE_ORDER, after, ascending=ascending)
        # All of the condition stands in each alternative: beside them, MongoDB would walk the index from end to end.
        histories = [{"_id": _older(entry), **beyond} for entry in entries]
        pipeline: list[dict[str, Any]] = [
            {"$match": {"$or": histories}},
            {"$project": dict.fromkeys(TOLD, 1)},
            {"$sort": dict.fromkeys(LINE_ORDER, 1 if ascending else -1)},
            {"$limit": limit},
        ]
        with translated():
            try:
                found = await self._attempts.aggregate(pipeline, hint="_id_", maxTimeMS=self._limit_ms)
                return [_moment(document) for document in await found.to_list()]
            except ExecutionTimeout as error:
                raise TooBroad(too_long_a_story(within_ms=self._limit_ms)) from error

    async def count_older(self, entry: LogEntry, *, at_most: int) -> int:
        """Return how many there are, by their keys alone."""
        older = {"_id": _older(entry)}
        with translated():
            return await count_up_to(self._attempts, older, "_id_", limit=at_most, within_ms=self._limit_ms)

    async def find_place(self, attempt: str) -> Place | None:
        """Return its place."""
        with translated():
            found = await self._attempts.find_one({"_id": {"$eq": attempt}}, {"version": 1}, max_time_ms=self._limit_ms)
        return None if found is None else _place(found)


def _older(entry: LogEntry) -> Document:
    """Return the range of the attempts before the state: one that became a state meanwhile would be told twice."""
    return {**attempts_of(entry.id), "$ne": state_of(entry).attempt.id}


def _moment(document: Document) -> Moment:
    return Moment(_place(document), attempt_from_document(document))


def _place(document: Document) -> Place:
    order, sequence, source, event_id = document["version"]
    return order, sequence, source, event_id, document["_id"]

"""The history of one entry from MongoDB. Its newest attempt is the entry's own state, those before it stand in `attempts`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from services.query.adapters.log.mongo_counting import count_up_to
from services.query.core.cursor import Position
from services.query.core.narrowing import too_long_a_history
from shared.contracts.entries import Attempt, LogEntry, attempt_from_document, attempt_of_state
from shared.contracts.errors import TooBroad
from shared.contracts.events import attempt_id
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from shared.contracts.times import aware
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import Query

ATTEMPT_ORDER: Final = ("version.0", "version.1", "version.2", "version.3")
"""An attempt's place in the history is its version: order text, sequence, source, event id. Not the array as a whole: a sort would take its
largest member.
"""

OUTCOME: Final = ("status", "processed_at")


class MongoHistories:
    """Those methods of the port LogReader that tell of one entry's attempts."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._states: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._attempts: AsyncCollection[Document] = database[ATTEMPTS]
        self._limit_ms = time_limit_ms

    async def list_attempts(
        self, identity: str, *, after: Position | None, limit: int, ascending: bool = False
    ) -> list[Attempt]:
        """Return the first `limit` attempts beyond `after`, newest first, or oldest first."""
        with translated():
            newest = await self._newest(identity)
            is_after_newest = newest is not None and after is not None and after.id == newest["_id"]
            if ascending and is_after_newest:
                return []
            query = _before(identity, newest)
            if after is not None and newest is not None and not is_after_newest:
                query = {"$and": [query, await self._beyond(after, ascending=ascending)]}
            found = await self._read(query, None, limit, ascending=ascending)
        if newest is None:
            told = found
        elif ascending:
            told = [*found, newest]
        else:
            told = [newest, *found] if after is None else found
        return [attempt_from_document(document) for document in told[:limit]]

    async def list_outcomes(self, entry: LogEntry, *, limit: int, most: int) -> list[tuple[str, datetime]] | None:
        """Return (status, processed at) of the newest `limit` attempts; None where more than `most` are kept before the newest."""
        source, event_id = entry.version[2:]
        older = _before(entry.id, {"_id": attempt_id(entry.id, source, event_id)})
        with translated():
            if entry.attempts > most and await self._is_longer(older, most):
                return None
            found = await self._read(older, dict.fromkeys(OUTCOME, 1), limit)
        told = [(document["status"], aware(document["processed_at"])) for document in found]
        return [(entry.status, entry.processed_at), *told][:limit]

    async def find_last_success(self, identity: str) -> Attempt | None:
        """Return the newest attempt before the entry's state that succeeded."""
        with translated():
            found = await self._read({"_id": attempts_of(identity), "status": {"$eq": "success"}}, None, 1)
        return attempt_from_document(found[0]) if found else None

    async def _newest(self, identity: str) -> Document | None:
        """Read before the others: when a newer state comes meanwhile, this one stands among them and is not told twice."""
        entry = await self._states.find_one({"_id": {"$eq": identity}}, {"state": 1}, max_time_ms=self._limit_ms)
        return None if entry is None else attempt_of_state(identity, entry["state"])

    async def _is_longer(self, query: Query, most: int) -> bool:
        """Say whether more than `most` attempts are kept, by their keys alone: an entry counts those that expired, too."""
        return await count_up_to(self._attempts, query, "_id_", limit=most + 1, within_ms=self._limit_ms) > most

    async def _read(
        self, query: Query, fields: Document | None, limit: int, *, ascending: bool = False
    ) -> list[Document]:
        found = self._attempts.find(query, fields, max_time_ms=self._limit_ms)
        direction = 1 if ascending else -1
        try:
            return await found.sort([(field, direction) for field in ATTEMPT_ORDER]).limit(limit).to_list()
        except ExecutionTimeout as error:
            raise TooBroad(too_long_a_history(within_ms=self._limit_ms)) from error

    async def _beyond(self, after: Position, *, ascending: bool) -> Query:
        known = await self._attempts.find_one({"_id": {"$eq": after.id}}, {"version": 1}, max_time_ms=self._limit_ms)
        if known is None:  # expired meanwhile, and all older ones with it
            return {} if ascending else {"_id": {"$in": []}}
        return on_one_side(ATTEMPT_ORDER, known["version"], ascending=ascending)


def attempts_of(identity: str) -> Mapping[str, str]:
    """Return the range of `_id` that holds the attempts of an entry: they start with its id and U+001F."""
    return {"$gt": f"{identity}\x1f", "$lt": f"{identity}\x20"}


def on_one_side(paths: Sequence[str], place: Sequence[Any], *, ascending: bool) -> Query:
    """Return the condition of standing above or below `place` in the order of `paths`: alike in the first of them, and not in the next."""
    pairs, side = list(zip(paths, place, strict=True)), "$gt" if ascending else "$lt"
    return {
        "$or": [
            {**{name: {"$eq": part} for name, part in pairs[:at]}, path: {side: value}}
            for at, (path, value) in enumerate(pairs)
        ]
    }


def _before(identity: str, newest: Document | None) -> Query:
    if newest is None:
        return {"_id": attempts_of(identity)}
    return {"_id": {**attempts_of(identity), "$ne": newest["_id"]}}

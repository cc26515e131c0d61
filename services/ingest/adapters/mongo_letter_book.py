"""Dead letters in MongoDB: inserted once, walked by the index that answers the filter, marked when they went back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import bson
from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from services.ingest.core.replay import Walk
from services.ingest.handlers.ports import Document, Replayed
from shared.contracts.dead_letters import Letter, LetterState, letter_from_document
from shared.contracts.errors import Defect, OutcomeUnknown, StoreUnavailable
from shared.contracts.names import DEAD_LETTERS
from shared.mongo.client import Database
from shared.mongo.errors import DUPLICATE_KEY, TRANSIENT_CODES, translated
from shared.mongo.letters import Query, letters_beyond, letters_index, letters_query
from shared.runtime.logging import get_logger

log = get_logger(__name__)

AT_ONCE: Final = 50
"""Letters fetched with one answer: values may have two mebibytes, and MongoDB ends an answer at sixteen."""


class MongoLetterBook:
    """The port LetterBook."""

    def __init__(self, database: Database) -> None:
        self._letters: AsyncCollection[Document] = database[DEAD_LETTERS]

    async def keep(self, letters: Sequence[Document]) -> int:
        """Insert what is not there yet; each is proved encodable first, so that none keeps the others out."""
        sound = [letter for letter in letters if _is_sound(letter)]
        doubles = await self._write([InsertOne(letter) for letter in sound])
        await self._write(
            [
                UpdateOne(
                    {"_id": {"$eq": letter["previous"]}, "account": {"$eq": letter["account"]}},
                    {"$set": {"came_back_as": letter["_id"]}},
                )
                for letter in sound
                if "previous" in letter
            ]
        )
        return len(sound) - doubles

    async def survey(self) -> tuple[int, datetime | None]:
        """Return the collection's own count, and `received_at` of the first in the index that expires."""
        with translated():
            kept = await self._letters.estimated_document_count()
            first = await self._letters.find_one({}, {"received_at": 1}, sort=[("expires_at", 1)])
        return kept, first["received_at"] if first else None

    async def count_open(self, walk: Walk) -> int:
        """Return how many open letters the walk passes in all."""
        with translated():
            return await self._letters.count_documents(_query(walk), hint=_hint(walk))

    async def next_open(self, walk: Walk, *, limit: int, max_bytes: int) -> Sequence[Letter]:
        """Return the next open letters of the walk, oldest first, or by id where ids are named."""
        query = _query(walk)
        if walk.ids is None and walk.last_at is not None:
            query = letters_beyond(query, walk.last_at, walk.last_id, ascending=True)
        order = ["_id"] if walk.ids is not None else ["received_at", "_id"]
        cursor = self._letters.find(query).sort([(name, 1) for name in order]).hint(_hint(walk))
        found: list[Letter] = []
        size = 0
        with translated():
            async with cursor.limit(limit).batch_size(AT_ONCE) as documents:
                async for document in documents:
                    found.append(letter_from_document(document))
                    size += found[-1].size
                    if size >= max_bytes:
                        break
        return found

    async def mark_replayed(self, account: str, ids: Sequence[str], replayed: Replayed) -> None:
        """Mark those that are open."""
        with translated():
            await self._letters.update_many(
                {"_id": {"$in": list(ids)}, "account": {"$eq": account}, "state": {"$eq": "open"}},
                {
                    "$set": {
                        "state": "replayed",
                        "replay": {"at": replayed.at, "by": replayed.by, "id": replayed.job_id},
                    }
                },
            )

    async def count_replayed(self, walk: Walk, job_id: str) -> int:
        """Return how many letters of the walk the job has marked; each that was replayed is looked at."""
        query = {**_query(walk, "replayed"), "replay.id": {"$eq": job_id}}
        with translated():
            return await self._letters.count_documents(query, hint=_hint(walk))

    async def _write(self, operations: Sequence[InsertOne[Document] | UpdateOne]) -> int:
        """Return how many inserts met their double."""
        if not operations:
            return 0
        try:
            with translated():
                await _unordered(self._letters, operations)
        except _Doubles as doubles:
            return doubles.count
        return 0


class _Doubles(Exception):  # the good kind: they were there before
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count


async def _unordered(collection: AsyncCollection[Any], operations: Sequence[Any]) -> None:
    try:
        await collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if error.details.get("writeConcernErrors"):
            raise OutcomeUnknown("letters are written, but perhaps not durable") from error
        others = [item for item in error.details.get("writeErrors", ()) if item["code"] != DUPLICATE_KEY]
        if any(item["code"] in TRANSIENT_CODES for item in others):
            raise StoreUnavailable(str(others[0].get("errmsg"))) from error
        if others:
            msg = f"MongoDB refused a dead letter: {others[0].get('errmsg')}"
            raise Defect(msg) from error
        raise _Doubles(len(error.details.get("writeErrors", ()))) from error


def _query(walk: Walk, state: LetterState = "open") -> Query:
    if walk.ids is None:
        return letters_query(walk.account, replace(walk.rows, state=(state,)))
    # The ids are sorted as MongoDB sorts them: all are ASCII.
    left = [identity for identity in walk.ids if identity > walk.last_id]
    return {"_id": {"$in": left}, "account": {"$eq": walk.account}, "state": {"$eq": state}}


def _hint(walk: Walk) -> str:
    return "_id_" if walk.ids is not None else letters_index(walk.rows)


def _is_sound(letter: Mapping[str, Any]) -> bool:
    try:
        bson.encode(letter)
    except MemoryError:  # says nothing of the letter
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, the letter still stands on its topic
        log.error("letter.unstorable", extra={"facts": {"id": letter["_id"], "why": str(error)}})  # noqa: TRY400
        return False
    return True

"""Dead letters from MongoDB: one index for each page, hinted, with a time limit on everything."""

from collections.abc import Sequence
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from services.query.adapters.log.mongo_counting import count_up_to
from services.query.core.cursor import Position
from services.query.handlers.dead_letters import ClassCount, Fate
from shared.contracts.dead_letters import Letter, LetterFilter, letter_from_document
from shared.contracts.names import DEAD_LETTERS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.letters import WITHOUT_CONTENT, Query, letters_beyond, letters_index, letters_query
from shared.mongo.paging import order_by

MAX_CLASSES: Final = 200


class MongoLetterReader:
    """The port LetterReader."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._letters: AsyncCollection[Document] = database[DEAD_LETTERS]
        self._time_limit_ms = time_limit_ms

    async def list_letters(
        self, account: str, rows: LetterFilter, *, after: Position | None, ascending: bool, limit: int
    ) -> list[Letter]:
        """Return the first `limit` letters beyond `after`."""
        query = letters_query(account, rows)
        if after is not None:
            query = letters_beyond(query, after.at, after.id, ascending=ascending)
        found = self._letters.find(query, WITHOUT_CONTENT, max_time_ms=self._time_limit_ms)
        found = found.sort(order_by("received_at", ascending=ascending)).limit(limit).hint(letters_index(rows))
        with translated():
            return [letter_from_document(document) for document in await found.to_list()]

    async def count_letters(self, account: str, rows: LetterFilter, *, at_most: int) -> int:
        """Return how many letters there are, never more than `at_most`."""
        with translated():
            query, index = letters_query(account, rows), letters_index(rows)
            return await count_up_to(self._letters, query, index, limit=at_most, within_ms=self._time_limit_ms)

    async def count_by_class(self, account: str, rows: LetterFilter) -> list[ClassCount]:
        """Return the error classes, most open letters first."""
        by = {"error_class": "$error_class", "state": "$state"}
        counts: dict[str, dict[str, int]] = {}
        for group in await self._group(letters_query(account, rows), by, hint="by_class"):
            counts.setdefault(group["_id"]["error_class"], {})[group["_id"]["state"]] = group["count"]
        found = [ClassCount(name, states.get("open", 0), states.get("replayed", 0)) for name, states in counts.items()]
        return sorted(found, key=lambda one: (-one.open, -one.replayed, one.error_class))[:MAX_CLASSES]

    async def find_letter(self, account: str, identity: str) -> Letter | None:
        """Return the letter, whole."""
        query = {"_id": {"$eq": identity}, "account": {"$eq": account}}
        with translated():
            found = await self._letters.find_one(query, max_time_ms=self._time_limit_ms)
        return None if found is None else letter_from_document(found)

    async def count_fates(self, account: str, rows: LetterFilter | None, identities: Sequence[str]) -> list[Fate]:
        """Return the letters by topic and state."""
        if rows is None:
            query: Query = {"_id": {"$in": list(identities)}, "account": {"$eq": account}}
            hint = "_id_"
        else:
            query, hint = letters_query(account, rows), letters_index(rows)
        by = {"topic": "$original.topic", "state": "$state"}
        return [
            Fate(group["_id"]["topic"], group["_id"]["state"], group["count"])
            for group in await self._group(query, by, hint=hint)
        ]

    async def _group(self, query: Query, by: Query, *, hint: str) -> list[dict[str, Any]]:
        pipeline = [{"$match": query}, {"$group": {"_id": by, "count": {"$sum": 1}}}]
        with translated():
            cursor = await self._letters.aggregate(pipeline, maxTimeMS=self._time_limit_ms, hint=hint)
            return await cursor.to_list()

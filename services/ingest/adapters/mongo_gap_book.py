"""Gaps in MongoDB."""

from datetime import datetime

from shared.contracts.gaps import Gap
from shared.contracts.names import GAPS
from shared.mongo.client import Database
from shared.mongo.errors import translated


class MongoGapBook:
    """The port GapBook on one database."""

    def __init__(self, database: Database) -> None:
        self._gaps = database[GAPS]

    async def note(self, gap: Gap, *, at: datetime, reads_on: bool) -> None:
        """Insert it unless it is there."""
        document = gap.document(at=at, reads_on=reads_on)
        with translated():
            await self._gaps.update_one({"_id": {"$eq": document.pop("_id")}}, {"$setOnInsert": document}, upsert=True)

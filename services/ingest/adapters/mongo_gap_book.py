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

    async def note(self, gap: Gap, *, at: datetime, reads_on: bool) -> bool:
        """Insert it unless it is there. A repeated call whose first answer was lost finds its own instant, and says True again."""
        document = gap.document(at=at, reads_on=reads_on)
        with translated():
            known = await self._gaps.find_one_and_update(
                {"_id": {"$eq": document.pop("_id")}}, {"$setOnInsert": document}, upsert=True
            )
        return known is None or known["at"] == document["at"]

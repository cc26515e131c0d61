"""The log from MongoDB: the port LogReader, put together from lists, totals, histories and the look at one entry."""

from services.query.adapters.log.mongo_entry_lists import MongoEntryLists
from services.query.adapters.log.mongo_entry_totals import MongoEntryTotals
from services.query.adapters.log.mongo_histories import MongoHistories
from services.query.adapters.log.plan import index_of, indexed_query
from shared.contracts.entries import LogEntry, entry_from_document
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.runtime.clock import Clock

__all__ = ["MongoLogReader", "index_of", "indexed_query"]


class MongoLogReader(MongoEntryLists, MongoEntryTotals, MongoHistories):
    """The port LogReader."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        MongoEntryLists.__init__(self, database, time_limit_ms=time_limit_ms)
        MongoEntryTotals.__init__(self, database, time_limit_ms=time_limit_ms, now=now)
        MongoHistories.__init__(self, database, time_limit_ms=time_limit_ms)

    async def find_entry(self, identity: str) -> LogEntry | None:
        """Return the entry of that id."""
        with translated():
            found = await self._states.find_one({"_id": {"$eq": identity}}, max_time_ms=self._limit_ms)
        return None if found is None else entry_from_document(found)

"""Entries that may have to be tried again by themselves, found by status along `by_status`, the newest days only."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from services.reprocessor.adapters.mongo_entry_store import LEAN
from shared.contracts.eligibility import FAILED_STATUSES, UNDER_WAY
from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.names import LOG_ENTRIES, Kind
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.mongo.queries import none_advised_but

BY_STATUS: Final = "by_status"


class MongoFailedEntries:
    """Implements FailedEntries."""

    def __init__(self, database: Database) -> None:
        self._entries = database[LOG_ENTRIES]

    async def list_accounts(self) -> Sequence[str]:
        """Return the accounts that have entries: MongoDB jumps from one to the next along an index."""
        with translated():
            return sorted(await self._entries.distinct("account"))

    async def stream_retriable(
        self, account: str, kind: Kind, *, since: datetime, heard_before: datetime
    ) -> AsyncIterator[LogEntry]:
        """Yield entries that failed and are not under way, each of whose causes may pass by itself."""
        query = {
            "account": {"$eq": account},
            "kind": {"$eq": kind},
            "state.status": {"$in": sorted(FAILED_STATUSES)},
            "state.processed_at": {"$gt": since},
            "state.received_at": {"$lte": heard_before},
            "state.causes": none_advised_but("auto"),
            "state.causes.code": {"$exists": True},
            "reprocess.state": {"$nin": sorted(UNDER_WAY)},
        }
        with translated():
            async for document in self._entries.find(query, LEAN).hint(BY_STATUS):
                yield entry_from_document(document)

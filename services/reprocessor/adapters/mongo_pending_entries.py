"""Marks that wait too long, found by a partial index that holds claimed and sent entries only."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from services.reprocessor.adapters.mongo_entry_store import GIVEN_UP, held_by
from services.reprocessor.handlers.ports import StaleClaim
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database
from shared.mongo.errors import translated

AT_ONCE: Final = 1000
"""Entries changed by one command, so that none runs long."""

BY_PENDING: Final = "by_reprocess_pending"


class MongoPendingEntries:
    """Implements PendingEntries."""

    def __init__(self, database: Database) -> None:
        self._entries = database[LOG_ENTRIES]

    async def stream_stale_claims(self, before: datetime) -> AsyncIterator[list[StaleClaim]]:
        """Yield what was claimed before that instant and is claimed still."""
        stretch: list[StaleClaim] = []
        query = {"reprocess.state": {"$eq": "claimed"}, "reprocess.claimed_at": {"$lt": before}}
        with translated():
            async for found in self._entries.find(query, {"account": 1, "reprocess.id": 1}).hint(BY_PENDING):
                stretch.append(StaleClaim(found["_id"], found["account"], found["reprocess"]["id"]))
                if len(stretch) == AT_ONCE:
                    yield stretch
                    stretch = []
        if stretch:
            yield stretch

    async def give_up_claims(self, ids: Sequence[str], job_id: str) -> int:
        """Set the job's claims among `ids` to unknown."""
        with translated():
            result = await self._entries.update_many(held_by(ids, job_id), GIVEN_UP)
        return result.modified_count

    async def give_up_answers(self, before: datetime) -> int:
        """Set what was sent before that instant to unknown."""
        # Claimed before sent: the bound on claimed_at is implied, and lets the index end the search.
        query = {
            "reprocess.state": {"$eq": "sent"},
            "reprocess.claimed_at": {"$lt": before},
            "reprocess.sent_at": {"$lt": before},
        }
        given_up = 0
        while True:
            with translated():
                found = await self._entries.find(query, {"_id": 1}).hint(BY_PENDING).limit(AT_ONCE).to_list()
                ids = [document["_id"] for document in found]
                result = await self._entries.update_many({**query, "_id": {"$in": ids}}, GIVEN_UP)
            given_up += result.modified_count
            if len(ids) < AT_ONCE:
                return given_up

"""What grew old in MongoDB: the time after which attempts vanish, and entries to be removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure

from shared.contracts.eligibility import UNDER_WAY
from shared.contracts.entries import Document
from shared.contracts.errors import StoreUnavailable
from shared.contracts.names import ATTEMPTS, KINDS, LOG_ENTRIES
from shared.mongo.client import Database
from shared.mongo.errors import translated

FOR_EVER_SECONDS: Final = 2**31 - 1
"""68 years, the longest time that MongoDB takes: an index that expires cannot be told to stop expiring."""

DAY_SECONDS: Final = 24 * 3600
TIME_LIMIT_MS: Final = 10_000
NOT_PROVISIONED: Final = frozenset({26, 27})
"""No such collection, no such index."""

LEAVE: Final[list[Document]] = [
    {
        "$set": {
            "leaving": {
                "status": "$state.status",
                "processed_at": "$state.processed_at",
                "codes": {"$ifNull": ["$state.causes.code", []]},
            }
        }
    }
]
"""A pipeline of our own words: what it copies stays a value, whatever it holds."""


class MongoOldContent:
    """The port OldContent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]

    async def keep_attempts(self, days: int) -> None:
        """Change the time of the index that expires, for the attempts that are there as well."""
        seconds = days * DAY_SECONDS if days else FOR_EVER_SECONDS
        with translated():
            try:
                await self._database.command(
                    "collMod", ATTEMPTS, index={"name": "expiry", "expireAfterSeconds": min(seconds, FOR_EVER_SECONDS)}
                )
            except OperationFailure as error:
                if error.code not in NOT_PROVISIONED:
                    raise
                raise StoreUnavailable("the index 'expiry' of attempts is missing: run deploy.provision") from error

    async def list_accounts(self) -> Sequence[str]:
        """Return the accounts that have entries: a walk over one key of an index each."""
        with translated():
            return sorted(await self._entries.distinct("account", maxTimeMS=TIME_LIMIT_MS))

    async def remove_entries(
        self, account: str, status: str, *, untouched_since: datetime, now: datetime, at_most: int
    ) -> int:
        """Remove some; the condition stands in the removal too, so one that changed meanwhile stays."""
        untouched: Document = {
            "account": {"$eq": account},
            "kind": {"$in": list(KINDS)},
            "state.status": {"$eq": status},
            "state.received_at": {"$lt": untouched_since},
            "reprocess.state": {"$nin": sorted(UNDER_WAY)},
        }
        # Two stretches of the index, each with the whole condition: MongoDB would walk through all that lies between.
        stretches = ({"$lt": untouched_since}, {"$gt": now})
        old: Document = {"$or": [{**untouched, "state.processed_at": stretch} for stretch in stretches]}
        with translated():
            found = self._entries.find(old, {"_id": 1}, hint="by_affiliate", max_time_ms=TIME_LIMIT_MS).limit(at_most)
            ids = [document["_id"] for document in await found.to_list()]
            if not ids:
                return 0
            return await self._remove({**old, "_id": {"$in": ids}})

    async def _remove(self, old: Document) -> int:
        """Say of each what it was, then delete it, at once for all the world: whoever counts entries learns what to take off."""
        async with self._database.client.start_session() as session, await session.start_transaction():
            await self._entries.update_many(old, LEAVE, hint="_id_", session=session)
            return (await self._entries.delete_many(old, hint="_id_", session=session)).deleted_count

"""The registry of integrations in MongoDB. Read with every list, so remembered for a moment."""

from datetime import datetime, timedelta
from typing import Final

from pymongo.asynchronous.collection import AsyncCollection

from services.query.handlers.registry import Integration
from shared.contracts.names import INTEGRATIONS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.runtime.clock import Clock

REMEMBERED_FOR: Final = timedelta(seconds=2)
"""A name changed by another process shows after this time; in this process at once."""
MAX_ACCOUNTS: Final = 1_000
MAX_INTEGRATIONS: Final = 1_000


class MongoRegistry:
    """The port Registry."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        self._integrations: AsyncCollection[Document] = database[INTEGRATIONS]
        self._time_limit_ms = time_limit_ms
        self._now = now
        self._known: dict[str, tuple[list[Integration], datetime]] = {}

    async def list_integrations(self, account: str) -> list[Integration]:
        """Return the account's integrations by affiliate."""
        now = self._now()
        if (known := self._known.get(account)) is not None and now < known[1]:
            return list(known[0])
        found = self._integrations.find(_of_account(account), max_time_ms=self._time_limit_ms)
        with translated():
            listed = [
                _integration(document) for document in await found.sort("_id", 1).limit(MAX_INTEGRATIONS).to_list()
            ]
        if len(self._known) >= MAX_ACCOUNTS:
            self._known.clear()
        self._known[account] = (listed, now + REMEMBERED_FOR)
        return list(listed)

    async def find_integration(self, account: str, affiliate: str) -> Integration | None:
        """Return one integration."""
        with translated():
            found = await self._integrations.find_one(
                {"_id": {"$eq": f"{account}|{affiliate}"}}, max_time_ms=self._time_limit_ms
            )
        return None if found is None else _integration(found)

    async def save_integration(self, account: str, integration: Integration) -> None:
        """Create or replace."""
        fields = {
            "account": account,
            "affiliate": integration.affiliate,
            "marketplace": integration.marketplace,
            "mask_at_write": integration.mask_at_write,
        }
        identity = f"{account}|{integration.affiliate}"
        with translated():
            await self._integrations.update_one({"_id": {"$eq": identity}}, {"$set": fields}, upsert=True)
        self._known.pop(account, None)


def _of_account(account: str) -> Document:
    # `}` follows `|`: the ids of the account and no others, from the index that every collection has.
    return {"_id": {"$gte": f"{account}|", "$lt": f"{account}}}"}}


def _integration(document: Document) -> Integration:
    return Integration(document["affiliate"], document["marketplace"], document.get("mask_at_write", False))

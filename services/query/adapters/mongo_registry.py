"""The registry of integrations in MongoDB. Read with every list, so remembered for a moment; written only over what was read.

A document: `_id` (account|affiliate), and the fields of Integration by their names. One that an earlier version wrote has
`account affiliate marketplace mask_at_write` alone; what is missing reads as the default, and its revision as 0.
"""

from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from services.query.core.integration import Integration
from services.query.handlers.registry import MAX_INTEGRATIONS
from shared.contracts.names import INTEGRATIONS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.runtime.clock import Clock

REMEMBERED_FOR: Final = timedelta(seconds=2)
"""A name changed by another process shows after this time; in this process at once."""
MAX_ACCOUNTS: Final = 1_000
FIELDS: Final = frozenset(field.name for field in fields(Integration))


class MongoRegistry:
    """The port Registry."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        self._integrations: AsyncCollection[Document] = database[INTEGRATIONS]
        self._time_limit_ms = time_limit_ms
        self._now = now
        self._known: dict[str, tuple[list[Integration], datetime]] = {}

    def remembered(self, account: str) -> list[Integration] | None:
        """Return what was read a moment ago."""
        known = self._known.get(account)
        return list(known[0]) if known is not None and self._now() < known[1] else None

    async def list_integrations(self, account: str) -> list[Integration]:
        """Return the account's integrations by affiliate."""
        if (known := self.remembered(account)) is not None:
            return known
        now = self._now()
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

    async def add_integration(self, account: str, integration: Integration) -> bool:
        """Insert it."""
        self._known.pop(account, None)
        with translated():
            try:
                await self._integrations.insert_one(_document(account, integration))
            except DuplicateKeyError:
                return False
            finally:
                self._known.pop(account, None)  # somebody may have read the list meanwhile
        return True

    async def replace_integration(self, account: str, integration: Integration, *, revision: int) -> bool:
        """Replace the document of that revision."""
        self._known.pop(account, None)
        document = _document(account, integration)
        # A document of an earlier version has no revision, which MongoDB finds as null.
        held = {"$in": [0, None]} if revision == 0 else {"$eq": revision}
        with translated():
            done = await self._integrations.replace_one({"_id": {"$eq": document["_id"]}, "revision": held}, document)
        self._known.pop(account, None)
        return done.matched_count == 1


def _of_account(account: str) -> Document:
    # `}` follows `|`: the ids of the account and no others, from the index that every collection has.
    return {"_id": {"$gte": f"{account}|", "$lt": f"{account}}}"}}


def _document(account: str, integration: Integration) -> Document:
    told = asdict(integration)
    told["freshness_seconds"] = dict(integration.freshness_seconds)
    return {"_id": f"{account}|{integration.affiliate}", "account": account, **told}


def _integration(document: Document) -> Integration:
    told: dict[str, Any] = {name: value for name, value in document.items() if name in FIELDS}
    for name in ("kinds", "emails"):
        if name in told:
            told[name] = tuple(told[name])
    return Integration(**told)

"""The registry of integrations, read only: query owns it."""

from collections.abc import Sequence

from shared.contracts.names import INTEGRATIONS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated


class MongoIntegrations:
    """Implements Integrations."""

    def __init__(self, database: Database) -> None:
        self._integrations = database[INTEGRATIONS]

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        """Return the affiliates that the account has paused or removed, or for which `kind` is switched off."""
        return await self._find(account, _is_off(kind))

    async def list_unasked(self, account: str, kind: str) -> frozenset[str]:
        """Return those, and the affiliates that want no automatic retries."""
        return await self._find(account, [*_is_off(kind), {"automatic_retries": {"$eq": False}}])

    async def _find(self, account: str, alternatives: Sequence[Document]) -> frozenset[str]:
        query = {"account": {"$eq": account}, "$or": list(alternatives)}
        with translated():
            found = await self._integrations.find(query, {"affiliate": 1}).to_list()
        return frozenset(document["affiliate"] for document in found)


def _is_off(kind: str) -> list[Document]:
    return [
        {"paused": {"$eq": True}},
        {"removed_at": {"$type": "date"}},
        {"kinds": {"$exists": True, "$ne": kind}},
    ]

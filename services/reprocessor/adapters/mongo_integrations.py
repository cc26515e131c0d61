"""The registry of integrations, read only: query owns it."""

from shared.contracts.names import INTEGRATIONS
from shared.mongo.client import Database
from shared.mongo.errors import translated


class MongoIntegrations:
    """Implements Integrations."""

    def __init__(self, database: Database) -> None:
        self._integrations = database[INTEGRATIONS]

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        """Return the affiliates that the account has paused or removed, or for which `kind` is switched off."""
        is_off = [
            {"paused": {"$eq": True}},
            {"removed_at": {"$type": "date"}},
            {"kinds": {"$exists": True, "$ne": kind}},
        ]
        with translated():
            found = await self._integrations.find(
                {"account": {"$eq": account}, "$or": is_off}, {"affiliate": 1}
            ).to_list()
        return frozenset(document["affiliate"] for document in found)

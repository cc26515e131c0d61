"""The registry of integrations, read only: query owns it."""

from shared.mongo.client import Database
from shared.mongo.integrations import find_affiliates, is_off


class MongoIntegrations:
    """Implements Integrations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        """Return the affiliates that the account has paused or removed, or for which `kind` is switched off."""
        return await find_affiliates(self._database, account, is_off(kind))

    async def list_unasked(self, account: str, kind: str) -> frozenset[str]:
        """Return those, and the affiliates that want no automatic retries."""
        alternatives = [*is_off(kind), {"automatic_retries": {"$eq": False}}]
        return await find_affiliates(self._database, account, alternatives)

"""Log entries by name, with no more of each than decides whether it may be reprocessed."""

from collections.abc import Mapping, Sequence
from typing import Final

from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.names import INTEGRATIONS, LOG_ENTRIES
from shared.mongo.client import Database
from shared.mongo.errors import translated

DECIDING: Final = dict.fromkeys(
    (
        "account", "kind", "affiliate", "code", "state.status", "state.processed_at", "state.received_at", "state.causes.code",
        "first_seen_at", "reprocess",
    ),
    1,
)  # fmt: skip


class MongoEntryLookup:
    """The port EntryLookup, over what ingest and query write."""

    def __init__(self, database: Database) -> None:
        self._entries = database[LOG_ENTRIES]
        self._integrations = database[INTEGRATIONS]

    async def find_entries(self, identities: Sequence[str]) -> Mapping[str, LogEntry]:
        """Return the entries among `identities`, by id."""
        with translated():
            documents = await self._entries.find({"_id": {"$in": list(identities)}}, DECIDING).to_list()
        return {document["_id"]: entry_from_document(document) for document in documents}

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        """Return the affiliates that the account has paused or removed, or for which `kind` is switched off."""
        off = [
            {"paused": {"$eq": True}},
            {"removed_at": {"$type": "date"}},
            {"kinds": {"$exists": True, "$ne": kind}},
        ]
        with translated():
            found = await self._integrations.find({"account": {"$eq": account}, "$or": off}, {"affiliate": 1}).to_list()
        return frozenset(document["affiliate"] for document in found)

"""Log entries by name, with no more of each than decides whether it may be reprocessed."""

from collections.abc import Mapping, Sequence
from typing import Final

from shared.contracts.entries import LogEntry, entry_from_document
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.mongo.integrations import find_affiliates, is_off

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
        self._database = database

    async def find_entries(self, identities: Sequence[str]) -> Mapping[str, LogEntry]:
        """Return the entries among `identities`, by id."""
        with translated():
            documents = await self._entries.find({"_id": {"$in": list(identities)}}, DECIDING).to_list()
        return {document["_id"]: entry_from_document(document) for document in documents}

    async def list_paused(self, account: str, kind: str) -> frozenset[str]:
        """Return the affiliates that the account has paused or removed, or for which `kind` is switched off."""
        return await find_affiliates(self._database, account, is_off(kind))

"""The registry of integrations, as its readers ask it: which affiliates' connectors are left alone. query alone writes it.

A preview of a reprocess and the reprocess itself must come to the same, so both ask here.
"""

from collections.abc import Sequence

from shared.contracts.names import INTEGRATIONS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated


def is_off(kind: str) -> list[Document]:
    """Return the alternatives under which nothing of `kind` is sent: it is paused, removed, or the kind is switched off."""
    return [
        {"paused": {"$eq": True}},
        {"removed_at": {"$type": "date"}},
        {"kinds": {"$exists": True, "$ne": kind}},
    ]


async def find_affiliates(database: Database, account: str, alternatives: Sequence[Document]) -> frozenset[str]:
    """Return the affiliates of the account's integrations that one of the alternatives holds for. Raise StoreUnavailable."""
    query = {"account": {"$eq": account}, "$or": list(alternatives)}
    with translated():
        found = await database[INTEGRATIONS].find(query, {"affiliate": 1}).to_list()
    return frozenset(document["affiliate"] for document in found)

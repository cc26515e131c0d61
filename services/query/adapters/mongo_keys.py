"""API keys in MongoDB, by the hash of their secret. Asked for with every request, so remembered for a moment."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection

from services.query.core.cursor import Position
from services.query.core.keys import ApiKey
from shared.contracts.names import API_KEYS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.paging import beyond, order_by
from shared.runtime.clock import Clock

REMEMBERED_FOR: Final = timedelta(seconds=5)
"""A key revoked by another process works this much longer; in this process not at all. A busy one costs one look-up in this time."""
MAX_REMEMBERED: Final = 1_000


class MongoKeys:
    """The port KeyStore."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        self._keys: AsyncCollection[Document] = database[API_KEYS]
        self._time_limit_ms = time_limit_ms
        self._now = now
        self._known: dict[str, tuple[ApiKey, datetime]] = {}  # by hash, and by id
        self._changes = 0

    async def find_key(self, digest: str) -> ApiKey | None:
        """Return the key of that hash; an unknown one is looked up each time, so that a new one works at once."""
        return await self._find(f"hash {digest}", {"hash": {"$eq": digest}})

    async def find_key_by_id(self, account: str, key_id: str) -> ApiKey | None:
        """Return the account's key of that id."""
        found = await self._find(f"id {key_id}", {"_id": {"$eq": key_id}})
        return found if found is not None and found.account == account else None

    async def add_key(self, key: ApiKey, digest: str) -> None:
        """Store a key; one of the same id stays as it is."""
        document = {**_document(key), "hash": digest}
        with translated():
            await self._keys.update_one({"_id": {"$eq": key.id}}, {"$setOnInsert": document}, upsert=True)

    async def put_key(self, key: ApiKey, digest: str) -> None:
        """Store a key in the place of the account's one of the same id."""
        document = {**_document(key), "hash": digest}
        mine = {"_id": {"$eq": key.id}, "account": {"$eq": key.account}}
        with translated():
            await self._keys.update_one(mine, {"$set": document}, upsert=True)
        self._forget(key.id)

    async def list_keys(
        self, account: str, *, after: Position | None, ascending: bool = False, limit: int
    ) -> list[ApiKey]:
        """Return the first `limit` keys beyond `after`."""
        query: Document = {"account": {"$eq": account}}
        if after is not None:
            query = beyond(query, "created_at", after.at, after.id, ascending=ascending)
        found = self._keys.find(query, hint="by_account", max_time_ms=self._time_limit_ms)
        found = found.sort(order_by("created_at", ascending=ascending)).limit(limit)
        with translated():
            return [_key(document) for document in await found.to_list()]

    async def note_use(self, key_id: str, *, at: datetime, unless_since: datetime) -> None:
        """Write the last use, in one step with the question whether that is due: many processes cost one write."""
        for name, (known, until) in list(self._known.items()):
            if known.id == key_id:  # first, so that requests side by side do not all write
                self._known[name] = replace(known, last_used_at=at), until
        due = [{"last_used_at": {"$eq": None}}, {"last_used_at": {"$lte": unless_since}}]
        with translated():
            await self._keys.update_one({"_id": {"$eq": key_id}, "$or": due}, {"$set": {"last_used_at": at}})

    async def revoke_key(self, account: str, key_id: str, *, at: datetime) -> ApiKey | None:
        """Revoke the key unless it is; return it as it stands."""
        known = {"_id": {"$eq": key_id}, "account": {"$eq": account}}
        with translated():
            await self._keys.update_one({**known, "revoked_at": {"$eq": None}}, {"$set": {"revoked_at": at}})
            found = await self._keys.find_one(known)
        self._forget(key_id)
        return None if found is None else _key(found)

    async def replace_key(self, account: str, key_id: str, *, by: str, until: datetime, now: datetime) -> ApiKey | None:
        """Name the successor of an active key that has none."""
        query: Document = {
            "_id": {"$eq": key_id},
            "account": {"$eq": account},
            "revoked_at": {"$eq": None},
            "replaced_by": {"$eq": None},
            "$or": [{"expires_at": {"$eq": None}}, {"expires_at": {"$gt": now}}],
        }
        change = {"$set": {"expires_at": until, "replaced_by": by}}
        with translated():
            found = await self._keys.find_one_and_update(query, change, return_document=ReturnDocument.AFTER)
        self._forget(key_id)
        return None if found is None else _key(found)

    async def _find(self, name: str, query: Document) -> ApiKey | None:
        now, changes = self._now(), self._changes
        if (known := self._known.get(name)) is not None and now < known[1]:
            return known[0]
        with translated():
            document = await self._keys.find_one(query, max_time_ms=self._time_limit_ms)
        self._known.pop(name, None)
        if document is None:
            return None
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        found = _key(document)
        if changes == self._changes:  # else it was read before a key was taken away, and may be that one
            self._known[name] = found, now + REMEMBERED_FOR
        return found

    def _forget(self, key_id: str) -> None:
        self._changes += 1
        self._known = {name: known for name, known in self._known.items() if known[0].id != key_id}


def _document(key: ApiKey) -> dict[str, Any]:
    return {
        "account": key.account,
        "key_id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "prefix": key.prefix,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
        "replaced_by": key.replaced_by,
    }


def _key(document: Document) -> ApiKey:
    return ApiKey(
        id=document["_id"],
        account=document["account"],
        name=document["name"],
        scopes=frozenset(document["scopes"]),
        prefix=document["prefix"],
        created_at=document["created_at"],
        created_by=document.get("created_by", ""),
        expires_at=document.get("expires_at"),
        last_used_at=document.get("last_used_at"),
        revoked_at=document.get("revoked_at"),
        replaced_by=document.get("replaced_by"),
    )

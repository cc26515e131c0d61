"""API keys, sign-in codes and sessions in MongoDB, by the hash of their secret."""

from datetime import datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from services.query.core.permissions import Caller
from shared.contracts.names import API_KEYS, SESSIONS, SIGN_IN_CODES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated


class MongoCredentials:
    """The port Credentials."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._keys: AsyncCollection[Document] = database[API_KEYS]
        self._codes: AsyncCollection[Document] = database[SIGN_IN_CODES]
        self._sessions: AsyncCollection[Document] = database[SESSIONS]
        self._time_limit_ms = time_limit_ms

    async def find_key(self, digest: str) -> Caller | None:
        """Return who holds the key."""
        with translated():
            found = await self._keys.find_one({"hash": {"$eq": digest}}, max_time_ms=self._time_limit_ms)
        return None if found is None else _holder(found, by_session=False)

    async def save_key(self, digest: str, prefix: str, holder: Caller, *, now: datetime) -> None:
        """Store a key; an equal one stays as it is."""
        document = {**_document(holder), "hash": digest, "prefix": prefix, "created_at": now}
        with translated():
            await self._keys.update_one({"_id": {"$eq": holder.key_id}}, {"$setOnInsert": document}, upsert=True)

    async def save_code(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        """Store a one-time code."""
        with translated():
            await self._codes.insert_one({"_id": digest, **_document(holder), "expires_at": expires_at})

    async def take_code(self, digest: str, *, now: datetime) -> Caller | None:
        """Return the holder and make the code void, in one step."""
        with translated():
            found = await self._codes.find_one_and_delete({"_id": {"$eq": digest}, "expires_at": {"$gt": now}})
        return None if found is None else _holder(found, by_session=False)

    async def save_session(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        """Store a session."""
        with translated():
            await self._sessions.insert_one({"_id": digest, **_document(holder), "expires_at": expires_at})

    async def find_session(self, digest: str, *, now: datetime) -> Caller | None:
        """Return who holds the session, None when it is unknown or over."""
        query = {"_id": {"$eq": digest}, "expires_at": {"$gt": now}}
        with translated():
            found = await self._sessions.find_one(query, max_time_ms=self._time_limit_ms)
        return None if found is None else _holder(found, by_session=True)

    async def end_session(self, digest: str) -> None:
        """Forget the session."""
        with translated():
            await self._sessions.delete_one({"_id": {"$eq": digest}})


def _document(holder: Caller) -> dict[str, Any]:
    return {
        "account": holder.account,
        "key_id": holder.key_id,
        "name": holder.name,
        "scopes": sorted(holder.scopes),
    }


def _holder(document: Document, *, by_session: bool) -> Caller:
    return Caller(
        account=document["account"],
        key_id=document["key_id"],
        name=document["name"],
        scopes=frozenset(document["scopes"]),
        by_session=by_session,
    )

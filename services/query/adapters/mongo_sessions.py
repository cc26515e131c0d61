"""Sign-in codes and sessions in MongoDB, beside the keys that they come from, by the hash of their secret."""

from datetime import datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from services.query.adapters.mongo_keys import MongoKeys
from services.query.core.permissions import Caller
from shared.contracts.names import SESSIONS, SIGN_IN_CODES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.runtime.clock import Clock


class MongoCredentials(MongoKeys):
    """The port Credentials."""

    def __init__(self, database: Database, *, time_limit_ms: int, now: Clock) -> None:
        super().__init__(database, time_limit_ms=time_limit_ms, now=now)
        self._codes: AsyncCollection[Document] = database[SIGN_IN_CODES]
        self._sessions: AsyncCollection[Document] = database[SESSIONS]

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
        "by_token": holder.by_token,
        "good_until": holder.good_until,
    }


def _holder(document: Document, *, by_session: bool) -> Caller:
    return Caller(
        account=document["account"],
        key_id=document["key_id"],
        name=document["name"],
        scopes=frozenset(document["scopes"]),
        by_session=by_session,
        by_token=document.get("by_token", False),
        good_until=document.get("good_until"),
    )

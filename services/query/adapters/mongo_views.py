"""Saved views in MongoDB: one index holds an account's views by name and keeps each name to one view.

A document: `_id` (account|id), `account`, `name_key` (the name without its case), and the fields of View by their names. One document
more of each account counts the views that were made (`_id` is the account, and so is `name_key`, for the index; no `account`, so no list
shows it): those who make one at once meet in it, and each of them counts what the others made.

What is left of a removed view, until `expires_at`: its `_id`, which is its `name_key` too, and the fields in `removed`; no `account`.
"""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Final

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from services.query.core.view import MAX_VIEWS, View, name_key
from services.query.handlers.views import NameTaken, TooManyViews
from shared.contracts.names import VIEWS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

FIELDS: Final = frozenset(field.name for field in fields(View))


class MongoViews:
    """The port ViewStore."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._client = database.client
        self._views: AsyncCollection[Document] = database[VIEWS]
        self._time_limit_ms = time_limit_ms

    async def list_views(self, account: str) -> list[View]:
        """Return the account's views by name. Without a hint: every list of the panel asks, also where nobody provisioned yet."""
        found = self._views.find({"account": {"$eq": account}}, max_time_ms=self._time_limit_ms)
        with translated():
            return [_view(document) for document in await found.sort("name_key", 1).limit(MAX_VIEWS).to_list()]

    async def find_view(self, account: str, view_id: str) -> View | None:
        """Return one view."""
        with translated():
            found = await self._views.find_one(_there(account, view_id), max_time_ms=self._time_limit_ms)
        return None if found is None else _view(found)

    async def add_view(self, account: str, view: View) -> None:
        """Insert it, in one transaction with the question whether there is room."""

        async def add(session: AsyncClientSession) -> None:
            meeting = {"_id": {"$eq": account}, "name_key": {"$eq": account}}
            await self._views.update_one(meeting, {"$inc": {"made": 1}}, upsert=True, session=session)
            mine = {"account": {"$eq": account}}
            if await self._views.count_documents(mine, limit=MAX_VIEWS, session=session) >= MAX_VIEWS:
                raise TooManyViews
            document = _document(account, view)
            # In the place of one that was removed; where one stands, its `_id` is taken.
            free = {"_id": {"$eq": document["_id"]}, "account": None}
            await self._views.replace_one(free, document, upsert=True, session=session)

        with translated():
            try:
                async with self._client.start_session() as session:
                    await session.with_transaction(add)
            except DuplicateKeyError as error:
                raise _taken(view) from error

    async def replace_view(self, account: str, view: View, *, revision: int) -> bool:
        """Replace the document of that revision."""
        document = _document(account, view)
        with translated():
            try:
                done = await self._views.replace_one(
                    {**_there(account, view.id), "revision": {"$eq": revision}}, document
                )
            except DuplicateKeyError as error:
                raise _taken(view) from error
        return done.matched_count == 1

    async def remove_view(self, account: str, view: View, *, until: datetime) -> bool:
        """Put what is remembered in the place of the document of that revision."""
        there = {**_there(account, view.id), "revision": {"$eq": view.revision}}
        identity = _identity(account, view.id)
        left = {"_id": identity, "name_key": identity, "removed": asdict(view), "expires_at": until}
        with translated():
            done = await self._views.replace_one(there, left)
        return done.matched_count == 1

    async def find_removed(self, account: str, view_id: str) -> View | None:
        """Return what was removed."""
        left = {"_id": {"$eq": _identity(account, view_id)}, "removed": {"$type": "object"}}
        with translated():
            found = await self._views.find_one(left, max_time_ms=self._time_limit_ms)
        return None if found is None else _view(found["removed"])


def _identity(account: str, view_id: str) -> str:
    return f"{account}|{view_id}"


def _there(account: str, view_id: str) -> Document:
    return {"_id": {"$eq": _identity(account, view_id)}, "account": {"$eq": account}}


def _taken(view: View) -> NameTaken:
    return NameTaken(f"the name {view.name!r} was taken by another view at this moment; say another")


def _document(account: str, view: View) -> Document:
    return {"_id": _identity(account, view.id), "account": account, "name_key": name_key(view.name), **asdict(view)}


def _view(document: Document) -> View:
    return View(**{name: value for name, value in document.items() if name in FIELDS})

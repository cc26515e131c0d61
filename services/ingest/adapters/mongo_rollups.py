"""Rollups in MongoDB: rows by `$inc` alone, and the one document that says who writes them and up to where the log is counted.

A batch is one transaction over both, guarded by the lease's epoch: a worker that came back from the dead stores nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from services.ingest.core.rollup import Increments
from services.ingest.handlers.rolling_up import LEASE, Lease, Place
from shared.contracts.errors import LeaseLost
from shared.contracts.names import PROJECTIONS, ROLLUPS
from shared.contracts.rollups import LAYOUT, PROJECTION, generation_prefix
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

ROWS_AT_ONCE: Final = 500


class MongoRollupBook:
    """The port RollupBook on one database."""

    def __init__(self, database: Database) -> None:
        self._client = database.client
        self._rows: AsyncCollection[Document] = database[ROLLUPS]
        self._projections: AsyncCollection[Document] = database.get_collection(
            PROJECTIONS, read_concern=ReadConcern("majority")
        )

    async def take(self, holder: str, *, now: datetime) -> Lease | None:
        """Take it with a new epoch where it is free, ended, or this worker's own."""
        free = {"_id": PROJECTION, "$or": [{"leased_until": {"$lte": now}}, {"holder": holder}]}
        with translated():
            try:
                taken = await self._projections.find_one_and_update(
                    free,
                    {"$set": {"holder": holder, "leased_until": now + LEASE}, "$inc": {"epoch": 1}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:  # it is there, and another's
                return None
        return _lease(_there(taken))

    async def keep(self, lease: Lease, *, now: datetime, place: Place | None = None) -> Lease:
        """Renew."""
        return await self._update(lease, {"leased_until": now + LEASE, **(_fields(place) if place else {})})

    async def apply(self, lease: Lease, increments: Increments, place: Place, *, now: datetime) -> Lease:
        """Add and move on in one transaction. The lease comes first: whoever lost it writes no row."""
        assert lease.generation is not None  # noqa: S101  # whoever has none builds one first
        with translated():
            async with self._client.start_session() as session, await session.start_transaction():
                fields = {"leased_until": now + LEASE, **_fields(place)}
                kept = await self._update(lease, fields, session)
                await self._add(lease.generation, increments, session)
        return kept

    async def open_generation(self, lease: Lease, *, now: datetime) -> int:
        """Count the generations."""
        with translated():
            found = await self._projections.find_one_and_update(
                _held(lease),
                {"$set": {"leased_until": now + LEASE}, "$inc": {"generations": 1}},
                return_document=ReturnDocument.AFTER,
            )
        return int(_there(found)["generations"])

    async def add(self, generation: int, increments: Increments) -> None:
        """Add, in the order of the increments."""
        with translated():
            await self._add(generation, increments)

    async def switch(self, lease: Lease, generation: int, place: Place, *, now: datetime) -> Lease:
        """Point to the generation."""
        fields = {"generation": generation, "layout": LAYOUT, "rebuild": False, "leased_until": now + LEASE}
        return await self._update(lease, {**fields, **_fields(place)})

    async def sweep(self, lease: Lease, *, at_most: int) -> int:
        """Delete what sorts before the lease's generation: later ones may be another worker's."""
        if lease.generation is None:
            return 0
        with translated():
            old = {"_id": {"$lt": generation_prefix(lease.generation)}}
            found = await self._rows.find(old, {"_id": 1}).limit(at_most).to_list()
            if found:
                await self._rows.delete_many({"_id": {"$in": [row["_id"] for row in found]}})
        return len(found)

    async def ask_anew(self, lease: Lease) -> None:
        """Set the flag."""
        await self._update(lease, {"rebuild": True})

    async def give_back(self, lease: Lease, *, now: datetime) -> None:
        """End the lease now."""
        await self._update(lease, {"leased_until": now})

    async def counted_up_to(self) -> datetime | None:
        """Look it up."""
        with translated():
            found = await self._projections.find_one({"_id": PROJECTION}, {"as_of": 1})
        return found.get("as_of") if found else None

    async def _update(
        self, lease: Lease, fields: Mapping[str, Any], session: AsyncClientSession | None = None
    ) -> Lease:
        with translated():
            found = await self._projections.find_one_and_update(
                _held(lease), {"$set": fields}, return_document=ReturnDocument.AFTER, session=session
            )
        return _lease(_there(found))

    async def _add(self, generation: int, increments: Increments, session: AsyncClientSession | None = None) -> None:
        writes = [
            UpdateOne({"_id": row.id_in(generation)}, {"$inc": added, "$setOnInsert": row.document()}, upsert=True)
            for row, added in increments.items()
        ]
        for start in range(0, len(writes), ROWS_AT_ONCE):
            await self._rows.bulk_write(writes[start : start + ROWS_AT_ONCE], ordered=False, session=session)


def _held(lease: Lease) -> Document:
    return {"_id": PROJECTION, "epoch": lease.epoch}


def _there(found: Document | None) -> Document:
    if found is None:
        raise LeaseLost("another worker keeps the rollups now")
    return found


def _lease(found: Document) -> Lease:
    place = Place(found.get("token"), found["applied"], found["as_of"]) if "applied" in found else None
    generation = found.get("generation") if found.get("layout") == LAYOUT else None
    return Lease(found["epoch"], generation, place, is_asked=bool(found.get("rebuild")))


def _fields(place: Place) -> Document:
    return {"token": place.token, "applied": place.applied, "as_of": place.at}

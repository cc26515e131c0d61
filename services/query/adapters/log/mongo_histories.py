"""The history of one entry from MongoDB. Its newest attempt is the entry's own state, those before it stand in `attempts`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from services.query.adapters.log.mongo_counting import count_up_to
from services.query.adapters.log.stretch import Stretch
from services.query.core.cursor import Position
from services.query.core.narrowing import too_long_a_history
from shared.contracts.entries import Attempt, LogEntry, attempt_from_document, attempt_of_state, is_long_history
from shared.contracts.errors import TooBroad
from shared.contracts.events import attempt_id
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from shared.contracts.times import aware, order_text
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.queries import attempts_of

OUTCOME: Final = ("status", "processed_at")
COUNTS: Final = {"attempts": 1, "in_order": 1}
"""By which an entry says whether all attempts that it counts stand in the index."""

SUCCESSFUL: Final[Document] = {"status": {"$eq": "success"}}
A_MILLISECOND: Final = timedelta(milliseconds=1)


class MongoHistories:
    """Those methods of the port LogReader that tell of one entry's attempts."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._states: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._attempts: AsyncCollection[Document] = database[ATTEMPTS]
        self._limit_ms = time_limit_ms

    async def list_attempts(
        self, identity: str, *, after: Position | None, limit: int, ascending: bool = False
    ) -> list[Attempt]:
        """Return the first `limit` attempts beyond `after`, newest first, or oldest first."""
        with translated():
            # Read before the others: when a newer state comes meanwhile, this one stands among them and is not told twice.
            entry = await self._find_item(identity, {"state": 1, **COUNTS})
            newest = None if entry is None else attempt_of_state(identity, entry["state"])
            newest_id = None if newest is None else newest["_id"]
            is_after_newest = after is not None and after.id == newest_id
            if ascending and is_after_newest:
                return []
            beyond = None if after is None or is_after_newest else await self._version(after.id)
            if after is not None and not ascending and beyond is None and not is_after_newest:
                return []  # expired meanwhile, and all older ones with it
            stretch = Stretch(identity, newest_id, ascending, beyond)
            found = await self._read(stretch, None, limit, in_order=_is_in_order(entry))
        if newest is None:
            told = found
        elif ascending:
            told = [*found, newest]
        else:
            told = [newest, *found] if after is None else found
        return [attempt_from_document(document) for document in told[:limit]]

    async def list_outcomes(self, entry: LogEntry, *, limit: int, most: int) -> list[tuple[str, datetime]] | None:
        """Return (status, processed at) of the newest `limit` attempts; None where more than `most` are kept before the newest, and no
        index has them in order.
        """
        older = Stretch(entry.id, _newest_of(entry))
        with translated():
            in_order = await self._is_in_order(entry)
            if not in_order and entry.attempts > most and await self._is_longer(entry, most):
                return None
            found = await self._read(older, dict.fromkeys(OUTCOME, 1), limit, in_order=in_order)
        told = [(document["status"], aware(document["processed_at"])) for document in found]
        return [(entry.status, entry.processed_at), *told][:limit]

    async def find_last_success(self, entry: LogEntry) -> Attempt | None:
        """Return the attempt of that instant; it is cut to milliseconds, an attempt's place is not."""
        at = entry.last_success_at
        if at is None:
            return None
        within = order_text(at), order_text(at + A_MILLISECOND)
        last = Stretch(entry.id, _newest_of(entry), within=within, only=SUCCESSFUL)
        with translated():
            found = await self._read(last, None, 1, in_order=await self._is_in_order(entry))
        return attempt_from_document(found[0]) if found else None

    async def _is_in_order(self, entry: LogEntry) -> bool:
        return is_long_history(entry.attempts) and _is_in_order(await self._find_item(entry.id, COUNTS))

    async def _find_item(self, identity: str, fields: Document) -> Document | None:
        return await self._states.find_one({"_id": {"$eq": identity}}, fields, max_time_ms=self._limit_ms)

    async def _is_longer(self, entry: LogEntry, most: int) -> bool:
        """Say whether more than `most` attempts are kept, by their keys alone: an entry counts those that expired, too."""
        older = {"_id": {**attempts_of(entry.id), "$ne": _newest_of(entry)}}
        return await count_up_to(self._attempts, older, "_id_", limit=most + 1, within_ms=self._limit_ms) > most

    async def _read(self, stretch: Stretch, fields: Document | None, limit: int, *, in_order: bool) -> list[Document]:
        asked = stretch.in_order() if in_order else stretch.to_be_sorted()
        found = self._attempts.find(projection=fields, limit=limit, max_time_ms=self._limit_ms, **asked)
        try:
            return await found.to_list()
        except ExecutionTimeout as error:
            raise TooBroad(too_long_a_history(within_ms=self._limit_ms)) from error

    async def _version(self, attempt: str) -> Sequence[Any] | None:
        found = await self._attempts.find_one({"_id": {"$eq": attempt}}, {"version": 1}, max_time_ms=self._limit_ms)
        return None if found is None else found["version"]


def _is_in_order(entry: Document | None) -> bool:
    return entry is not None and entry.get("in_order") == entry["attempts"]


def _newest_of(entry: LogEntry) -> str:
    source, event_id = entry.version[2:]
    return attempt_id(entry.id, source, event_id)

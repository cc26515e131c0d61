"""Entries that changed, read by their ids for the streams: once for all of them, without what no row shows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from shared.contracts.entries import PAYLOAD_FIELDS, PAYLOAD_MARKS
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

WITHOUT: Final = dict.fromkeys(
    (
        "applied",
        "was",
        "state.extra",
        "state.causes.evidence",
        *(f"state.{name}" for name in (*PAYLOAD_FIELDS, *PAYLOAD_MARKS)),
    ),
    0,
)


class MongoChangedEntries:
    """The port ChangedEntries."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._time_limit_ms = time_limit_ms

    async def read_entries(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the documents by id."""
        found = self._entries.find({"_id": {"$in": list(ids)}}, WITHOUT, max_time_ms=self._time_limit_ms)
        with translated():
            return {document["_id"]: document for document in await found.to_list()}

"""Reports that came back, in GridFS, where the exporter reads them, and the previews that it makes of them."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from gridfs import AsyncGridFSBucket
from gridfs.errors import NoFile

from shared.contracts.imports import ROW_STATES, ImportRow, row_from_document
from shared.contracts.names import IMPORT_FILES, IMPORT_ROWS
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.gridfs import PIECE_BYTES, FileWriter
from shared.runtime.clock import Clock


class MongoReturnedFiles:
    """The port ReturnedFiles."""

    def __init__(self, database: Database, *, now: Clock) -> None:
        self._bucket = AsyncGridFSBucket(database, bucket_name=IMPORT_FILES)
        self._writer = FileWriter(database, IMPORT_FILES)
        self._rows = database[IMPORT_ROWS]
        self._now = now

    async def put_file(self, file_id: str, content: bytes, *, name: str, facts: Mapping[str, Any]) -> None:
        """Store the file; its document is written last."""
        with translated(), contextlib.suppress(NoFile):
            await self._bucket.delete(file_id)  # it has taken the pieces of an attempt that broke off even so
        await self._writer.write(file_id, _pieces_of(content), name=name, at=self._now(), facts=facts)

    async def list_rows(
        self, preview: str, *, states: Sequence[str] = (), after: int | None = None, ascending: bool = True, limit: int
    ) -> list[ImportRow]:
        """Return a page of the preview, which costs as many keys as it has rows, and one for each state."""
        query: Document = {"file_id": {"$eq": preview}, "state": {"$in": list(states or ROW_STATES)}}
        if after is not None:
            query["number"] = {"$gt" if ascending else "$lt": after}
        rows = self._rows.find(query).sort("number", 1 if ascending else -1).hint("by_number").limit(limit)
        with translated():
            return [row_from_document(document) for document in await rows.to_list()]


async def _pieces_of(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]

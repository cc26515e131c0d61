"""Reports that came back, in GridFS, where query puts them, and the rows of their previews, where query reads them page by page."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO, Final

from gridfs.errors import CorruptGridFile, NoFile

from services.exporter.adapters.gridfs_files import GridFsFiles, beginning_with
from shared.contracts.imports import ImportRow, row_document
from shared.contracts.names import IMPORT_FILES, IMPORT_ROWS
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.runtime.clock import Clock

WRITTEN_AT_ONCE: Final = 1_000


class MongoReturnedFiles(GridFsFiles):
    """The port ReturnedFiles."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        super().__init__(database, clock=clock, bucket=IMPORT_FILES)
        self._rows = database[IMPORT_ROWS]

    async def put_rows(self, file_id: str, account: str, rows: Sequence[ImportRow]) -> None:
        """Store the preview, so many rows at a time."""
        with translated():
            for start in range(0, len(rows), WRITTEN_AT_ONCE):
                some = rows[start : start + WRITTEN_AT_ONCE]
                await self._rows.insert_many([row_document(file_id, account, row) for row in some], ordered=False)

    async def delete(self, file_id: str) -> None:
        """Remove the file and its pieces, or the preview's rows."""
        await super().delete(file_id)
        with translated():
            await self._rows.delete_many({"file_id": {"$eq": file_id}})

    async def list_ids(self, prefix: str = "") -> list[str]:
        """Return the ids of files, of pieces and of previews."""
        with translated():
            previews: list[str] = await self._rows.distinct("file_id", {"file_id": beginning_with(prefix)})
        return sorted({*await super().list_ids(prefix), *previews})

    async def load(self, file_id: str, into: BinaryIO) -> bool:
        """Write the file's bytes to `into`; False when it is not there whole."""
        with translated():
            try:
                stream = await self._bucket.open_download_stream(file_id)
                while piece := await stream.readchunk():
                    await asyncio.to_thread(into.write, piece)
            except (NoFile, CorruptGridFile):
                return False
        return True

    async def is_fresh(self, file_id: str, *, since: datetime) -> bool:
        """Say whether its first piece was written after `since`: a piece's id holds the second in which it was made."""
        with translated():
            piece = await self._chunks.find_one({"files_id": {"$eq": file_id}}, {"_id": 1}, sort=[("n", 1)])
        return piece is not None and bool(piece["_id"].generation_time > since)

"""Finished files in GridFS. Its `files` document is written last, so a file that can be opened is whole; pieces may be left."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO, Final

from gridfs.asynchronous import AsyncGridFSBucket
from gridfs.errors import NoFile

from services.exporter.handlers.ports import FinishedFile
from shared.contracts.names import EXPORT_FILES
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.mongo.gridfs import PIECE_BYTES, FileWriter
from shared.runtime.clock import Clock

BEYOND: Final = "\U0010ffff"
"""After every character of an id."""


class GridFsFiles:
    """One bucket, `export_files` unless another is named; ids are texts that begin with the job's."""

    def __init__(self, database: Database, *, clock: Clock, bucket: str = EXPORT_FILES) -> None:
        self._bucket = AsyncGridFSBucket(database, bucket)
        self._files = database[f"{bucket}.files"]
        self._chunks = database[f"{bucket}.chunks"]
        self._writer = FileWriter(database, bucket)
        self._clock = clock

    async def put(self, file_id: str, file: FinishedFile, *, name: str, facts: Mapping[str, Any]) -> None:
        """Upload piece by piece, then the document that makes them a file."""
        await self._writer.write(file_id, _pieces_of(file.stream), name=name, at=self._clock(), facts=facts)

    async def delete(self, file_id: str) -> None:
        """Remove the file's document first, then its pieces, those of an unfinished upload too."""
        with translated():
            try:
                await self._bucket.delete(file_id)
            except NoFile:  # the bucket has taken the pieces even so
                return

    async def list_ids(self, prefix: str = "") -> list[str]:
        """Return the ids of files and of pieces."""
        within = beginning_with(prefix)
        with translated():
            files: list[str] = await self._files.distinct("_id", {"_id": within})
            pieces: list[str] = await self._chunks.distinct("files_id", {"files_id": within})
        return sorted({*files, *pieces})


def beginning_with(prefix: str) -> dict[str, str]:
    """Return the condition for ids that begin with `prefix`."""
    return {"$gte": prefix, "$lt": prefix + BEYOND}


async def _pieces_of(stream: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(stream.read, PIECE_BYTES):
        yield piece

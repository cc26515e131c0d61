"""Finished files in GridFS. Its `files` document is written last, so a file that can be opened is whole; pieces may be left."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from gridfs.asynchronous import AsyncGridFSBucket
from gridfs.errors import NoFile

from services.exporter.handlers.ports import FinishedFile
from shared.contracts.names import EXPORT_FILES, MIB
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.runtime.clock import Clock

PIECE_BYTES: Final = MIB

BEYOND: Final = "\U0010ffff"
"""After every character of an id."""


class GridFsFiles:
    """The bucket `export_files`; ids are texts that begin with the job's.

    Uploads write the documents of the GridFS specification themselves: the driver's own upload gathers 48 MB of pieces before it
    sends any, which with its copies took 150 MB (seen). Reading is the driver's.
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._bucket = AsyncGridFSBucket(database, EXPORT_FILES)
        self._files = database[f"{EXPORT_FILES}.files"]
        self._chunks = database[f"{EXPORT_FILES}.chunks"]
        self._clock = clock
        self._is_indexed = False

    async def put(self, file_id: str, file: FinishedFile, *, name: str, facts: Mapping[str, Any]) -> None:
        """Upload piece by piece, then the document that makes them a file."""
        document = {
            "_id": file_id,
            "filename": name,
            "length": file.bytes,
            "chunkSize": PIECE_BYTES,
            "uploadDate": self._clock(),
            "metadata": dict(facts),
        }
        with translated():
            await self._make_indexes()
            number = 0
            while piece := await asyncio.to_thread(file.stream.read, PIECE_BYTES):
                await self._chunks.insert_one({"files_id": file_id, "n": number, "data": piece})
                number += 1
            await self._files.insert_one(document)

    async def _make_indexes(self) -> None:
        if not self._is_indexed:
            await self._files.create_index([("filename", 1), ("uploadDate", 1)])
            await self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
            self._is_indexed = True

    async def delete(self, file_id: str) -> None:
        """Remove the file's document first, then its pieces, those of an unfinished upload too."""
        with translated():
            try:
                await self._bucket.delete(file_id)
            except NoFile:  # the bucket has taken the pieces even so
                return

    async def list_ids(self, prefix: str = "") -> list[str]:
        """Return the ids of files and of pieces."""
        within = {"$gte": prefix, "$lt": prefix + BEYOND}
        with translated():
            files: list[str] = await self._files.distinct("_id", {"_id": within})
            pieces: list[str] = await self._chunks.distinct("files_id", {"files_id": within})
        return sorted({*files, *pieces})

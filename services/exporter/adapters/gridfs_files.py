"""Finished files in GridFS. Its `files` document is written last, so a file that can be opened is whole; pieces may be left."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final

from gridfs.asynchronous import AsyncGridFSBucket
from gridfs.errors import CorruptGridFile, NoFile

from services.exporter.handlers.ports import FinishedFile
from shared.contracts.names import EXPORT_FILES, MIB
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.runtime.clock import Clock

PIECE_BYTES: Final = MIB

BEYOND: Final = "\U0010ffff"
"""After every character of an id."""


class GridFsFiles:
    """One bucket, `export_files` unless another is named; ids are texts that begin with the job's.

    Uploads write the documents of the GridFS specification themselves: the driver's own upload gathers 48 MB of pieces before it
    sends any, which with its copies took 150 MB (seen). Reading is the driver's.
    """

    def __init__(self, database: Database, *, clock: Clock, bucket: str = EXPORT_FILES) -> None:
        self._bucket = AsyncGridFSBucket(database, bucket)
        self._files = database[f"{bucket}.files"]
        self._chunks = database[f"{bucket}.chunks"]
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

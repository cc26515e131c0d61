"""Files in GridFS, written piece by piece: the driver's own upload gathers 48 MB of pieces before it sends any, which with its copies took 150 MB (seen).

Reading is the driver's.
"""

from collections.abc import AsyncIterable, Mapping
from datetime import datetime
from typing import Any, Final

from shared.contracts.names import MIB
from shared.mongo.client import Database
from shared.mongo.errors import translated

PIECE_BYTES: Final = MIB


class FileWriter:
    """Writes the documents of the GridFS specification into one bucket. A file's own comes last: one that can be opened is whole, though pieces may be left."""

    def __init__(self, database: Database, bucket: str) -> None:
        self._files = database[f"{bucket}.files"]
        self._chunks = database[f"{bucket}.chunks"]
        self._is_indexed = False

    async def write(
        self, file_id: str, pieces: AsyncIterable[bytes], *, name: str, at: datetime, facts: Mapping[str, Any]
    ) -> None:
        """Store the file. Each of `pieces` has PIECE_BYTES, the last one may have fewer. Raise StoreUnavailable, and what `pieces` raise."""
        number = length = 0
        with translated():
            await self._make_indexes()
            async for piece in pieces:
                await self._chunks.insert_one({"files_id": file_id, "n": number, "data": piece})
                number += 1
                length += len(piece)
            await self._files.insert_one(
                {
                    "_id": file_id,
                    "filename": name,
                    "length": length,
                    "chunkSize": PIECE_BYTES,
                    "uploadDate": at,
                    "metadata": dict(facts),
                }
            )

    async def _make_indexes(self) -> None:
        if not self._is_indexed:
            await self._files.create_index([("filename", 1), ("uploadDate", 1)])
            await self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
            self._is_indexed = True

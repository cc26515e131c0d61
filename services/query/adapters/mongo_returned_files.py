"""Reports that came back, in GridFS, where the exporter reads them and leaves their previews."""

import contextlib
from collections.abc import Mapping
from typing import Any

from gridfs import AsyncGridFSBucket
from gridfs.errors import CorruptGridFile, NoFile

from shared.contracts.names import IMPORT_FILES
from shared.mongo.client import Database
from shared.mongo.errors import translated


class MongoReturnedFiles:
    """The port ReturnedFiles."""

    def __init__(self, database: Database) -> None:
        self._bucket = AsyncGridFSBucket(database, bucket_name=IMPORT_FILES)

    async def put_file(self, file_id: str, content: bytes, *, name: str, facts: Mapping[str, Any]) -> None:
        """Store the file; its document is written last."""
        with translated():
            with contextlib.suppress(NoFile):  # the bucket has taken the pieces of an attempt that broke off even so
                await self._bucket.delete(file_id)
            await self._bucket.upload_from_stream_with_id(file_id, name, content, metadata=dict(facts))

    async def read_file(self, file_id: str) -> bytes | None:
        """Return the whole file, None when it is gone."""
        with translated():
            try:
                stream = await self._bucket.open_download_stream(file_id)
                return bytes(await stream.read())
            except (NoFile, CorruptGridFile):
                return None

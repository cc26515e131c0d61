"""The exporter's files, read from GridFS."""

from collections.abc import AsyncIterator

from gridfs import AsyncGridFSBucket, AsyncGridOut
from gridfs.errors import NoFile

from shared.contracts.names import EXPORT_FILES
from shared.mongo.client import Database
from shared.mongo.errors import translated


class MongoFile:
    """The port StoredFile."""

    def __init__(self, stream: AsyncGridOut) -> None:
        self._stream = stream
        self.size: int = stream.length

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Return the bytes from `start` up to, not including, `end`."""
        await self._stream.seek(start)
        left = end - start
        while left > 0:
            with translated():
                chunk = await self._stream.readchunk()
            if not chunk:
                return
            yield chunk[:left]
            left -= len(chunk)


class MongoFileStore:
    """The port FileStore."""

    def __init__(self, database: Database) -> None:
        self._bucket = AsyncGridFSBucket(database, bucket_name=EXPORT_FILES)

    async def open_file(self, file_id: str) -> MongoFile | None:
        """Return the file, None when it is gone."""
        with translated():
            try:
                return MongoFile(await self._bucket.open_download_stream(file_id))
            except NoFile:
                return None

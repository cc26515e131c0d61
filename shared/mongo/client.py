"""The only place that opens MongoDB. PyMongo's async API, Motor's successor (decision 0002).

Deadlines come from measurements with stopped and killed primaries: with the driver's defaults a stopped primary stalls every
caller for 30 s; with these a write is refused within 5 s and succeeds again about 10 s after the fault.
"""

from typing import Any, Final

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared.contracts.errors import Defect

Document = dict[str, Any]
Database = AsyncDatabase[Document]

NO_CONNECTION_STRING: Final = (
    "PONTE_MONGO_URI is no connection string of MongoDB, mongodb://user:password@host:27017/?replicaSet=name; "
    "in user and password write : / ? # [ ] @ % percent-encoded"
)

UTC_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)


def connect(
    uri: str, *, service: str, pool_size: int = 50, answer_seconds: float = 20, repeats_writes: bool = True
) -> AsyncMongoClient[Document]:
    """Return a client for one event loop; nothing is sent until its first operation. `service` is its app name.

    An answer that takes longer than `answer_seconds` is given up: make that longer only for one that is known to take long.
    `repeats_writes`: the driver sends a write a second time where a primary went away. MongoDB remembers each update for that, which
    costs a sixth of one; whoever plans a failed write anew does without (decision 0014). Raise Defect for what is no connection string.
    """
    try:
        return AsyncMongoClient(
            uri,
            appname=f"ponte.{service}",
            w="majority",
            journal=True,
            retryWrites=repeats_writes,
            tz_aware=True,
            maxPoolSize=pool_size,
            serverSelectionTimeoutMS=5_000,
            connectTimeoutMS=2_000,
            socketTimeoutMS=int(answer_seconds * 1000),
            heartbeatFrequencyMS=2_000,
        )
    except (PyMongoError, ValueError):
        raise Defect(NO_CONNECTION_STRING) from None  # what the driver says may quote a part of the password

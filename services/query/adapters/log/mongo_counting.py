"""Counting along an index, up to a limit."""

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect

from shared.mongo.client import Document
from shared.mongo.queries import Query


async def count_up_to(
    collection: AsyncCollection[Document], query: Query, index: str, *, limit: int, within_ms: int
) -> int:
    """Return how many documents of `index` fit `query`, never more than `limit`. Raise ExecutionTimeout.

    By the command `count`, which walks a stretch of keys in 40 % of the time that the driver's pipeline takes (10,000: 1.6 and 3.9 ms).
    Of a sharded collection it may count what is just being moved twice.
    """
    asked = {"query": query, "hint": index, "limit": limit, "maxTimeMS": within_ms}
    command = {"count": collection.name, **asked, "readConcern": collection.read_concern.document}
    try:
        found = await collection.database.command(command, read_preference=collection.read_preference)
    except AutoReconnect:  # a primary that hands over: the driver asks again for its own reads, not for a command
        found = await collection.database.command(command, read_preference=collection.read_preference)
    return int(found["n"])

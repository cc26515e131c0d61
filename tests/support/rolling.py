"""The rollups of a test's own database: counted once, or kept up to date for a while as a worker keeps them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from services.ingest.adapters.mongo_entry_log import MongoEntryLog
from services.ingest.adapters.mongo_rollups import MongoRollupBook
from services.ingest.entrypoints.rollups import Manners, Rollups
from services.ingest.handlers.rolling_up import build
from shared.mongo.client import Database
from shared.runtime import clock


async def roll_up(database: Database) -> None:
    """Count the whole log into rollups. For whoever fills `log_entries` directly, such as a benchmark of a big collection."""
    book = MongoRollupBook(database)
    lease = await book.take("roll_up", now=clock.now() + timedelta(days=1))
    assert lease is not None
    lease = await build(MongoEntryLog(database, database), book, lease, clock=clock.now)
    await book.give_back(lease, now=clock.now())


@asynccontextmanager
async def rolling(database: Database, *, name: str = "") -> AsyncIterator["asyncio.Task[None]"]:
    """Keep the rollups up to date for the block."""
    task = asyncio.create_task(worker(database, name=name).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def worker(database: Database, *, name: str = "") -> Rollups:
    """Return what keeps them."""
    book, log = MongoRollupBook(database), MongoEntryLog(database, database)
    return Rollups(name or uuid4().hex, book, log, clock=clock.now, manners=Manners(rest=0.01))

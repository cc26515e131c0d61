from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.ingest.adapters.mongo_entry_log import MongoEntryLog
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.adapters.mongo_old_content import MongoOldContent
from services.ingest.adapters.mongo_rollups import MongoRollupBook
from services.ingest.handlers.rolling_up import Place
from shared.contracts.names import LOG_ENTRIES, PROJECTIONS, ROLLUPS
from shared.contracts.rollups import generation_prefix
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.contract.rollup_suites import EntryLogSuite, Remove, RollupBookSuite, Rows
from tests.support.fakes.rollups import FollowedLogStore, MemoryRollupBook


class TestMemoryRollupBook(RollupBookSuite):
    @pytest.fixture
    def book(self) -> MemoryRollupBook:
        return MemoryRollupBook()

    @pytest.fixture
    def places(self) -> list[Place]:
        return [FollowedLogStore.place(number) for number in (1, 2)]

    @pytest.fixture
    def rows(self, book: MemoryRollupBook) -> Rows:
        async def read() -> Sequence[dict[str, Any]]:
            return list(book.documents())

        return read


class TestMongoRollupBook(RollupBookSuite):
    @pytest.fixture
    def book(self, database: Database) -> MongoRollupBook:
        return MongoRollupBook(database)

    @pytest.fixture
    async def places(self, database: Database) -> list[Place]:
        log = MongoEntryLog(database, database)
        first = await log.here()
        await database[LOG_ENTRIES].insert_one({"_id": "x"})
        return [first, await log.here()]

    @pytest.fixture
    def rows(self, database: Database) -> Rows:
        async def read() -> Sequence[dict[str, Any]]:
            projection = await database[PROJECTIONS].find_one({}) or {}
            start = generation_prefix(projection["generation"])
            return await database[ROLLUPS].find({"_id": {"$regex": f"^{start[:-1]}[|]"}}).to_list()

        return read


class TestMemoryEntryLog(EntryLogSuite):
    @pytest.fixture
    def log(self) -> FollowedLogStore:
        return FollowedLogStore()

    @pytest.fixture
    def store(self, log: FollowedLogStore) -> FollowedLogStore:
        return log

    @pytest.fixture
    def remove(self, log: FollowedLogStore) -> Remove:
        async def remove(entry_id: str) -> None:
            log.remove(entry_id)

        return remove


class TestMongoEntryLog(EntryLogSuite):
    @pytest.fixture
    def log(self, database: Database) -> MongoEntryLog:
        return MongoEntryLog(database, database)

    @pytest.fixture
    def store(self, database: Database) -> MongoLogStore:
        return MongoLogStore(database)

    @pytest.fixture
    def remove(self, database: Database) -> Remove:
        async def remove(entry_id: str) -> None:
            entry = await database[LOG_ENTRIES].find_one({"_id": entry_id}) or {}
            since = max(now(), entry["state"]["processed_at"]) + timedelta(days=1)
            old = MongoOldContent(database)
            status = entry["state"]["status"]  # of no other entry at that moment
            assert await old.remove_entries("loja", status, untouched_since=since, now=since, at_most=2) == 1

        return remove

from typing import Any

import pytest

from services.ingest.adapters.mongo_gap_book import MongoGapBook
from shared.contracts.names import GAPS
from shared.mongo.client import Database
from tests.contract.gap_book_suite import GapBookSuite, Noted


class TestMongoGapBook(GapBookSuite):
    @pytest.fixture
    def book(self, database: Database) -> MongoGapBook:
        return MongoGapBook(database)

    @pytest.fixture
    def noted(self, database: Database) -> Noted:
        async def read() -> list[dict[str, Any]]:
            return await database[GAPS].find().to_list()

        return read

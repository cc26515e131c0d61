import pytest

from services.ingest.adapters.mongo_old_content import MongoOldContent
from shared.contracts.events import IntegrationEvent
from shared.mongo.client import Database
from tests.contract.old_content_suite import OldContentSuite, Seed
from tests.support.fakes.ingest import Document, MemoryOldContent
from tests.support.seed import entry_document, seed_entry


class TestMemoryOldContent(OldContentSuite):
    @pytest.fixture
    def entries(self) -> dict[str, Document]:
        return {}

    @pytest.fixture
    def content(self, entries: dict[str, Document]) -> MemoryOldContent:
        return MemoryOldContent(entries)

    @pytest.fixture
    def seed(self, entries: dict[str, Document]) -> Seed:
        async def store(event: IntegrationEvent, **changes: object) -> None:
            entries[event.entry_id] = entry_document([event], **changes)

        return store


class TestMongoOldContent(OldContentSuite):
    @pytest.fixture
    def content(self, database: Database) -> MongoOldContent:
        return MongoOldContent(database)

    @pytest.fixture
    def seed(self, database: Database) -> Seed:
        async def store(event: IntegrationEvent, **changes: object) -> None:
            await seed_entry(database, event, **changes)

        return store

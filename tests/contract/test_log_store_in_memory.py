"""The fake passes what the real store passes."""

from typing import Any

import pytest

from tests.contract.log_store_suite import Documents, LogStoreSuite
from tests.support.fakes.ingest import MemoryLogStore


class TestMemoryLogStore(LogStoreSuite):
    @pytest.fixture
    def store(self) -> MemoryLogStore:
        return MemoryLogStore()

    @pytest.fixture
    def documents(self, store: MemoryLogStore) -> Documents:
        async def read(collection: str) -> dict[str, dict[str, Any]]:
            return store.attempts if collection == "attempts" else store.entries

        return read

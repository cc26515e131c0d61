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
    def narrow(self, store: MemoryLogStore) -> MemoryLogStore:
        narrow = MemoryLogStore(held_bytes=1)
        narrow.attempts, narrow.entries = store.attempts, store.entries
        return narrow

    @pytest.fixture
    def documents(self, store: MemoryLogStore) -> Documents:
        async def read(collection: str) -> dict[str, dict[str, Any]]:
            return store.attempts if collection == "attempts" else store.entries

        return read

"""The fake passes what the real store passes."""

from typing import Any

import pytest

from tests.contract.log_store_suite import Documents, LogStoreSuite
from tests.contract.long_history_suite import LongHistorySuite
from tests.support.fakes.ingest import MemoryLogStore


@pytest.fixture
def store() -> MemoryLogStore:
    return MemoryLogStore()


@pytest.fixture
def documents(store: MemoryLogStore) -> Documents:
    async def read(collection: str) -> dict[str, dict[str, Any]]:
        return store.attempts if collection == "attempts" else store.entries

    return read


class TestMemoryLogStore(LogStoreSuite):
    @pytest.fixture
    def narrow(self, store: MemoryLogStore) -> MemoryLogStore:
        narrow = MemoryLogStore(held_bytes=1)
        narrow.attempts, narrow.entries = store.attempts, store.entries
        return narrow


class TestLongHistoriesInMemory(LongHistorySuite):
    pass

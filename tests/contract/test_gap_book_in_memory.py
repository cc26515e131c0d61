from typing import Any

import pytest

from tests.contract.gap_book_suite import GapBookSuite, Noted
from tests.support.fakes.ingest import MemoryGapBook


class TestMemoryGapBook(GapBookSuite):
    @pytest.fixture
    def book(self) -> MemoryGapBook:
        return MemoryGapBook()

    @pytest.fixture
    def noted(self, book: MemoryGapBook) -> Noted:
        async def read() -> list[dict[str, Any]]:
            return list(book.gaps.values())

        return read

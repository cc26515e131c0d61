from typing import Any

import pytest

from tests.contract.letter_book_suite import Kept, LetterBookSuite
from tests.support.fakes.ingest import MemoryLetterBook


class TestMemoryLetterBook(LetterBookSuite):
    @pytest.fixture
    def book(self) -> MemoryLetterBook:
        return MemoryLetterBook()

    @pytest.fixture
    def kept(self, book: MemoryLetterBook) -> Kept:
        async def read() -> dict[str, dict[str, Any]]:
            return book.letters

        return read

from typing import Any

import pytest

from services.ingest.adapters.mongo_letter_book import MongoLetterBook
from services.ingest.core.replay import Walk
from shared.contracts.dead_letters import LetterFilter
from shared.contracts.names import DEAD_LETTERS, MIB
from shared.mongo.client import Database
from tests.contract.letter_book_suite import Kept, LetterBookSuite
from tests.support.letters import make_letter


class TestMongoLetterBook(LetterBookSuite):
    @pytest.fixture
    def book(self, database: Database) -> MongoLetterBook:
        return MongoLetterBook(database)

    @pytest.fixture
    def kept(self, database: Database) -> Kept:
        async def read() -> dict[str, dict[str, Any]]:
            return {letter["_id"]: letter async for letter in database[DEAD_LETTERS].find()}

        return read


async def test_content_comes_back_byte_for_byte_and_a_letter_that_cannot_be_encoded_keeps_none_out(
    database: Database,
) -> None:
    book = MongoLetterBook(database)
    huge = make_letter(offset=1, value=bytes(range(256)) * 8 * 1024, headers=(("a\x00", b"\xff"), ("a\x00", None)))
    unsound = {**make_letter(offset=2), "kind": object()}

    assert await book.keep([unsound, huge]) == 1

    (found,) = await book.next_open(Walk("loja", None, LetterFilter(state=("open",))), limit=9, max_bytes=MIB)
    assert (found.value, found.size) == (huge["value"], 2 * MIB)
    assert list(found.headers) == [("a\x00", b"\xff"), ("a\x00", None)]

"""Reports that came back, as query keeps them: the fake and MongoDB alike."""

import pytest
from gridfs import AsyncGridFSBucket

from services.query.adapters.mongo_returned_files import MongoReturnedFiles
from services.query.handlers.importing import ReturnedFiles
from shared.contracts.names import IMPORT_FILES, MIB
from shared.mongo.client import Database
from tests.support.fakes.query import FakeReturnedFiles

UPLOAD = "loja|i1|upload"


class ReturnedFilesSuite:
    async def test_a_file_comes_back_whole_and_one_that_is_stored_again_is_the_newer(self, port: ReturnedFiles) -> None:
        for content in (b"first" * MIB, b"second"):
            await port.put_file(UPLOAD, content, name="r.xlsx", facts={"account": "loja"})
            assert await port.read_file(UPLOAD) == content

    async def test_what_is_not_there_is_none(self, port: ReturnedFiles) -> None:
        await port.put_file(UPLOAD, b"x", name="r.xlsx", facts={})

        assert await port.read_file("loja|i10|upload") is None
        assert await port.read_file("") is None


class TestFakeReturnedFiles(ReturnedFilesSuite):
    @pytest.fixture
    def port(self) -> FakeReturnedFiles:
        return FakeReturnedFiles()


class TestMongoReturnedFiles(ReturnedFilesSuite):
    @pytest.fixture
    def port(self, database: Database) -> MongoReturnedFiles:
        return MongoReturnedFiles(database)

    async def test_pieces_of_an_attempt_that_broke_off_are_replaced_and_until_then_no_file(
        self, port: MongoReturnedFiles, database: Database
    ) -> None:
        await database[f"{IMPORT_FILES}.chunks"].insert_one({"files_id": UPLOAD, "n": 0, "data": b"half"})
        assert await port.read_file(UPLOAD) is None

        await port.put_file(UPLOAD, b"whole", name="r.xlsx", facts={"account": "loja"})

        assert await port.read_file(UPLOAD) == b"whole"
        files = AsyncGridFSBucket(database, IMPORT_FILES).find({"metadata.account": "loja"})
        assert [file._id async for file in files] == [UPLOAD]

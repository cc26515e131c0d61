"""Reports that came back and their previews, as query keeps and reads them: the fake and MongoDB alike."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
from gridfs import AsyncGridFSBucket

from deploy.local.servers import Servers
from services.query.adapters.mongo_returned_files import MongoReturnedFiles
from services.query.handlers.importing import ReturnedFiles
from shared.contracts.imports import ROW_STATES, ImportRow, RowState, row_document
from shared.contracts.names import IMPORT_FILES, IMPORT_ROWS, MIB
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.support.explained import explained
from tests.support.fakes.query import FakeReturnedFiles

UPLOAD = "loja|i1|upload"
PREVIEW = "loja|i1|token"
Seed = Callable[[str, Sequence[ImportRow]], Awaitable[None]]
"""Stores a preview as the exporter does."""

Read = Callable[[str], Awaitable[bytes]]


def make_rows(*states: RowState) -> list[ImportRow]:
    return [
        ImportRow(number=number, sheet="", row=number + 1, kind="order", affiliate="MLC", code=f"{number}", state=state)
        for number, state in enumerate(states, 1)
    ]


class ReturnedFilesSuite:
    async def test_a_file_is_stored_whole_and_one_that_is_stored_again_is_the_newer(
        self, port: ReturnedFiles, read: Read
    ) -> None:
        for content in (b"first" * MIB, b"second", b"x" * 2 * MIB):
            await port.put_file(UPLOAD, content, name="r.xlsx", facts={"account": "loja"})
            assert await read(UPLOAD) == content

    async def test_rows_are_read_from_any_place_in_both_directions(self, port: ReturnedFiles, seed: Seed) -> None:
        rows = make_rows(*["eligible"] * 8, "not_found", *["eligible"] * 3)
        await seed(PREVIEW, rows)
        await seed("loja|i10|token", make_rows("paused"))

        assert await port.list_rows(PREVIEW, limit=50) == rows
        assert await port.list_rows(PREVIEW, limit=5) == rows[:5]
        assert await port.list_rows(PREVIEW, after=8, limit=3) == rows[8:11]
        assert await port.list_rows(PREVIEW, after=10, ascending=False, limit=3) == rows[8:5:-1]
        assert await port.list_rows(PREVIEW, after=12, limit=3) == []
        assert await port.list_rows("nobody's", limit=5) == []

    async def test_rows_are_chosen_by_their_states_and_stay_in_order(self, port: ReturnedFiles, seed: Seed) -> None:
        rows = make_rows("never", "eligible", "not_found", "never", "eligible", "unreadable")
        await seed(PREVIEW, rows)

        found = await port.list_rows(PREVIEW, states=["not_found", "never"], limit=50)
        further = await port.list_rows(PREVIEW, states=["eligible", "never"], after=1, limit=2)

        assert [row.number for row in found] == [1, 3, 4]
        assert [row.number for row in further] == [2, 4]
        assert await port.list_rows(PREVIEW, states=["paused"], limit=50) == []


class TestFakeReturnedFiles(ReturnedFilesSuite):
    @pytest.fixture
    def port(self) -> FakeReturnedFiles:
        return FakeReturnedFiles()

    @pytest.fixture
    def read(self, port: FakeReturnedFiles) -> Read:
        async def read(file_id: str) -> bytes:
            return port.files[file_id]

        return read

    @pytest.fixture
    def seed(self, port: FakeReturnedFiles) -> Seed:
        async def put(preview: str, rows: Sequence[ImportRow]) -> None:
            port.previews[preview] = rows

        return put


class TestMongoReturnedFiles(ReturnedFilesSuite):
    @pytest.fixture
    def port(self, database: Database) -> MongoReturnedFiles:
        return MongoReturnedFiles(database, now=now)

    @pytest.fixture
    def read(self, database: Database) -> Read:
        async def read(file_id: str) -> bytes:
            stream = await AsyncGridFSBucket(database, IMPORT_FILES).open_download_stream(file_id)
            return bytes(await stream.read())

        return read

    @pytest.fixture
    def seed(self, database: Database) -> Seed:
        async def put(preview: str, rows: Sequence[ImportRow]) -> None:
            await database[IMPORT_ROWS].insert_many([row_document(preview, "loja", row) for row in rows])

        return put

    async def test_pieces_of_an_attempt_that_broke_off_are_replaced(
        self, port: MongoReturnedFiles, read: Read, database: Database
    ) -> None:
        for number in range(3):
            await database[f"{IMPORT_FILES}.chunks"].insert_one({"files_id": UPLOAD, "n": number, "data": b"half"})

        await port.put_file(UPLOAD, b"whole", name="r.xlsx", facts={"account": "loja"})

        assert await read(UPLOAD) == b"whole"
        files = AsyncGridFSBucket(database, IMPORT_FILES).find({"metadata.account": "loja"})
        assert [file._id async for file in files] == [UPLOAD]

    @pytest.mark.parametrize("states", [(), ("unreadable",), ("eligible", "unreadable")], ids="+".join)
    async def test_a_page_costs_a_page_wherever_it_is(
        self, servers: Servers, database_name: str, seed: Seed, states: Sequence[str]
    ) -> None:
        rows = make_rows(*["eligible" if number % 100 else "unreadable" for number in range(5_000)])
        await seed(PREVIEW, rows)
        async with explained(
            servers.mongo.uri, database_name, lambda _, asked: MongoReturnedFiles(asked, now=now)
        ) as heard:
            for after in (None, 2_500):
                for ascending in (True, False):
                    heard.forget()
                    found = await heard.reader.list_rows(
                        PREVIEW, states=states, after=after, ascending=ascending, limit=20
                    )
                    told = heard.told()

                    assert len(found) == 20
                    assert told.keys <= 20 + 2 * len(ROW_STATES)
                    assert told.documents == 20
                    assert told.indexes == {"by_number"}

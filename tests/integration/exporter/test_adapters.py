"""The exporter's adapters on a real MongoDB."""

import errno
import io
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from gridfs.asynchronous import AsyncGridFSBucket
from gridfs.errors import NoFile
from pymongo.errors import ExecutionTimeout, OperationFailure

from services.exporter.adapters import mongo_entry_reader
from services.exporter.adapters.gridfs_files import GridFsFiles
from services.exporter.adapters.mongo_entry_lookup import MongoEntryLookup
from services.exporter.adapters.mongo_entry_reader import MongoEntryReader, MongoReading
from services.exporter.adapters.mongo_export_store import MongoExportStore, MongoImportStore
from services.exporter.adapters.mongo_returned_files import MongoReturnedFiles
from services.exporter.handlers.ports import FinishedFile
from shared.contracts.commands import ExportCommand
from shared.contracts.entries import LogEntry
from shared.contracts.filters import LogFilter
from shared.contracts.names import EXPORT_FILES, EXPORTS, IMPORT_FILES, IMPORTS, INTEGRATIONS, LOG_ENTRIES
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.mongo.jobs import Jobs
from shared.runtime.clock import now
from tests.contract.exporter_suites import (
    EntryLookupSuite,
    EntryReaderSuite,
    ExportStoreSuite,
    FakeTime,
    FileStoreSuite,
    ImportStoreSuite,
    ReturnedFilesSuite,
    Seed,
    SeedLookup,
)
from tests.support.export_rows import document_of, make_entry
from tests.support.lost_answers import Lame


class TestMongoEntryReader(EntryReaderSuite):
    @pytest.fixture
    def port(self, database: Database) -> MongoEntryReader:
        return MongoEntryReader(database, batch_rows=2)

    @pytest.fixture
    def seed(self, database: Database, account: str) -> Seed:
        async def put(entries: Sequence[LogEntry], names: dict[str, str]) -> None:
            if entries:
                await database[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])
            registered: list[dict[str, Any]] = [
                {"_id": f"{owner}|{affiliate}", "account": owner, "affiliate": affiliate, "marketplace": name}
                for affiliate, name in names.items()
                for owner in (account, "other")
            ]
            if registered:
                await database[INTEGRATIONS].insert_many(registered)

        return put

    async def test_a_pass_shows_one_moment_whatever_changes_meanwhile(
        self, port: MongoEntryReader, database: Database, account: str
    ) -> None:
        entries = [make_entry(account=account, code=f"{number}") for number in range(6)]
        await database[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])

        async with port.read(account, LogFilter()) as reading:
            assert await reading.count() == 6
            await database[LOG_ENTRIES].delete_one({"code": "5"})
            await database[LOG_ENTRIES].update_one({"code": "4"}, {"$set": {"state.status": "success"}})
            await database[LOG_ENTRIES].insert_one(document_of(make_entry(account=account, code="7")))
            found = [(entry.code, entry.status) async for batch in reading.batches() for entry in batch]

        assert found == [(f"{number}", "error") for number in range(6)]

    async def test_an_interrupted_pass_goes_on_after_its_last_entry(
        self, port: MongoEntryReader, database: Database, account: str
    ) -> None:
        entries = [make_entry(account=account, code=f"{number}") for number in range(9)]
        await database[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])

        async with port.read(account, LogFilter()) as reading:
            found = []
            async for batch in reading.batches():
                found += [entry.code for entry in batch]
                await _kill_cursors(database)

        assert found == [entry.code for entry in entries]

    async def test_a_pass_whose_moment_is_gone_goes_on_and_says_so(
        self, port: MongoEntryReader, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entries = [make_entry(account=account, code=f"{number}") for number in range(5)]
        await database[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])
        follow, asked = MongoReading._follow, []

        async def too_old(self: MongoReading, after: str, upper: str, **how: Any) -> Any:
            asked.append(after)
            async for batch in follow(self, after, upper, **how):
                yield batch
                if len(asked) == 1:
                    raise OperationFailure("snapshot too old", 239)

        monkeypatch.setattr(MongoReading, "_follow", too_old)
        async with port.read(account, LogFilter(kind=("order",))) as reading:
            found = [entry.code async for batch in reading.batches() for entry in batch]

            assert found == [entry.code for entry in entries]
            assert not reading.is_one_moment
        assert asked[1] == entries[1].id

    async def test_a_pass_whose_filter_no_index_serves_goes_on_window_by_window(
        self, port: MongoEntryReader, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entries = [make_entry(account=account, code=f"{number:02}", attempts=9 * (number % 6)) for number in range(20)]
        await database[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])
        follow = MongoReading._follow

        async def slow_without_bounds(self: MongoReading, after: str, stop: str, **how: Any) -> Any:
            if not how.get("by_id"):
                with translated():
                    raise ExecutionTimeout("operation exceeded time limit", 50)
            async for batch in follow(self, after, stop, **how):
                yield batch

        monkeypatch.setattr(MongoReading, "_follow", slow_without_bounds)
        monkeypatch.setattr(mongo_entry_reader, "WINDOW", 4)
        rows = LogFilter(kind=("order",), attempts_min=40)
        async with port.read(account, rows) as reading:
            found = [entry.code async for batch in reading.batches() for entry in batch]

            assert (found, reading.is_one_moment) == (["05", "11", "17"], True)

    async def test_a_batch_of_long_messages_is_short(self, database: Database, account: str) -> None:
        causes = [{"code": "X", "message": "m" * 90_000, "evidence": {"request": "r" * 1000}}]
        entries = [make_entry(account=account, code=f"{number}", causes=causes) for number in range(120)]
        await database[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])

        async with MongoEntryReader(database, batch_rows=100).read(account, LogFilter()) as reading:
            batches = [batch async for batch in reading.batches()]

        assert [len(batch) for batch in batches] == [50, 50, 20]
        assert all("evidence" not in entry.causes[0] for batch in batches for entry in batch)


async def _kill_cursors(database: Database) -> None:
    status = await database.client.admin.aggregate(
        [
            {"$currentOp": {"idleCursors": True}},
            {"$match": {"type": "idleCursor", "ns": f"{database.name}.{LOG_ENTRIES}"}},
        ]
    )
    if cursors := [item["cursor"]["cursorId"] async for item in status]:
        await database.command({"killCursors": LOG_ENTRIES, "cursors": cursors})


def store_of(database: Database, jobs: Any, time: FakeTime) -> MongoExportStore:
    return MongoExportStore(database, jobs, lease_for=timedelta(seconds=15), clock=time)


class TestMongoExportStore(ExportStoreSuite):
    @pytest.fixture
    def time(self) -> FakeTime:
        return FakeTime()

    @pytest.fixture
    def port(self, database: Database, time: FakeTime) -> MongoExportStore:
        return store_of(database, Jobs(database, EXPORTS), time)

    async def test_a_start_whose_answer_was_lost_is_counted_once_and_taken_back_as_any_other(
        self, database: Database, time: FakeTime, account: str
    ) -> None:
        port = store_of(database, Lame(Jobs(database, EXPORTS), "record_progress"), time)
        await port.take_in(ExportCommand(id="e1", account=account))

        job = await port.lease()
        assert job is not None
        await port.give_back(job)

        again = await port.lease()
        assert again is not None
        assert (job.starts, again.starts) == (1, 1)

    async def test_a_cancel_that_comes_first_keeps_a_job_from_being_done(
        self, port: MongoExportStore, database: Database, time: FakeTime, account: str
    ) -> None:
        await port.take_in(ExportCommand(id="e1", account=account))
        job = await port.lease()
        assert job is not None
        await Jobs(database, EXPORTS).request_cancel(account, "e1", now=time())

        assert not await port.finish(job, "done")
        assert await port.finish(job, "cancelled")


class TestGridFsFiles(FileStoreSuite):
    @pytest.fixture
    def port(self, database: Database) -> GridFsFiles:
        return GridFsFiles(database, clock=FakeTime())

    @pytest.fixture
    def open_file(self, database: Database) -> Callable[[str], Awaitable[bytes]]:
        async def read(file_id: str) -> bytes:
            stream = await AsyncGridFSBucket(database, EXPORT_FILES).open_download_stream(file_id)
            return bytes(await stream.read())

        return read

    async def test_an_upload_that_breaks_makes_no_file_that_can_be_opened(
        self, port: GridFsFiles, open_file: Callable[[str], Awaitable[bytes]]
    ) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() > 2_000_000:
                    raise OSError(errno.EIO, "broken disk")
                return super().read(size)

        file = FinishedFile(stream=Broken(b"x" * 3_000_000), bytes=3_000_000, sha256="")
        with pytest.raises(OSError, match="broken disk"):
            await port.put("loja|e1|a", file, name="a", facts={})

        with pytest.raises(NoFile):
            await open_file("loja|e1|a")
        await port.delete("loja|e1|a")
        assert await port.list_ids() == []

    async def test_pieces_of_a_killed_upload_are_listed_and_can_be_deleted(
        self, port: GridFsFiles, database: Database
    ) -> None:
        await database[f"{EXPORT_FILES}.chunks"].insert_one({"files_id": "loja|e1|a", "n": 0, "data": b"x"})

        assert await port.list_ids("loja|e1|") == ["loja|e1|a"]
        await port.delete("loja|e1|a")
        assert await port.list_ids() == []


class TestMongoImportStore(ImportStoreSuite, ExportStoreSuite):
    @pytest.fixture
    def time(self) -> FakeTime:
        return FakeTime()

    @pytest.fixture
    def port(self, database: Database, time: FakeTime) -> MongoImportStore:
        return MongoImportStore(database, Jobs(database, IMPORTS), lease_for=timedelta(seconds=15), clock=time)


class TestMongoReturnedFiles(ReturnedFilesSuite):
    @pytest.fixture
    def port(self, database: Database) -> MongoReturnedFiles:
        return MongoReturnedFiles(database, clock=now)

    async def test_a_file_is_fresh_from_its_first_piece_on(self, port: MongoReturnedFiles, database: Database) -> None:
        await database[f"{IMPORT_FILES}.chunks"].insert_one({"files_id": "loja|i1|upload", "n": 0, "data": b"x"})

        assert await port.is_fresh("loja|i1|upload", since=now() - timedelta(minutes=1))
        assert not await port.is_fresh("loja|i1|upload", since=now() + timedelta(minutes=1))
        assert not await port.is_fresh("nobody|i1|upload", since=now() - timedelta(minutes=1))


class TestMongoEntryLookup(EntryLookupSuite):
    @pytest.fixture
    def port(self, database: Database) -> MongoEntryLookup:
        return MongoEntryLookup(database)

    @pytest.fixture
    def seed_lookup(self, database: Database) -> SeedLookup:
        async def put(entries: Sequence[LogEntry], registered: Sequence[dict[str, Any]]) -> None:
            if entries:
                await database[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])
            if registered:
                await database[INTEGRATIONS].insert_many(
                    [{"_id": f"{one['account']}|{one['affiliate']}", **one} for one in registered]
                )

        return put

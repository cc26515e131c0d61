"""The fakes pass what the real servers pass; the three file formats and the plain writer pass the same suite."""

import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import openpyxl
import orjson
import pytest

from services.exporter.adapters.text_files import CsvFile, JsonLinesFile
from services.exporter.adapters.xlsx_workbook import XlsxWorkbook
from shared.contracts.entries import LogEntry
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
    WorkbookSuite,
)
from tests.support.fakes.exporter import (
    MemoryEntryLookup,
    MemoryEntryReader,
    MemoryExportStore,
    MemoryFileStore,
    MemoryImportStore,
    MemoryReturnedFiles,
    PlainWorkbook,
)


class TestMemoryEntryReader(EntryReaderSuite):
    @pytest.fixture
    def port(self) -> MemoryEntryReader:
        return MemoryEntryReader(batch_rows=2)

    @pytest.fixture
    def seed(self, port: MemoryEntryReader) -> Seed:
        async def put(entries: Sequence[LogEntry], names: dict[str, str]) -> None:
            port.entries.extend(entries)
            port.names.update(names)

        return put


class TestMemoryExportStore(ExportStoreSuite):
    @pytest.fixture
    def time(self) -> FakeTime:
        return FakeTime()

    @pytest.fixture
    def port(self, time: FakeTime) -> MemoryExportStore:
        return MemoryExportStore(time)


class TestMemoryFileStore(FileStoreSuite):
    @pytest.fixture
    def port(self) -> MemoryFileStore:
        return MemoryFileStore()

    @pytest.fixture
    def open_file(self, port: MemoryFileStore) -> Callable[[str], Awaitable[bytes]]:
        async def read(file_id: str) -> bytes:
            return port.files[file_id]

        return read


class TestMemoryImportStore(ImportStoreSuite, ExportStoreSuite):
    @pytest.fixture
    def time(self) -> FakeTime:
        return FakeTime()

    @pytest.fixture
    def port(self, time: FakeTime) -> MemoryImportStore:
        return MemoryImportStore(time)


class TestMemoryReturnedFiles(ReturnedFilesSuite):
    @pytest.fixture
    def port(self) -> MemoryReturnedFiles:
        return MemoryReturnedFiles()


class TestMemoryEntryLookup(EntryLookupSuite):
    @pytest.fixture
    def port(self) -> MemoryEntryLookup:
        return MemoryEntryLookup()

    @pytest.fixture
    def seed_lookup(self, port: MemoryEntryLookup) -> SeedLookup:
        async def put(entries: Sequence[LogEntry], registered: Sequence[dict[str, Any]]) -> None:
            port.entries = entries
            port.registered = registered

        return put


class Spreadsheet(WorkbookSuite):
    def codes(self, file: bytes) -> list[str]:
        rows = openpyxl.load_workbook(io.BytesIO(file)).worksheets[0].iter_rows(min_row=2, values_only=True)
        return [str(row[1]) for row in rows if row[0] != "Nenhum item foi encontrado"]


class TestXlsxWorkbook(Spreadsheet):
    make = XlsxWorkbook


class TestPlainWorkbook(Spreadsheet):
    make = PlainWorkbook


class TestCsvFile(WorkbookSuite):
    make = CsvFile

    def codes(self, file: bytes) -> list[str]:
        return [row[1] for row in list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))[1:]]


class TestJsonLinesFile(WorkbookSuite):
    make = JsonLinesFile

    def codes(self, file: bytes) -> list[str]:
        return [orjson.loads(line)["code"] for line in file.splitlines()]

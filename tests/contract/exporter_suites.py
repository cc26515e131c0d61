"""What the exporter's ports promise. Subclass a suite with a fixture `port`, and `seed` where it is asked for."""

import io
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.exporter.adapters.spool import finished
from services.exporter.core.report import Report
from services.exporter.core.tally import Tally
from services.exporter.handlers.ports import EntryLookup, EntryReader, FileStore, JobStore, ReturnedFiles, Workbook
from shared.contracts.commands import ExportCommand
from shared.contracts.eligibility import refusal
from shared.contracts.entries import LogEntry
from shared.contracts.errors import LeaseLost
from shared.contracts.filters import LogFilter
from shared.contracts.imports import ImportCommand, ImportRow, upload_id
from tests.support.export_rows import AT, hostile_entries, make_entry, make_report
from tests.support.fakes.exporter import lets_pass, sha256_of

Seed = Callable[[Sequence[LogEntry], dict[str, str]], Awaitable[None]]
SeedLookup = Callable[[Sequence[LogEntry], Sequence[dict[str, Any]]], Awaitable[None]]
"""Stores entries, and integrations as query registers them."""


class FakeTime:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def shop(account: str) -> list[LogEntry]:
    """Return entries of every kind, two affiliates, two statuses, two days, beside those of an account with a longer name."""
    return [
        make_entry(
            account=owner,
            kind=kind,
            affiliate=affiliate,
            code=f"{number}",
            status="error" if number % 2 else "success",
            causes=[{"code": "ORD-SLA", "message": f"No sla {number}", "field": "f"}] if number % 2 else [],
            processed_at=AT + timedelta(days=number % 3),
            aliases={"vtex.id": f"V-{number}"},
            reprocess={"id": "r", "state": "sent"} if number == 3 else None,
        )
        for owner in (account, account + "x")
        for kind in ("order", "price")
        for affiliate in ("MLC", "MLCX", "AMZ")
        for number in range(7)
    ]


class EntryReaderSuite:
    async def read(self, port: EntryReader, account: str, **rows: object) -> list[LogEntry]:
        async with port.read(account, LogFilter.parse(rows)) as reading:
            found = [entry async for batch in reading.batches() for entry in batch]
            assert await reading.count() == len(found)
            assert reading.is_one_moment
        return found

    @pytest.mark.parametrize(
        "rows",
        [
            {},
            {"kind": ["price"]},
            {"affiliate": ["MLC"]},
            {"affiliate": ["MLC", "AMZ"], "kind": ["order", "price"]},
            {"status": ["error"]},
            {"error_code": ["ORD-SLA"], "kind": ["order"]},
            {"from": "2026-11-24T00:00:00Z", "to": "2026-11-25T00:00:00Z"},
            {"q": "v-3"},
            {"q": "sla 5", "status": ["error"]},
            {"affiliate": ["NOBODY"]},
        ],
    )
    async def test_a_pass_yields_each_entry_that_the_filter_lets_pass_once_in_order(
        self, port: EntryReader, seed: Seed, account: str, rows: dict[str, object]
    ) -> None:
        await seed(shop(account), {})
        wanted = [
            entry.id for entry in shop(account) if entry.account == account and lets_pass(LogFilter.parse(rows), entry)
        ]

        found = [entry.id for entry in await self.read(port, account, **rows)]

        assert found == sorted(wanted)

    async def test_an_entry_comes_with_everything_that_a_report_shows(
        self, port: EntryReader, seed: Seed, account: str
    ) -> None:
        await seed(shop(account), {})
        (entry,) = await self.read(port, account, kind=["order"], affiliate=["AMZ"], q="3")
        (stored,) = (one for one in shop(account) if one.id == entry.id)

        for name in (
            "status",
            "processed_at",
            "received_at",
            "first_seen_at",
            "last_success_at",
            "attempts",
            "aliases",
            "reprocess",
        ):
            assert getattr(entry, name) == getattr(stored, name), name
        assert [dict(cause) for cause in entry.causes] == [dict(cause) for cause in stored.causes]

    async def test_no_batch_is_empty_or_larger_than_asked(self, port: EntryReader, seed: Seed, account: str) -> None:
        await seed(shop(account), {})
        async with port.read(account, LogFilter()) as reading:
            sizes = [len(batch) async for batch in reading.batches()]

        assert max(sizes) == 2
        assert min(sizes) >= 1

    async def test_marketplaces_are_those_of_the_account(self, port: EntryReader, seed: Seed, account: str) -> None:
        await seed([], {"MLC": "MercadoLivre"})
        async with port.read(account, LogFilter()) as reading:
            assert await reading.marketplaces() == {"MLC": "MercadoLivre"}


def make_command(account: str, job_id: str = "e1") -> ExportCommand:
    return ExportCommand(id=job_id, account=account, filter={"status": ["error"]})


class ExportStoreSuite:
    async def test_a_command_is_taken_in_once(self, port: JobStore, time: FakeTime, account: str) -> None:
        assert await port.take_in(make_command(account))
        time.pass_seconds(1)
        assert not await port.take_in(make_command(account))
        assert await port.take_in(make_command(f"{account}x"))

    async def test_a_lease_is_of_one_worker_until_it_runs_out(
        self, port: JobStore, time: FakeTime, account: str
    ) -> None:
        await port.take_in(make_command(account))
        first = await port.lease()
        assert first is not None
        assert await port.lease() is None

        time.pass_seconds(16)
        second = await port.lease()

        assert second is not None
        assert (first.starts, second.starts) == (1, 2)
        assert first.file_id != second.file_id
        assert second.command["filter"] == {"status": ["error"]}
        with pytest.raises(LeaseLost):
            await port.record(first, {"rows_done": 5})
        assert not await port.finish(first, "done")
        assert not await port.record(second, {"rows_done": 5})

    async def test_a_heartbeat_keeps_the_lease(self, port: JobStore, time: FakeTime, account: str) -> None:
        await port.take_in(make_command(account))
        job = await port.lease()
        assert job is not None
        for _ in range(3):
            time.pass_seconds(10)
            assert not await port.record(job, {"rows_done": 1})
        assert await port.lease() is None

    async def test_a_job_given_back_may_be_taken_at_once_and_the_start_does_not_count(
        self, port: JobStore, time: FakeTime, account: str
    ) -> None:
        await port.take_in(make_command(account))
        job = await port.lease()
        assert job is not None
        await port.give_back(job)
        again = await port.lease()

        assert again is not None
        assert again.starts == 1

    async def test_a_start_whose_lease_was_lost_does_not_count_either_once_its_worker_says_that_it_lives(
        self, port: JobStore, time: FakeTime, account: str
    ) -> None:
        await port.take_in(make_command(account))
        lost = await port.lease()
        time.pass_seconds(16)
        held = await port.lease()
        assert lost is not None
        assert held is not None

        await port.give_back(lost)

        assert not await port.record(held, {"rows_done": 5})
        time.pass_seconds(16)
        again = await port.lease()
        assert again is not None
        assert again.starts == 2

    async def test_a_finished_job_is_not_leased_again_and_owns_its_file_until_it_expires(
        self, port: JobStore, time: FakeTime, account: str
    ) -> None:
        await port.take_in(make_command(account))
        job = await port.lease()
        assert job is not None
        assert await port.is_wanted(job.file_id)

        for _ in range(2):  # the first answer may be lost
            assert await port.finish(job, "done", progress={"file_id": job.file_id})

        time.pass_seconds(60)
        assert await port.lease() is None
        assert await port.is_wanted(job.file_id)
        assert not await port.is_wanted(f"{job.prefix}other")
        assert not await port.is_wanted("nobody|e1|x")
        assert await port.expire(finished_before=AT) == []
        assert await port.expire(finished_before=time()) == [job.file_id]
        assert await port.expire(finished_before=time()) == []
        assert not await port.is_wanted(job.file_id)


class FileStoreSuite:
    CONTENT = bytes(range(256)) * 12_000

    async def put(self, port: FileStore, file_id: str, content: bytes) -> None:
        file = finished(io.BytesIO(content))
        assert file.sha256 == sha256_of(content)
        await port.put(file_id, file, name="report.xlsx", facts={"account": "loja", "sha256": file.sha256})

    async def test_a_file_comes_back_whole(self, port: FileStore, open_file: Callable[[str], Awaitable[bytes]]) -> None:
        await self.put(port, "loja|e1|a", self.CONTENT)
        await self.put(port, "loja|e1|empty", b"")

        assert await open_file("loja|e1|a") == self.CONTENT
        assert await open_file("loja|e1|empty") == b""

    async def test_ids_are_listed_by_prefix_and_gone_when_deleted(self, port: FileStore) -> None:
        for file_id in ("loja|e1|a", "loja|e1|b", "loja|e10|c", "loja2|e1|d"):
            await self.put(port, file_id, b"x")

        assert await port.list_ids("loja|e1|") == ["loja|e1|a", "loja|e1|b"]
        await port.delete("loja|e1|a")
        await port.delete("loja|e1|a")
        assert await port.list_ids() == ["loja2|e1|d", "loja|e10|c", "loja|e1|b"]


class ImportStoreSuite:
    async def test_the_file_that_came_back_is_wanted_from_its_job_on_until_that_expires(
        self, port: JobStore, time: FakeTime, account: str
    ) -> None:
        upload = upload_id(account, "i1")
        assert not await port.is_wanted(upload)
        assert await port.take_in(ImportCommand(id="i1", account=account))
        assert await port.is_wanted(upload)
        job = await port.lease()
        assert job is not None
        assert job.command["operation"] == "import"
        assert await port.is_wanted(upload)

        assert await port.finish(job, "done", progress={"file_id": job.file_id})

        assert [await port.is_wanted(one) for one in (upload, job.file_id, f"{job.prefix}other")] == [True, True, False]
        time.pass_seconds(60)
        assert await port.expire(finished_before=time()) == [job.file_id]
        assert [await port.is_wanted(one) for one in (upload, job.file_id)] == [False, False]

    @pytest.mark.parametrize("state", ["failed", "cancelled"])
    async def test_nobody_wants_the_file_of_a_job_that_came_to_nothing(
        self, port: JobStore, account: str, state: str
    ) -> None:
        await port.take_in(ImportCommand(id="i1", account=account))
        job = await port.lease()
        assert job is not None
        assert await port.finish(job, state)
        assert not await port.is_wanted(upload_id(account, "i1"))


class ReturnedFilesSuite:
    async def test_a_file_is_loaded_whole_or_not_at_all(self, port: ReturnedFiles) -> None:
        content = b"edited" * 300_000
        await port.put("loja|i1|upload", finished(io.BytesIO(content)), name="r.xlsx", facts={})
        into = io.BytesIO()

        assert await port.load("loja|i1|upload", into)
        assert not await port.load("loja|i2|upload", io.BytesIO())

        assert into.getvalue() == content

    async def test_a_preview_is_listed_and_deleted_as_a_file_is(self, port: ReturnedFiles) -> None:
        await port.put("loja|i1|upload", finished(io.BytesIO(b"x")), name="r.xlsx", facts={})
        for file_id in ("loja|i1|a", "loja|i1|b", "loja|i10|c"):
            await port.put_rows(file_id, "loja", [make_row(number) for number in range(1, 2_002)])

        assert await port.list_ids("loja|i1|") == ["loja|i1|a", "loja|i1|b", "loja|i1|upload"]
        for _ in range(2):
            await port.delete("loja|i1|a")
        await port.delete("loja|i1|upload")
        assert await port.list_ids() == ["loja|i10|c", "loja|i1|b"]


def make_row(number: int) -> ImportRow:
    return ImportRow(
        number=number, sheet="", row=number + 1, kind="order", affiliate="MLC", code=f"{number}", state="eligible"
    )


class EntryLookupSuite:
    async def test_an_entry_that_is_looked_up_tells_whether_it_may_be_reprocessed(
        self, port: EntryLookup, seed_lookup: SeedLookup, account: str
    ) -> None:
        entries = [
            make_entry(account=account, code="error"),
            make_entry(account=account, code="never", causes=[{"code": "MKT-CLOSED", "message": "closed"}]),
            make_entry(account=account, code="success", status="success", causes=[]),
            make_entry(account=account, code="sent", reprocess={"id": "j", "state": "sent"}),
            make_entry(account=account, code="unasked"),
        ]
        await seed_lookup(entries, [])

        found = await port.find_entries([*(entry.id for entry in entries[:4]), f"{account}|order|MLC|absent"])

        assert {one.code: refusal(one, explicit=False) for one in found.values()} == {
            "error": None,
            "never": "never",
            "success": "not_failed",
            "sent": "in_progress",
        }
        assert set(found) == {entry.id for entry in entries[:4]}

    async def test_an_affiliate_is_paused_by_itself_or_for_a_kind_in_its_own_account(
        self, port: EntryLookup, seed_lookup: SeedLookup, account: str
    ) -> None:
        registered: list[dict[str, Any]] = [
            {"account": account, "affiliate": "ON", "kinds": ["order"]},
            {"account": account, "affiliate": "OLD"},
            {"account": account, "affiliate": "PAUSED", "paused": True},
            {"account": account, "affiliate": "GONE", "removed_at": AT},
            {"account": account, "affiliate": "PRICES", "kinds": ["price"]},
            {"account": f"{account}x", "affiliate": "ON", "paused": True},
        ]
        await seed_lookup([], registered)

        assert await port.list_paused(account, "order") == {"PAUSED", "GONE", "PRICES"}


class WorkbookSuite:
    """`make` opens a workbook; `codes` reads the codes of a finished file's rows."""

    make: Callable[[Report], Workbook]

    def codes(self, file: bytes) -> list[str]:
        raise NotImplementedError

    def write(self, *batches: Sequence[LogEntry]) -> bytes:
        tally = Tally()
        with closing(type(self).make(make_report())) as book:
            for batch in batches:
                book.append(batch)
                tally.add(batch)
            file = book.finish(tally, is_one_moment=True)
            content = file.stream.read()
        assert (file.bytes, file.sha256) == (len(content), sha256_of(content))
        return content

    def test_every_entry_is_a_row_in_the_order_it_came(self) -> None:
        entries = [make_entry(code=f"c{number}") for number in range(9)]

        assert self.codes(self.write(entries[:4], entries[4:5], entries[5:])) == [entry.code for entry in entries]

    def test_a_report_without_rows_is_complete(self) -> None:
        assert self.codes(self.write()) == []

    def test_whatever_an_entry_holds_it_is_a_row(self) -> None:
        assert len(self.codes(self.write(hostile_entries()))) == len(hostile_entries())

    @pytest.mark.parametrize("batches", [0, 1, 2])
    @pytest.mark.parametrize("is_finished", [False, True], ids=["unfinished", "finished"])
    def test_a_workbook_may_be_closed_at_any_point_and_again(self, batches: int, *, is_finished: bool) -> None:
        book, tally = type(self).make(make_report()), Tally()
        for number in range(batches):
            entries = [make_entry(code=f"c{number}")]
            book.append(entries)
            tally.add(entries)
        if is_finished:
            book.finish(tally, is_one_moment=True)
        book.close()
        book.close()

import asyncio
import io
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.exporter.adapters.returned_files import pick_rows
from services.exporter.core.returned import UnreadableFile
from services.exporter.entrypoints.runner import import_loop
from services.exporter.handlers.housekeeping import expire_returned, sweep_returned
from services.exporter.handlers.importing import ImportTools, import_next
from services.exporter.handlers.job_run import MAX_STARTS, Outcome
from shared.contracts.errors import StoreUnavailable
from shared.contracts.imports import ImportCommand, ImportRow, upload_id
from shared.runtime.job_loop import Bell
from tests.support.eventually import eventually_async
from tests.support.export_rows import AT, make_entry
from tests.support.fakes.exporter import MemoryEntryLookup, MemoryImportStore, MemoryReturnedFiles

UPLOAD = upload_id("loja", "i1")
ENTRIES = [
    make_entry(code="error"),
    make_entry(code="warning", status="warning"),
    make_entry(code="never", causes=[{"code": "MKT-CLOSED", "message": "closed"}]),
    make_entry(code="success", status="success", causes=[]),
    make_entry(code="processing", status="processing", causes=[]),
    make_entry(code="sent", reprocess={"id": "j", "state": "sent"}),
    make_entry(code="paused", affiliate="AMZ"),
    make_entry(code="other", account="outra"),
]


class World:
    def __init__(self) -> None:
        self.store = MemoryImportStore(lambda: AT)
        self.files = MemoryReturnedFiles()
        self.entries = MemoryEntryLookup(ENTRIES, [{"account": "loja", "affiliate": "AMZ", "kinds": ["price"]}])
        self.tools = ImportTools(
            entries=self.entries,
            store=self.store,
            files=self.files,
            open_spool=io.BytesIO,
            pick_rows=pick_rows,
            beat_seconds=0.01,
        )

    async def ask(self, *lines: str, **command: Any) -> dict[str, Any]:
        self.files.files[UPLOAD] = "\n".join(("Kind,Code,Affiliate", *lines)).encode()
        await self.store.take_in(ImportCommand(id="i1", account="loja", **command))
        return self.store.jobs["loja|i1"]

    async def run(self) -> Outcome:
        outcome = await import_next(self.tools)
        assert outcome is not None
        return outcome

    def preview(self, job: dict[str, Any]) -> list[ImportRow]:
        return list(self.files.previews[job["progress"]["file_id"]])


@pytest.fixture
def world() -> World:
    return World()


async def test_a_file_becomes_a_preview_of_what_a_reprocess_would_do_with_each_row(world: World) -> None:
    codes = ("error", "warning", "never", "success", "processing", "sent", "absent", "other", "error")
    job = await world.ask(
        *(f"Order,{code},MLC" for code in codes), "Order,paused,AMZ", "Nothing,1,MLC", "Price,error,MLC"
    )

    assert (await world.run()).state == "done"

    rows = world.preview(job)
    assert [row.state for row in rows] == [
        "eligible", "eligible", "never", "not_failed", "not_failed", "in_progress", "not_found", "not_found", "repeated",
        "paused", "unreadable", "not_found",
    ]  # fmt: skip
    assert [(row.number, row.row) for row in rows] == [(number, number + 1) for number in range(1, 13)]
    assert (rows[10].kind, rows[10].fault) == ("Nothing", "kind")
    progress = job["progress"]
    assert (job["state"], progress["rows"], progress["rows_done"], progress["rows_read"]) == ("done", 12, 12, 12)
    assert progress["counts"]["eligible"] == 2
    assert progress["eligible"] == {"order": 2}
    assert sum(progress["counts"].values()) == 12


async def test_more_rows_than_are_looked_up_at_once_keep_their_numbers(world: World) -> None:
    job = await world.ask(*(f"Order,{number},MLC" for number in range(2_345)))

    await world.run()

    assert [row.number for row in world.preview(job)] == list(range(1, 2_346))


async def test_a_file_that_cannot_be_read_fails_its_job_alone_and_does_not_stay(world: World) -> None:
    job = await world.ask()
    world.files.files[UPLOAD] = b"PK\x03\x04"
    other = ImportCommand(id="i2", account="loja")
    await world.store.take_in(other)
    world.files.files[upload_id("loja", "i2")] = b"Kind,Code,Affiliate\nOrder,error,MLC\n"

    assert [(await world.run()).state for _ in range(2)] == ["failed", "done"]

    assert job["error"].startswith("the workbook is damaged")
    assert await world.files.list_ids("loja|i1|") == []
    assert upload_id("loja", "i2") in world.files.files


async def test_no_command_reaches_the_file_of_another_job_or_account(world: World) -> None:
    await world.ask()
    for account, job_id in (("outra", "i1"), ("loja", "i10")):
        await world.store.take_in(ImportCommand(id=job_id, account=account))
    await world.run()

    ends = [await world.run() for _ in range(2)]

    assert {end.error for end in ends} == {"the file that came back is not there any more: send it again"}
    assert UPLOAD in world.files.files


async def test_an_upload_survives_the_starts_that_died_and_their_previews_go(world: World) -> None:
    job = await world.ask("Order,error,MLC")
    world.files.previews["loja|i1|dead"] = []

    assert (await world.run()).state == "done"

    assert await world.files.list_ids() == sorted([UPLOAD, job["progress"]["file_id"]])


async def test_a_store_that_is_away_gives_the_job_back_with_its_file(world: World) -> None:
    job = await world.ask("Order,error,MLC")

    async def away(*_: object) -> Any:
        raise StoreUnavailable("away")

    world.entries.find_entries = away  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await import_next(world.tools)

    assert (job["state"], job["token"], job["progress"]["starts"]) == ("running", None, 0)
    assert list(world.files.files) == [UPLOAD]


async def test_a_job_that_kills_its_workers_or_is_cancelled_leaves_no_file(world: World) -> None:
    for field in ("starts", "cancel"):
        job = await world.ask("Order,error,MLC")
        if field == "starts":
            job["progress"]["starts"] = MAX_STARTS
        else:
            job["cancel"] = True

        assert (await world.run()).state == ("failed" if field == "starts" else "cancelled")

        assert await world.files.list_ids() == []
        world.store.jobs.clear()


async def test_a_defect_of_ours_fails_that_job_and_says_so(world: World) -> None:
    job = await world.ask("Order,error,MLC")

    def defective(_: object) -> Any:
        raise ZeroDivisionError("division by zero")

    object.__setattr__(world.tools, "pick_rows", defective)

    assert (await world.run()).state == "failed"
    assert job["error"] == "a defect of the exporter: ZeroDivisionError: division by zero"


async def test_what_is_tried_again_is_told_as_an_import(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.ask("Order,error,MLC")
    finish, answers = world.store.finish, [StoreUnavailable("away")]

    async def finish_at_last(*told: Any, **more: Any) -> bool:
        if answers:
            raise answers.pop()
        return await finish(*told, **more)

    world.store.finish = finish_at_last  # type: ignore[method-assign]

    assert (await world.run()).state == "done"

    steps = [record.facts["what"] for record in caplog.records if record.message == "operation.postponed"]  # type: ignore[attr-defined]
    assert steps == ["import.finish"]


async def test_chosen_rows_are_counted_by_what_a_reprocess_would_do_and_jobs_by_how_long_they_took(
    world: World,
) -> None:
    await world.ask("Order,error,MLC", "Order,warning,MLC", "Order,absent,MLC", "Nothing,1,MLC")
    before = counted()
    loop = import_loop("one", partial(import_next, world.tools), Bell(), idle_seconds=600)

    task = asyncio.create_task(loop.run())
    after = await eventually_async(seen, lambda now: now["jobs"] > before["jobs"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert {name: after[name] - before[name] for name in after} == {
        "jobs": 1, "eligible": 2, "not_found": 1, "unreadable": 1, "repeated": 0,
    }  # fmt: skip


def counted() -> dict[str, float]:
    rows = {
        state: REGISTRY.get_sample_value("ponte_import_rows_total", {"state": state}) or 0
        for state in ("eligible", "not_found", "unreadable", "repeated")
    }
    return {"jobs": REGISTRY.get_sample_value("ponte_import_seconds_count") or 0, **rows}


async def seen() -> dict[str, float]:
    return counted()


async def test_old_previews_go_with_the_files_that_they_are_of(world: World) -> None:
    await world.ask("Order,error,MLC")
    await world.run()
    keep = AT - AT
    world.store.jobs["loja|i1"]["finished_at"] = AT.replace(year=2020)

    assert await expire_returned(world.store, world.files, keep=keep, clock=lambda: AT) == 1

    assert await world.files.list_ids() == []
    assert world.store.jobs["loja|i1"]["state"] == "expired"


async def test_what_nobody_wants_is_swept_but_not_what_has_just_come(world: World) -> None:
    await world.ask("Order,error,MLC")
    world.files.files |= {"loja|gone|upload": b"", "loja|coming|upload": b""}
    world.files.previews["loja|gone|token"] = []
    world.files.fresh.add("loja|coming|upload")

    assert await sweep_returned(world.store, world.files, clock=lambda: AT) == 2

    assert await world.files.list_ids() == ["loja|coming|upload", UPLOAD]


def test_a_file_that_cannot_be_read_says_why_in_one_line() -> None:
    with pytest.raises(UnreadableFile) as found:
        pick_rows(io.BytesIO(b"PK\x03\x04"))
    assert "\n" not in str(found.value)

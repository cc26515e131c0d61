import asyncio
import errno
import io
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest

from services.exporter.adapters.xlsx_workbook import XlsxWorkbook
from services.exporter.core.report import Report
from services.exporter.entrypoints.runner import export_loop
from services.exporter.entrypoints.timers import every
from services.exporter.handlers.exporting import Tools, export_next
from services.exporter.handlers.housekeeping import expire, sweep
from services.exporter.handlers.job_run import MAX_STARTS, Outcome
from services.exporter.handlers.ports import Job
from shared.contracts.commands import ExportCommand
from shared.contracts.errors import StoreUnavailable
from shared.runtime.job_loop import Bell
from tests.support.eventually import eventually_async
from tests.support.export_rows import AT, make_entry
from tests.support.fakes.exporter import MemoryEntryReader, MemoryExportStore, MemoryFileStore, sha256_of

ENTRIES = [make_entry(code=f"{number:03}", status="error" if number % 2 else "success") for number in range(10)]


class World:
    def __init__(self) -> None:
        self.time = AT
        self.reader = MemoryEntryReader(list(ENTRIES), names={"MLC": "MercadoLivre"})
        self.store = MemoryExportStore(lambda: self.time)
        self.files = MemoryFileStore()
        self.workbooks: list[XlsxWorkbook] = []
        self.tools = Tools(
            reader=self.reader,
            store=self.store,
            files=self.files,
            open_workbook=self.open,
            clock=lambda: self.time,
            beat_seconds=0.01,
        )

    def open(self, report: Report) -> XlsxWorkbook:
        self.workbooks.append(XlsxWorkbook(report))
        return self.workbooks[-1]

    async def ask(self, **command: Any) -> dict[str, Any]:
        await self.store.take_in(ExportCommand.model_validate({"id": "e1", "account": "loja", **command}))
        return self.store.jobs["loja|e1"]


@pytest.fixture
def world() -> World:
    return World()


async def run(world: World) -> Outcome:
    outcome = await export_next(world.tools)
    assert outcome is not None
    return outcome


async def test_a_job_becomes_a_file_of_the_rows_that_its_filter_lets_pass(world: World) -> None:
    job = await world.ask(kind="order", filter={"status": ["error"]}, language="en", time_zone="UTC")

    assert (await run(world)).state == "done"

    ((file_id, file),) = world.files.files.items()
    progress = job["progress"]
    assert job["state"] == "done"
    assert (progress["rows"], progress["rows_done"], progress["file_id"]) == (5, 5, file_id)
    assert progress["bytes"] == len(file)
    assert progress["sha256"] == sha256_of(file) == world.files.facts[file_id]["sha256"]
    assert progress["file_name"] == "integrations-order-loja-20261123-101112.xlsx"
    assert world.files.facts[file_id]["account"] == "loja"
    rows = list(openpyxl.load_workbook(io.BytesIO(file)).worksheets[0].iter_rows(min_row=2, values_only=True))
    assert [row[1] for row in rows] == ["001", "003", "005", "007", "009"]
    assert {row[3] for row in rows} == {"MercadoLivre"}


async def test_no_job_is_no_work(world: World) -> None:
    assert await export_next(world.tools) is None


async def test_a_cancelled_job_stops_and_leaves_no_file(world: World) -> None:
    job = await world.ask()

    async def cancelled_meanwhile() -> None:
        job["cancel"] = True
        await asyncio.Event().wait()

    world.reader.before_count = cancelled_meanwhile

    assert (await asyncio.wait_for(run(world), 2)).state == "cancelled"
    assert job["state"] == "cancelled"
    assert not world.files.files


async def test_a_cancel_after_the_last_heartbeat_leaves_no_file_either(world: World) -> None:
    job = await world.ask()
    put = world.files.put

    async def stored_and_then_cancelled(*told: Any, **more: Any) -> None:
        await put(*told, **more)
        job["cancel"] = True

    world.files.put = stored_and_then_cancelled  # type: ignore[method-assign]
    while await export_next(world.tools):
        pass

    assert (job["state"], world.files.files) == ("cancelled", {})


async def test_a_job_whose_cancel_came_while_nobody_held_it_never_begins(world: World) -> None:
    job = await world.ask()
    job["cancel"] = True

    assert (await run(world)).state == "cancelled"
    assert not world.workbooks


async def test_a_job_that_ends_before_it_begins_leaves_nothing_of_what_a_dead_writer_has_stored(world: World) -> None:
    job = await world.ask()
    world.files.pieces = {"loja|e1|dead", "loja|e2|another"}
    job["cancel"] = True

    assert (await run(world)).state == "cancelled"
    assert world.files.pieces == {"loja|e2|another"}


async def test_whoever_lost_his_lease_touches_neither_the_job_nor_the_others_file(world: World) -> None:
    job = await world.ask()

    def steal(start: int) -> None:
        if start == 4:
            job["token"] = "another"
            world.files.files["loja|e1|another"] = b"theirs"

    world.reader.before_batch = steal

    assert (await run(world)).state == "lost"
    assert job["state"] == "running"
    assert world.files.files == {"loja|e1|another": b"theirs"}


async def test_a_start_clears_what_a_killed_one_left_and_writes_the_file_again(world: World) -> None:
    job = await world.ask()
    killed = await world.store.lease()
    assert killed is not None
    world.files.pieces.add(killed.file_id)
    world.files.pieces.add("loja|e10|other")
    assert await export_next(world.tools) is None

    world.time += timedelta(seconds=16)
    outcome = await run(world)

    assert outcome.job.starts == 2
    assert job["progress"]["rows_done"] == 10
    assert world.files.pieces == {outcome.job.file_id, "loja|e10|other"}


async def test_a_job_that_kills_every_worker_fails_in_the_end(world: World) -> None:
    job = await world.ask()
    for _ in range(MAX_STARTS):
        assert await world.store.lease()
        world.time += timedelta(seconds=16)
    world.files.pieces = {"loja|e1|dead"}

    assert (await run(world)).state == "failed"
    assert "died 5 times" in job["error"]
    assert not world.files.pieces


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free space on the exporter's disk"),
        (errno.EDQUOT, "free space on the exporter's disk"),
        (errno.ENOENT, "PONTE_EXPORTER_TEMP_FOLDER"),
        (errno.EACCES, "PONTE_EXPORTER_TEMP_FOLDER"),
    ],
)
async def test_a_file_that_cannot_be_written_fails_the_job_with_the_reason_and_what_to_do(
    world: World, number: int, advice: str
) -> None:
    job = await world.ask()

    def refused(_: int) -> None:
        raise OSError(number, os.strerror(number))

    world.reader.before_batch = refused

    assert (await run(world)).state == "failed"
    assert os.strerror(number) in job["error"]
    assert advice in job["error"]
    assert not world.files.files


async def test_a_stored_command_that_is_wrong_fails_with_its_field(world: World) -> None:
    job = await world.ask()
    job["command"]["time_zone"] = "Nowhere/City"

    assert (await run(world)).state == "failed"
    assert "time_zone" in job["error"]


async def test_a_defect_fails_its_own_job_and_says_so(world: World) -> None:
    job = await world.ask()
    world.tools = replace(world.tools, open_workbook=lambda report: 1 / 0)  # type: ignore[arg-type,return-value]

    outcome = await run(world)

    assert isinstance(outcome.defect, ZeroDivisionError)
    assert "ZeroDivisionError" in job["error"]


async def test_a_lack_of_memory_ends_the_worker_and_fails_the_job_only_once_it_was_met_at_every_start(
    world: World,
) -> None:
    job = await world.ask()

    def no_room(_: int) -> None:
        raise MemoryError

    world.reader.before_batch = no_room
    for start in range(1, MAX_STARTS + 1):
        with pytest.raises(MemoryError):
            await export_next(world.tools)
        assert (job["state"], job["progress"]["starts"]) == ("running", start)
        world.time += timedelta(seconds=16)

    assert (await run(world)).state == "failed"
    assert "died 5 times" in job["error"]


async def test_a_store_that_is_away_gives_the_job_back_without_counting_the_start(world: World) -> None:
    job = await world.ask()

    def away(_: int) -> None:
        raise StoreUnavailable("no primary")

    world.reader.before_batch = away
    with pytest.raises(StoreUnavailable):
        await export_next(world.tools)

    world.reader.before_batch = lambda _: None
    assert job["progress"]["starts"] == 0
    assert (await run(world)).state == "done"


async def test_a_store_that_hangs_for_longer_than_a_lease_never_counts_as_a_death_of_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await world.ask()
    give_back = world.store.give_back

    async def away_for_longer_than_the_lease(given: Job) -> None:
        if job["until"] > world.time:
            world.time += timedelta(seconds=16)
            raise StoreUnavailable("no primary")
        await give_back(given)

    def away(_: int) -> None:
        raise StoreUnavailable("no primary")

    monkeypatch.setattr(world.store, "give_back", away_for_longer_than_the_lease)
    world.reader.before_batch = away
    for _ in range(MAX_STARTS + 1):
        with pytest.raises(StoreUnavailable):
            await export_next(world.tools)

    world.reader.before_batch = lambda _: None
    assert (await run(world)).state == "done"


async def test_a_worker_that_finds_its_lease_gone_lives_and_takes_its_start_back(world: World) -> None:
    job = await world.ask()

    def hang(start: int) -> None:
        if start == 4:
            job["token"] = "another"
            job["progress"]["starts"] += 1

    world.reader.before_batch = hang

    assert (await run(world)).state == "lost"
    assert job["progress"]["starts"] == 1


@pytest.mark.parametrize("was_written", [False, True])
async def test_a_file_is_kept_when_the_answer_to_the_last_write_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch, *, was_written: bool
) -> None:
    job = await world.ask()
    finish, answers = world.store.finish, iter(["lost", "lost"])

    async def finish_unheard(*told: Any, **more: Any) -> bool:
        ended = await finish(*told, **more) if was_written else False
        if next(answers, None):
            raise StoreUnavailable("no answer")
        return ended or await finish(*told, **more)

    monkeypatch.setattr(world.store, "finish", finish_unheard)

    assert (await run(world)).state == job["state"] == "done"
    assert list(world.files.files) == [job["progress"]["file_id"]]
    assert len(world.workbooks) == 1


async def test_a_worker_that_is_stopped_gives_its_job_back(world: World) -> None:
    await world.ask()
    began = asyncio.Event()
    world.reader.before_batch = lambda _: began.set()
    task = asyncio.create_task(export_next(world.tools))
    await began.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not world.files.files
    assert (await run(world)).state == "done"


async def test_a_file_that_is_too_old_goes_and_its_job_says_expired(world: World) -> None:
    job = await world.ask()
    await run(world)
    keep = timedelta(hours=24)

    world.time += timedelta(hours=23)
    assert await expire(world.store, world.files, keep=keep, clock=lambda: world.time) == 0
    world.time += timedelta(hours=2)
    assert await expire(world.store, world.files, keep=keep, clock=lambda: world.time) == 1

    assert job["state"] == "expired"
    assert not world.files.files


async def test_a_sweep_takes_what_no_job_wants_and_nothing_else(world: World) -> None:
    await world.ask()
    await run(world)
    (wanted,) = world.files.files
    await world.store.take_in(ExportCommand(id="e2", account="loja"))
    running = await world.store.lease()
    assert running is not None
    world.files.pieces |= {running.file_id, "loja|e1|orphan", "loja|nobody|x"}

    assert await sweep(world.store, world.files) == 2
    assert await world.files.list_ids() == sorted([wanted, running.file_id])


async def test_a_runner_takes_a_job_at_once_when_it_is_woken(world: World) -> None:
    ran = []

    async def step() -> Outcome | None:
        outcome = await export_next(world.tools)
        if outcome:
            ran.append(outcome.state)
        return outcome

    bell = Bell()
    task = asyncio.create_task(export_loop("one", step, bell, idle_seconds=600).run())
    await asyncio.sleep(0)
    await world.ask()
    bell.wake()
    await eventually_async(lambda: _later(ran))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert ran == ["done"]


async def test_a_runner_outlives_a_store_that_is_away(world: World) -> None:
    answers = [StoreUnavailable("away"), None, StoreUnavailable("away")]
    asked = []

    async def step() -> Outcome | None:
        asked.append(1)
        answer = answers.pop(0) if answers else None
        if answer:
            raise answer
        return None

    task = asyncio.create_task(export_loop("one", step, Bell(), idle_seconds=0.001).run())
    await eventually_async(lambda: _later(len(asked) > 4))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_chore_is_done_at_start_and_outlives_a_store_that_is_away() -> None:
    done = []

    async def chore() -> int:
        done.append(datetime.now(UTC))
        if len(done) == 1:
            raise StoreUnavailable("away")
        return 1

    task = asyncio.create_task(every(0.001, "chore.done", chore))
    await eventually_async(lambda: _later(len(done) > 2))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _later(fact: Any) -> Any:
    return fact

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.query.core.permissions import SCOPES, Caller
from services.query.core.sorting import SORTS, field_of, place_of
from services.query.handlers.commanding import cancel_export, get_reprocess, request_reprocess
from services.query.handlers.files import open_export_file
from services.query.handlers.insights import summarize
from services.query.handlers.reading import Found, Total, list_attempts, list_logs
from services.query.handlers.searching import search_logs
from shared.contracts.commands import ReprocessCommand, parse_command
from shared.contracts.errors import InvalidField, NotEligible, NotFound, NotPermitted
from shared.contracts.filters import LogFilter
from tests.support.builders import make_event
from tests.support.fakes.query import FakeAudit, FakeCommands, FakeFileStore, FakeJobs, FakeLog, counts_of
from tests.support.fakes.reprocessor import FakeClock
from tests.support.seed import entry_document

CALLER = Caller("loja", "k1", "first", frozenset(SCOPES))
ORDERS = LogFilter(kind=("order",))


def command(**changes: object) -> ReprocessCommand:
    return parse_command(ReprocessCommand, {"id": "1", "account": "loja", "kind": "order", "filter": {}, **changes})


async def test_a_page_that_holds_everything_is_not_counted_again() -> None:
    log = FakeLog([entry_document([make_event(code=str(n))]) for n in range(3)])
    log.count_entries = None  # type: ignore[assignment, method-assign]

    page = await list_logs(log, CALLER, ORDERS, limit=3)

    assert (page.total.value, page.total.relation, page.next_cursor, page.previous_cursor) == (3, "exact", None, None)


async def test_what_keys_alone_tell_is_counted_while_the_rows_are_read() -> None:
    log, is_read = FakeLog([entry_document([make_event(code=str(n))]) for n in range(3)]), asyncio.Event()
    read_slowly = log.list_entries

    async def read(*asked: Any, **how: Any) -> Found:
        await is_read.wait()
        return await read_slowly(*asked, **how)

    async def count(*_: object, **__: object) -> Total:
        is_read.set()
        return Total(2, "exact")

    log.counts_keys_alone = lambda *_: True  # type: ignore[method-assign]
    log.list_entries, log.count_entries = read, count  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        whole, some = [await list_logs(log, CALLER, ORDERS, limit=limit) for limit in (3, 1)]

    assert (whole.total, some.total) == (Total(3, "exact"), Total(2, "exact"))


async def test_a_count_beyond_the_limit_is_told_as_such() -> None:
    log = FakeLog([entry_document([make_event(code=str(n))]) for n in range(2)])

    async def many(*_: object, at_most: int, **__: object) -> Total:
        return Total(at_most, "at_least")

    log.count_entries = many  # type: ignore[assignment, method-assign]
    page = await list_logs(log, CALLER, ORDERS, limit=1)

    assert (page.total.value, page.total.relation) == (10_000, "at_least")


@pytest.mark.parametrize(("limit", "sort"), [(0, "processed_at"), (501, "processed_at"), (1, "colour")])
async def test_a_page_that_cannot_be_is_refused(limit: int, sort: str) -> None:
    with pytest.raises(InvalidField):
        await list_logs(FakeLog(), CALLER, ORDERS, limit=limit, sort=sort)


async def test_a_count_that_takes_too_long_is_told_by_what_was_seen() -> None:
    log = FakeLog([entry_document([make_event(code=str(n))]) for n in range(5)])

    async def never(*_: object, **__: object) -> Total:
        return Total(0, "at_least")

    log.count_entries = never  # type: ignore[assignment, method-assign]
    first = await list_logs(log, CALLER, ORDERS, limit=2)
    last = await list_logs(log, CALLER, ORDERS, limit=2, cursor=first.next_cursor)

    assert (first.total, last.total) == (Total(3, "at_least"), Total(3, "at_least"))


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_short_pages_lead_on_and_back_and_miss_nothing(limit: int) -> None:
    statuses = ["warning" if n in {0, 1, 9, 20} else "error" for n in range(24)]
    documents = [entry_document([make_event(code=f"{n:02}", status=status)]) for n, status in enumerate(statuses)]
    log, rows = FakeLog(documents, patience=3 / 50 / limit), LogFilter(kind=("order",), status=("warning",))

    forward = [await list_logs(log, CALLER, rows, limit=limit)]
    while forward[-1].next_cursor:
        forward.append(await list_logs(log, CALLER, rows, limit=limit, cursor=forward[-1].next_cursor))
    back = [forward[-1]]
    while back[-1].previous_cursor:
        back.append(await list_logs(log, CALLER, rows, limit=limit, cursor=back[-1].previous_cursor))

    assert [item.code for page in forward for item in page.items] == ["20", "09", "01", "00"]
    assert [item.code for page in back[::-1] for item in page.items] == ["20", "09", "01", "00"]
    short = [page for page in forward if len(page.items) < limit]
    assert all(page.searched_until and page.continues == page.next_cursor for page in short[:-1])


@pytest.mark.parametrize("patience", [1.0, 1 / 5_000, 1 / 25_000])
async def test_a_search_for_a_person_finds_the_same_rows_both_ways(patience: float) -> None:
    documents = [
        entry_document([make_event(code=f"{n:03}", status="warning" if n % 40 == 7 else "error")]) for n in range(200)
    ]
    log, rows = FakeLog(documents, patience=patience), LogFilter(kind=("order",), status=("warning",))

    forward = [await search_logs(log, CALLER, rows, limit=2)]
    while forward[-1].next_cursor:
        forward.append(await search_logs(log, CALLER, rows, limit=2, cursor=forward[-1].next_cursor))
    back = [forward[-1]]
    while back[-1].previous_cursor:
        back.append(await search_logs(log, CALLER, rows, limit=2, cursor=back[-1].previous_cursor))

    wanted = ["167", "127", "087", "047", "007"]
    assert [item.code for page in forward for item in page.items] == wanted
    assert [item.code for page in back[::-1] for item in page.items] == wanted


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_of_any_order_lead_there_and_back(sort: str) -> None:
    log = FakeLog([entry_document([make_event(code=str(n % 7), affiliate=f"A{n}")], attempts=n % 3) for n in range(11)])
    forward = [await list_logs(log, CALLER, ORDERS, limit=4, sort=sort)]
    while forward[-1].next_cursor:
        forward.append(await list_logs(log, CALLER, ORDERS, limit=4, sort=sort, cursor=forward[-1].next_cursor))
    back = [forward[-1]]
    while back[-1].previous_cursor:
        back.append(await list_logs(log, CALLER, ORDERS, limit=4, sort=sort, cursor=back[-1].previous_cursor))

    listed = [entry for page in forward for entry in page.items]
    by = field_of(sort)
    assert len({entry.id for entry in listed}) == 11
    assert listed == sorted(listed, key=lambda entry: place_of(entry, by), reverse=sort.startswith("-"))
    assert [page.items for page in reversed(back)] == [page.items for page in forward]


async def test_nothing_is_read_without_the_scope() -> None:
    blind = replace(CALLER, scopes=frozenset({"export", "reprocess", "admin"}))
    with pytest.raises(NotPermitted):
        await list_logs(FakeLog(), blind, ORDERS)
    with pytest.raises(NotPermitted):
        await list_attempts(FakeLog(), blind, "order", "MLC", "1")
    with pytest.raises(NotPermitted):
        await summarize(counts_of(FakeLog()), blind, ORDERS)


async def test_a_command_is_stored_before_it_is_published_and_published_again_while_it_waits() -> None:
    jobs, commands, clock = FakeJobs(), FakeCommands(), FakeClock()
    for _ in range(2):
        job = await request_reprocess(jobs, commands, FakeAudit(), CALLER, command(), now=clock)
        assert job.state == "queued"
    jobs.jobs["loja|1"]["state"] = "running"
    await request_reprocess(jobs, commands, FakeAudit(), CALLER, command(requested_by="someone else"), now=clock)

    assert len(commands.published) == 2
    with pytest.raises(NotEligible):
        await request_reprocess(jobs, commands, FakeAudit(), CALLER, command(reason="another"), now=clock)


async def test_a_command_is_accepted_while_kafka_is_away() -> None:
    jobs = FakeJobs()
    await request_reprocess(jobs, FakeCommands(available=False), FakeAudit(), CALLER, command(), now=FakeClock())
    assert (await get_reprocess(jobs, CALLER, "1")).state == "queued"


async def test_a_job_of_another_account_is_not_there() -> None:
    jobs = FakeJobs()
    await request_reprocess(jobs, FakeCommands(), FakeAudit(), CALLER, command(), now=FakeClock())
    neighbour = replace(CALLER, account="vizinha")
    with pytest.raises(NotFound):
        await get_reprocess(jobs, neighbour, "1")
    with pytest.raises(NotPermitted):
        await request_reprocess(jobs, FakeCommands(), FakeAudit(), neighbour, command(), now=FakeClock())


@pytest.mark.parametrize(
    ("state", "refused"), [("queued", NotEligible), ("failed", NotEligible), ("expired", NotFound), ("done", NotFound)]
)
async def test_a_file_that_is_not_there_says_why(state: str, refused: type[Exception]) -> None:
    jobs = FakeJobs()
    await jobs.insert({"account": "loja", "id": "1"}, now=datetime(2026, 11, 23, tzinfo=UTC))
    jobs.jobs["loja|1"].update(state=state, progress={"file_id": "gone"})
    with pytest.raises(refused):
        await open_export_file(jobs, FakeFileStore(), CALLER, "1")


async def test_an_ended_job_cannot_be_cancelled() -> None:
    jobs = FakeJobs()
    await jobs.insert({"account": "loja", "id": "1"}, now=datetime(2026, 11, 23, tzinfo=UTC))
    jobs.jobs["loja|1"]["state"] = "done"
    with pytest.raises(NotEligible):
        await cancel_export(jobs, FakeAudit(), CALLER, "1", now=FakeClock())


@pytest.mark.parametrize(
    ("days", "asked", "bucket"), [(1, None, "hour"), (10, None, "day"), (10, "hour", "hour"), (1, "day", "day")]
)
async def test_a_short_period_is_told_by_the_hour(days: int, asked: str | None, bucket: str) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    rows = LogFilter(from_at=start, to_at=start + timedelta(days=days))
    assert (await summarize(counts_of(FakeLog()), CALLER, rows, bucket=asked)).bucket == bucket


async def test_hours_of_a_long_or_open_period_are_refused() -> None:
    for rows in (
        LogFilter(),
        LogFilter(from_at=datetime(2020, 1, 1, tzinfo=UTC), to_at=datetime(2021, 1, 1, tzinfo=UTC)),
    ):
        with pytest.raises(InvalidField):
            await summarize(counts_of(FakeLog()), CALLER, rows, bucket="hour")

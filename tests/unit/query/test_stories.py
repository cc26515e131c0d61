from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.query.core.permissions import SCOPES, Caller
from services.query.handlers.commanding import cancel_export, get_reprocess, request_reprocess
from services.query.handlers.files import open_export_file
from services.query.handlers.insights import summarize
from services.query.handlers.reading import list_attempts, list_logs
from services.query.handlers.signing_in import (
    create_sign_in_code,
    ensure_first_key,
    exchange_sign_in_code,
    find_caller_by_key,
    find_caller_by_session,
    sign_in_with_key,
    sign_out,
)
from shared.contracts.commands import ReprocessCommand, parse_command
from shared.contracts.errors import InvalidField, NotEligible, NotFound, NotPermitted
from shared.contracts.filters import LogFilter
from tests.support.builders import make_event
from tests.support.fakes.query import FakeCommands, FakeCredentials, FakeFileStore, FakeJobs, FakeLog
from tests.support.fakes.reprocessor import FakeClock
from tests.support.seed import entry_document

CALLER = Caller("loja", "k1", "first", frozenset(SCOPES))
ORDERS = LogFilter(kind=("order",))
KEY = "0123456789abcdef0123456789abcdef"


def command(**changes: object) -> ReprocessCommand:
    return parse_command(ReprocessCommand, {"id": "1", "account": "loja", "kind": "order", "filter": {}, **changes})


async def test_a_page_that_holds_everything_is_not_counted_again() -> None:
    log = FakeLog([entry_document([make_event(code=str(n))]) for n in range(3)])
    log.count_entries = None  # type: ignore[assignment, method-assign]

    page = await list_logs(log, CALLER, ORDERS, limit=3)

    assert (page.total.value, page.total.relation, page.next_cursor, page.previous_cursor) == (3, "exact", None, None)


async def test_a_count_beyond_the_limit_is_told_as_such() -> None:
    log = FakeLog([entry_document([make_event(code=str(n))]) for n in range(2)])

    async def many(*_: object, at_most: int, **__: object) -> int:
        return at_most

    log.count_entries = many  # type: ignore[assignment, method-assign]
    page = await list_logs(log, CALLER, ORDERS, limit=1)

    assert (page.total.value, page.total.relation) == (10_000, "at_least")


@pytest.mark.parametrize(("limit", "sort"), [(0, "processed_at"), (501, "processed_at"), (1, "code")])
async def test_a_page_that_cannot_be_is_refused(limit: int, sort: str) -> None:
    with pytest.raises(InvalidField):
        await list_logs(FakeLog(), CALLER, ORDERS, limit=limit, sort=sort)


async def test_nothing_is_read_without_the_scope() -> None:
    blind = replace(CALLER, scopes=frozenset({"export", "reprocess", "admin"}))
    with pytest.raises(NotPermitted):
        await list_logs(FakeLog(), blind, ORDERS)
    with pytest.raises(NotPermitted):
        await list_attempts(FakeLog(), blind, "order", "MLC", "1")
    with pytest.raises(NotPermitted):
        await summarize(FakeLog(), blind, ORDERS)


async def test_a_command_is_stored_before_it_is_published_and_published_again_while_it_waits() -> None:
    jobs, commands, clock = FakeJobs(), FakeCommands(), FakeClock()
    for _ in range(2):
        job = await request_reprocess(jobs, commands, CALLER, command(), now=clock)
        assert job.state == "queued"
    jobs.jobs["loja|1"]["state"] = "running"
    await request_reprocess(jobs, commands, CALLER, command(requested_by="someone else"), now=clock)

    assert len(commands.published) == 2
    with pytest.raises(NotEligible):
        await request_reprocess(jobs, commands, CALLER, command(reason="another"), now=clock)


async def test_a_command_is_accepted_while_kafka_is_away() -> None:
    jobs = FakeJobs()
    await request_reprocess(jobs, FakeCommands(available=False), CALLER, command(), now=FakeClock())
    assert (await get_reprocess(jobs, CALLER, "1")).state == "queued"


async def test_a_job_of_another_account_is_not_there() -> None:
    jobs = FakeJobs()
    await request_reprocess(jobs, FakeCommands(), CALLER, command(), now=FakeClock())
    neighbour = replace(CALLER, account="vizinha")
    with pytest.raises(NotFound):
        await get_reprocess(jobs, neighbour, "1")
    with pytest.raises(NotPermitted):
        await request_reprocess(jobs, FakeCommands(), neighbour, command(), now=FakeClock())


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
        await cancel_export(jobs, CALLER, "1", now=FakeClock())


@pytest.mark.parametrize(
    ("days", "asked", "bucket"), [(1, None, "hour"), (10, None, "day"), (10, "hour", "hour"), (1, "day", "day")]
)
async def test_a_short_period_is_told_by_the_hour(days: int, asked: str | None, bucket: str) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    rows = LogFilter(from_at=start, to_at=start + timedelta(days=days))
    assert (await summarize(FakeLog(), CALLER, rows, bucket=asked)).bucket == bucket


async def test_hours_of_a_long_or_open_period_are_refused() -> None:
    for rows in (
        LogFilter(),
        LogFilter(from_at=datetime(2020, 1, 1, tzinfo=UTC), to_at=datetime(2021, 1, 1, tzinfo=UTC)),
    ):
        with pytest.raises(InvalidField):
            await summarize(FakeLog(), CALLER, rows, bucket="hour")


async def test_a_sign_in_link_works_once_and_for_ten_minutes() -> None:
    credentials, clock = FakeCredentials(), FakeClock()
    first, late = [await create_sign_in_code(credentials, CALLER, now=clock) for _ in range(2)]

    session = await exchange_sign_in_code(credentials, first.secret, now=clock)
    with pytest.raises(NotPermitted):
        await exchange_sign_in_code(credentials, first.secret, now=clock)
    clock.advance(minutes=10)
    with pytest.raises(NotPermitted):
        await exchange_sign_in_code(credentials, late.secret, now=clock)

    signed_in = await find_caller_by_session(credentials, session.secret, now=clock)
    assert signed_in == replace(CALLER, by_session=True)
    clock.advance(hours=12)
    assert await find_caller_by_session(credentials, session.secret, now=clock) is None


async def test_a_key_signs_in_and_its_session_ends_on_leaving() -> None:
    credentials, clock = FakeCredentials(), FakeClock()
    await ensure_first_key(credentials, "loja", KEY, now=clock)

    holder = await find_caller_by_key(credentials, KEY)
    session = await sign_in_with_key(credentials, f" {KEY} ", now=clock)
    await sign_out(credentials, session.secret)

    assert holder is not None
    assert (holder.account, holder.scopes) == ("loja", frozenset(SCOPES))
    assert await find_caller_by_session(credentials, session.secret, now=clock) is None
    assert await find_caller_by_key(credentials, "short") is None
    with pytest.raises(NotPermitted):
        await sign_in_with_key(credentials, "wrong" * 10, now=clock)


async def test_only_an_admin_makes_sign_in_links() -> None:
    with pytest.raises(NotPermitted):
        await create_sign_in_code(FakeCredentials(), replace(CALLER, scopes=frozenset({"read"})), now=FakeClock())

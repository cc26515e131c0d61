import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.servers import Servers
from services.query.app import build
from services.query.core.stream.position import event_id, position_of
from services.query.handlers.stream import streaming
from services.query.settings import Settings
from shared.contracts.events import entry_id
from shared.contracts.names import API_KEYS, LOG_ENTRIES
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.integration.query.conftest import FIRST_KEY, client_of
from tests.support.builders import make_event
from tests.support.eventually import eventually_async
from tests.support.live_stream import LiveStream, live_stream
from tests.support.seed import entry_document, seed_key

Opened = Callable[..., AbstractAsyncContextManager[LiveStream]]


@asynccontextmanager
async def application(servers: Servers, database_name: str, account: str, **knobs: Any) -> AsyncIterator[FastAPI]:
    settings = Settings(
        kafka_bootstrap=servers.kafka.bootstrap,
        mongo_uri=SecretStr(servers.mongo.uri),
        mongo_database=database_name,
        account=account,
        api_key=SecretStr(FIRST_KEY),
        **knobs,
    )
    built = build(settings)
    async with built.router.lifespan_context(built):
        yield built


async def store(database: Database, **changes: Any) -> str:
    """Store an entry's newest event, as ingest does: an insert, or an update of what it changes. Return the entry's id."""
    document = entry_document([make_event(**changes)])
    known = {name: document[name] for name in ("account", "kind", "affiliate", "code", "first_seen_at", "ids")}
    await database[LOG_ENTRIES].update_one(
        {"_id": document["_id"]},
        {"$set": {"state": document["state"], "applied.0": 7}, "$inc": {"attempts": 1}, "$setOnInsert": known},
        upsert=True,
    )
    return str(document["_id"])


@pytest.fixture
async def app(servers: Servers, database_name: str, account: str) -> AsyncIterator[FastAPI]:
    """Streams last as long as a test wants."""
    async with application(servers, database_name, account) as built:
        yield built


@pytest.fixture
def opened(app: FastAPI) -> Opened:
    """Open a stream of all orders with the first key."""

    def open_it(**parameters: Any) -> AbstractAsyncContextManager[LiveStream]:
        return live_stream(app, FIRST_KEY, **{"kind": "order", **parameters})

    return open_it


async def test_a_changed_entry_comes_as_the_list_shows_it(
    opened: Opened, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    async with opened(lang="en") as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-accel-buffering"] == "no"
        assert "content-length" not in stream.headers
        await store(database, account=account, code="1")
        event = await stream.next()

    [listed] = (await api.get("/v1/logs/order?lang=en")).json()["items"]
    assert (event.name, event.data) == ("changed", {**listed, "matches": True})


async def test_each_language_has_its_own_words(opened: Opened, database: Database, account: str) -> None:
    async with opened(lang="en") as english, opened(lang="pt") as portuguese:
        await store(database, account=account, code="1")
        titles = [(await stream.next()).data["causes"][0]["title"] for stream in (english, portuguese)]
        languages = [stream.headers["content-language"] for stream in (english, portuguese)]

    assert languages == ["en", "pt"]
    assert titles[0] != titles[1]


async def test_personal_data_is_masked_as_in_the_list(opened: Opened, database: Database, account: str) -> None:
    message = "Order of maria.silva@example.com refused"
    async with opened() as stream:
        await store(database, account=account, code="1", causes=[{"code": "ORD-SLA", "message": message}])
        event = await stream.next()

    assert "maria.silva" not in str(event.data)
    assert "refused" in event.data["causes"][0]["message"]


async def test_a_stream_tells_the_rows_of_its_filter_and_which_left_it(
    opened: Opened, database: Database, account: str
) -> None:
    async with opened(status="error", affiliate="MLC") as stream:
        await store(database, account=account, code="new and fine", status="success", causes=[])
        await store(database, account=account, code="elsewhere", affiliate="MGZ")
        await store(database, account=account, code="failed")
        assert (await stream.next()).data["code"] == "failed"
        await store(database, account=account, code="failed", status="success", causes=[])
        left = await stream.next()

    assert (left.name, left.data["code"], left.data["status"], left.data["matches"]) == (
        "changed", "failed", "success", False,
    )  # fmt: skip


async def test_bookkeeping_is_no_event(opened: Opened, database: Database, account: str) -> None:
    entries = database[LOG_ENTRIES]
    identity = await store(database, account=account, code="1")
    mark = {"id": "job-1", "state": "claimed", "claimed_at": now(), "requested_by": "ana"}
    async with opened() as stream:
        await entries.update_one({"_id": identity}, {"$set": {"applied.1": 99}})
        await entries.update_one({"_id": identity}, {"$addToSet": {"ids": "one-more"}})
        await entries.update_one({"_id": identity}, {"$set": {"state.payload_json": "{}"}})
        await entries.update_one({"_id": identity}, {"$set": {"reprocess": mark}})
        assert (await stream.next()).data["reprocess"] == {"id": "job-1", "state": "claimed"}
        await entries.update_one({"_id": identity}, {"$set": {"reprocess.claimed_at": now()}})
        await entries.update_one({"_id": identity}, {"$set": {"reprocess.state": "sent", "reprocess.sent_at": now()}})
        assert (await stream.next()).data["reprocess"]["state"] == "sent"


async def test_a_deleted_entry_is_told_by_its_key(opened: Opened, database: Database, account: str) -> None:
    identity = await store(database, account=account, code="a|b")
    async with opened() as stream:
        await database[LOG_ENTRIES].delete_one({"_id": identity})
        event = await stream.next()

    assert (event.name, event.data) == ("removed", {"kind": "order", "affiliate": "MLC", "code": "a|b"})


@pytest.mark.parametrize("by_header", [True, False], ids=["header", "parameter"])
async def test_a_stream_that_broke_off_goes_on_where_it_was(
    app: FastAPI, opened: Opened, database: Database, account: str, *, by_header: bool
) -> None:
    async with opened() as stream:
        for code in ("1", "2"):
            await store(database, account=account, code=code)
            await stream.next()
        last = stream.last_id
    for code, status in (("3", "error"), ("4", "error"), ("3", "warning")):
        await store(database, account=account, code=code, status=status)

    given = {"headers": {"Last-Event-ID": last}} if by_header else {"last_event_id": last}
    async with live_stream(app, FIRST_KEY, kind="order", **given) as again:
        await store(database, account=account, code="5")
        owed = [(await again.next()).data]
        while owed[-1]["code"] != "5":
            owed.append((await again.next()).data)

    # Who is told of 3 first depends on what was read together; its newest state is told last, and nothing from before the break.
    assert {item["code"]: item["status"] for item in owed[:-1]} == {"3": "warning", "4": "error"}


async def test_another_process_goes_on_with_the_same_id(
    opened: Opened, database: Database, servers: Servers, database_name: str, account: str
) -> None:
    async with opened() as stream:
        await store(database, account=account, code="1")
        await stream.next()
        last = stream.last_id
    await store(database, account=account, code="2")

    async with (
        application(servers, database_name, account) as other,
        live_stream(other, FIRST_KEY, last_event_id=last) as again,
    ):
        assert (await again.next()).data["code"] == "2"


async def test_an_id_that_is_too_old_is_answered_by_resync_and_then_by_what_changes(
    opened: Opened, database: Database, account: str
) -> None:
    long_ago = event_id(position_of(1_700_000_000, 1), account)
    async with opened(last_event_id=long_ago) as stream:
        told = await stream.next()
        await store(database, account=account, code="1")
        following = await stream.next()

    assert (told.name, told.data["reason"]) == ("resync", "too_old")
    assert told.id != long_ago
    assert following.data["code"] == "1"


async def test_a_foreign_or_altered_id_is_refused(api: httpx.AsyncClient, account: str) -> None:
    own = event_id(position_of(int(now().timestamp()), 1), account)
    foreign = event_id(position_of(int(now().timestamp()), 1), "vizinha")
    for given in (foreign, own[:-3] + "AAA", "x", "not/an id", "%F0"):
        answer = await api.get("/v1/stream", headers={"Last-Event-ID": given})
        assert answer.status_code == 400, given
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await api.get("/v1/stream?kind=orders&nonsense=1")).status_code == 422


async def test_a_stream_tells_nothing_of_another_account(
    app: FastAPI, opened: Opened, database: Database, account: str
) -> None:
    foreign = await seed_key(database, "vizinha", "read")
    async with opened() as ours, live_stream(app, foreign) as theirs:
        await store(database, account=account, code="ours")
        await store(database, account="vizinha", code="theirs")
        seen = (await ours.next()).data["code"], (await theirs.next()).data["code"]
        await store(database, account=account, code="ours too")
        assert (await ours.next()).data["code"] == "ours too"

    assert seen == ("ours", "theirs")
    assert "ours" not in theirs.body.decode()


async def test_a_session_of_the_panel_streams_and_ends_with_a_word_when_it_is_over(
    app: FastAPI, api: httpx.AsyncClient, stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "CHECK_SECONDS", 0.1)
    link = (await api.post("/v1/sign-in-codes")).json()["link"]
    await stranger.get(link)
    cookie = f"ponte_session={stranger.cookies['ponte_session']}"

    async with live_stream(app, headers={"Cookie": cookie}, kind="order") as stream:
        assert stream.status == 200
        await stranger.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"})
        event = await stream.next()
        await stream.end()

    assert (event.name, event.data["reason"]) == ("closing", "credential")


async def test_a_key_that_is_revoked_ends_its_streams(
    app: FastAPI, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "CHECK_SECONDS", 0.1)
    key = await seed_key(database, account, "read")
    async with live_stream(app, key) as stream, live_stream(app, FIRST_KEY) as other:
        await database[API_KEYS].update_one({"name": "test"}, {"$set": {"revoked_at": now()}})
        event = await stream.next()
        await stream.end()
        assert not other.is_over

    assert event.data["reason"] == "credential"


async def test_streams_are_bounded_by_key_and_by_process(
    servers: Servers, database_name: str, database: Database, account: str
) -> None:
    async with application(servers, database_name, account, query_streams=3, query_streams_per_key=2) as app:
        more = [await seed_key(database, account, "read") for _ in range(2)]
        async with live_stream(app, FIRST_KEY), live_stream(app, FIRST_KEY), client_of(app, FIRST_KEY) as client:
            of_the_key = await client.get("/v1/stream")
            async with live_stream(app, more[0]), client_of(app, more[1]) as another:
                of_the_process = await another.get("/v1/stream")
        async with live_stream(app, FIRST_KEY) as later:
            assert later.status == 200

    assert (of_the_key.status_code, of_the_process.status_code) == (429, 503)
    for answer in (of_the_key, of_the_process):
        assert int(answer.headers["retry-after"]) > 0
        assert "streams" in answer.json()["detail"]


async def test_a_stream_is_renewed_after_its_time(servers: Servers, database_name: str, account: str) -> None:
    async with (
        application(servers, database_name, account, query_stream_seconds=0.2) as app,
        live_stream(app, FIRST_KEY) as stream,
    ):
        event = await stream.next()
        await stream.end()

    assert (event.name, event.data["reason"]) == ("closing", "renewal")


async def test_who_reads_too_slowly_is_told_to_read_the_list_and_dropped_and_nobody_else(
    opened: Opened, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.query.core.stream.backlog.MOST_FRAMES", 5)
    async with opened() as slow, opened() as quick:
        slow.hold()
        for code in range(12):
            await store(database, account=account, code=str(code))
            assert (await quick.next()).data["code"] == str(code)
        slow.go_on()
        event = await slow.next("resync")
        await slow.end()
        assert not quick.is_over

    assert event.data["reason"] == "slow"


async def test_who_is_a_little_behind_gets_each_entry_once_as_it_stands_last(
    opened: Opened, database: Database, account: str
) -> None:
    async with opened() as behind, opened() as quick:
        behind.hold()
        for status in ("error", "warning", "success"):
            for code in ("1", "2"):
                await store(database, account=account, code=code, status=status)
                while (await quick.next()).data["status"] != status:
                    pass
        behind.go_on()
        await asyncio.wait_for(behind.next(), 5)
        await store(database, account=account, code="3")
        while (await behind.next()).data["code"] != "3":
            pass

    codes = [event.data["code"] for event in behind.events if event.name]
    assert codes.count("1") + codes.count("2") <= 4  # one may have been on its way already


async def test_more_changes_than_a_stream_carries_are_told_as_resync_and_then_it_goes_on(
    servers: Servers, database_name: str, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.query.core.stream.channel.PAUSE_SECONDS", 0.3)
    async with (
        application(servers, database_name, account, query_stream_events_per_second=20) as app,
        live_stream(app, FIRST_KEY) as stream,
    ):
        documents = [entry_document([make_event(account=account, code=str(code))]) for code in range(300)]
        await database[LOG_ENTRIES].insert_many(documents)
        event = await stream.next("resync")

        async def is_told_of_a_later_change() -> bool:
            await store(database, account=account, code="later")
            return any(one.name == "changed" and one.data["code"] == "later" for one in stream.events)

        await eventually_async(is_told_of_a_later_change)

    assert event.data["reason"] == "too_many"


async def test_an_entry_id_that_holds_the_separator_is_read_right(
    database: Database, opened: Opened, account: str
) -> None:
    async with opened() as stream:
        assert await store(database, account=account, code="x|order|y") == entry_id(
            account, "order", "MLC", "x|order|y"
        )
        assert (await stream.next()).data["code"] == "x|order|y"

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from services.query.core.keys import ApiKey
from services.query.core.permissions import SCOPES
from services.query.entrypoints.dependencies import Services
from services.query.entrypoints.http import create_app
from services.query.settings import Settings
from shared.contracts.errors import StoreUnavailable
from shared.contracts.stored_secrets import digest_of
from shared.runtime.health import Health
from tests.support.fakes.query import (
    FakeAnswers,
    FakeAudit,
    FakeCommands,
    FakeCredentials,
    FakeFileStore,
    FakeFreshness,
    FakeJobs,
    FakeLetters,
    FakeLog,
    FakeRegistry,
    FakeReturnedFiles,
    FakeViews,
    counts_of,
)
from tests.support.fakes.reprocessor import FakeClock
from tests.support.fakes.streams import hub_over

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def credentials() -> FakeCredentials:
    credentials = FakeCredentials()
    credentials.keys[digest_of(KEY)] = ApiKey(
        "k1", "loja", "first", frozenset(SCOPES), prefix="012345", created_at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    return credentials


@pytest.fixture
async def api(clock: FakeClock, credentials: FakeCredentials, log: FakeLog) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        kafka_bootstrap="none:1",
        mongo_uri=SecretStr("none"),
        query_rate_per_second=3,
        query_max_body_bytes=1024,
    )
    services = Services(
        settings=settings,
        now=clock,
        log=log,
        stories=log,
        counts=counts_of(log),
        groups=log,
        entries=log,
        outcomes=log,
        reprocesses=FakeJobs(),
        exports=FakeJobs(),
        imports=FakeJobs(),
        files=FakeFileStore(),
        returned=FakeReturnedFiles(),
        letters=FakeLetters(),
        replays=FakeJobs(),
        commands=FakeCommands(),
        registry=FakeRegistry(),
        views=FakeViews(),
        freshness=FakeFreshness(),
        answers=FakeAnswers(),
        credentials=credentials,
        audit=FakeAudit(),
        health=Health({}),
        streams=hub_over(),
    )
    transport = httpx.ASGITransport(app=create_app(services))
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://ponte.test", headers=headers) as client:
        yield client


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(api: httpx.AsyncClient, clock: FakeClock) -> None:
    seen = [await api.get("/v1/logs/order") for _ in range(4)]
    clock.advance(seconds=1)

    assert [answer.status_code for answer in seen] == [200, 200, 200, 429]
    assert seen[-1].headers["retry-after"] == "1"
    assert seen[-1].headers["content-type"] == "application/problem+json"
    assert (await api.get("/v1/logs/order")).status_code == 200


async def test_every_answer_to_a_key_tells_what_it_has_left(api: httpx.AsyncClient) -> None:
    answer, absent = await api.get("/v1/errors"), await api.get("/v1/nothing")
    stranger = await api.get("/v1/errors", headers={"Authorization": ""})

    assert answer.headers["ratelimit-policy"] == '"key";q=3;w=1'
    assert answer.headers["ratelimit"] == '"key";r=2;t=1'
    assert [answer.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")] == ["3", "2", "1"]
    assert absent.headers["ratelimit-remaining"] == "1"
    assert "ratelimit" not in stranger.headers


async def test_a_key_that_is_over_says_so_to_its_holder(
    api: httpx.AsyncClient, clock: FakeClock, credentials: FakeCredentials
) -> None:
    key = credentials.keys[digest_of(KEY)]
    for over, word in ({"expires_at": clock()}, "expired"), ({"revoked_at": clock()}, "revoked"):
        credentials.keys[digest_of(KEY)] = replace(key, **over)
        answer = await api.get("/v1/errors")
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert word in answer.json()["detail"]
        assert answer.headers["www-authenticate"] == 'Bearer realm="ponte", error="invalid_token"'
        assert (await api.get("/health/live")).status_code == 200


async def test_the_last_use_of_a_key_is_written_once_a_minute(
    api: httpx.AsyncClient, clock: FakeClock, credentials: FakeCredentials
) -> None:
    def used() -> datetime | None:
        return credentials.keys[digest_of(KEY)].last_used_at

    await api.get("/v1/errors")
    first = used()
    clock.advance(seconds=59)
    await api.get("/v1/errors")
    assert (first, used()) == (clock() - timedelta(seconds=59), first)
    clock.advance(seconds=1)
    await api.get("/v1/errors")
    assert used() == clock()


async def test_other_ways_to_write_a_credential_are_strangers(api: httpx.AsyncClient) -> None:
    for written in ("", "Bearer", f"Basic {KEY}", f"Bearer  {KEY}x", KEY, f"Bearer {KEY[:31]}"):
        assert (await api.get("/v1/errors", headers={"Authorization": written})).status_code == 401
    assert (await api.get(f"/v1/errors?api_key={KEY}", headers={"Authorization": ""})).status_code == 401


async def test_a_body_that_is_too_long_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/reprocess", content=b" " * 1025, headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_the_guard_cannot_be_walked_around(api: httpx.AsyncClient) -> None:
    for path in ("/v1/logs/order", "/%76%31/logs/order", "/v1//logs/order", "//v1/logs/order", "/V1/logs/order"):
        url = httpx.URL("http://ponte.test", raw_path=path.encode())
        assert (await api.get(url, headers={"Authorization": ""})).status_code in {401, 404, 303}, path


async def test_a_probe_that_sends_a_key_is_answered_also_when_no_key_can_be_looked_up(
    api: httpx.AsyncClient, credentials: FakeCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("MongoDB is away")

    monkeypatch.setattr(credentials, "find_key", away)
    probed, asked = await api.get("/health/ready"), await api.get("/v1/errors")

    assert (probed.status_code, probed.json()["status"]) == (200, "ok")
    assert asked.status_code == 503

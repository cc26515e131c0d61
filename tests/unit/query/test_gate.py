from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from services.query.core.permissions import SCOPES, Caller
from services.query.entrypoints.auth import KEY_REMEMBERED_FOR
from services.query.entrypoints.dependencies import Services
from services.query.entrypoints.http import create_app
from services.query.handlers.signing_in import digest_of
from services.query.settings import Settings
from shared.runtime.health import Health
from tests.support.fakes.query import (
    FakeAudit,
    FakeCommands,
    FakeCredentials,
    FakeFileStore,
    FakeJobs,
    FakeLetters,
    FakeLog,
    FakeRegistry,
)
from tests.support.fakes.reprocessor import FakeClock

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def credentials() -> FakeCredentials:
    credentials = FakeCredentials()
    credentials.keys[digest_of(KEY)] = Caller("loja", "k1", "first", frozenset(SCOPES))
    return credentials


@pytest.fixture
async def api(clock: FakeClock, credentials: FakeCredentials) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        kafka_bootstrap="none", mongo_uri=SecretStr("none"), query_rate_per_second=3, query_max_body_bytes=1024
    )
    log = FakeLog()
    services = Services(
        settings=settings,
        now=clock,
        log=log,
        counts=log,
        entries=log,
        outcomes=log,
        reprocesses=FakeJobs(),
        exports=FakeJobs(),
        files=FakeFileStore(),
        letters=FakeLetters(),
        replays=FakeJobs(),
        commands=FakeCommands(),
        registry=FakeRegistry(),
        credentials=credentials,
        audit=FakeAudit(),
        health=Health({}),
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


async def test_a_key_taken_away_stops_within_seconds(
    api: httpx.AsyncClient, clock: FakeClock, credentials: FakeCredentials
) -> None:
    assert (await api.get("/v1/errors")).status_code == 200
    credentials.keys.clear()
    assert (await api.get("/v1/errors")).status_code == 200
    clock.advance(seconds=KEY_REMEMBERED_FOR.total_seconds())
    assert (await api.get("/v1/errors")).status_code == 401


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

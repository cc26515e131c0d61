"""HEAD wherever there is GET: the same headers, the same checks, the same lines in the audit, and no body."""

import http.client
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.servers import Servers
from shared.contracts.names import AUDIT
from shared.mongo.client import Database
from tests.integration.query.conftest import client_of
from tests.support.operations import PUBLIC, operations_of, send
from tests.support.query_process import KEY, QueryProcess
from tests.support.shop import Shop, seed_shop

VOLATILE = {"x-request-id", "ratelimit", "ratelimit-remaining", "ratelimit-reset", "etag"}
"""Of another request; and an ETag stands over bytes, of which some tell the instant of asking."""


@pytest.fixture
async def shop(database: Database, account: str) -> Shop:
    return await seed_shop(database, account)


async def test_every_get_has_a_head_with_the_same_headers_and_no_body(app: FastAPI, shop: Shop) -> None:
    reads = [one for one in operations_of(app) if one.method == "get"]
    assert len(reads) > 20
    async with client_of(app, shop.key) as api:
        api.headers["Accept-Encoding"] = (
            "identity"  # some tell the instant of asking, which is longer or shorter once compressed
        )
        for operation in reads:
            got = await send(api, operation, shop.known)
            looked = await api.head(operation.address(shop.known), params=operation.params(shop.known))

            assert (looked.status_code, looked.content) == (got.status_code, b""), str(operation)
            assert told(looked) == told(got), str(operation)
            assert ("etag" in looked.headers) == ("etag" in got.headers), str(operation)
        for path in (*PUBLIC, "/help", "/logs/order"):
            assert (await api.head(path)).status_code == (await api.get(path)).status_code, path


async def test_a_head_tells_the_length_as_a_get_travels(api: httpx.AsyncClient) -> None:
    for accepted in ("gzip", "identity"):
        got, looked = [
            await api.request(method, "/v1/errors", headers={"Accept-Encoding": accepted}) for method in ("GET", "HEAD")
        ]
        for name in ("content-length", "content-encoding", "vary"):
            assert looked.headers.get(name) == got.headers.get(name), (accepted, name)


def told(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in VOLATILE}


async def test_a_head_is_answered_304_as_a_get_is(api: httpx.AsyncClient) -> None:
    etag = (await api.head("/v1/logs/order")).headers["etag"]

    again = await api.head("/v1/logs/order", headers={"If-None-Match": etag})

    assert (again.status_code, again.headers["etag"]) == (304, etag)


async def test_a_head_is_for_those_who_may_get(app: FastAPI, stranger: httpx.AsyncClient) -> None:
    for operation in operations_of(app):
        if operation.method == "get":
            answer = await stranger.head(operation.address({}), params=operation.params({}))
            assert (answer.status_code, answer.content) == (401, b""), str(operation)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_look_at_the_headers_of_personal_data_is_written_down_too(
    app: FastAPI, database: Database, shop: Shop
) -> None:
    entry = f"/v1/logs/order/{shop.known['affiliate']}/{shop.known['code']}"
    async with client_of(app, shop.key) as api:
        answer = await api.head(entry, params={"reveal": "true", "reason": "ticket 7"})

    assert answer.status_code == 200
    assert await database[AUDIT].count_documents({"account": shop.account, "reason": "ticket 7"}) == 1


async def test_a_look_at_a_sign_in_link_does_not_spend_it(api: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    link = (await api.post("/v1/sign-in-codes")).json()["link"]

    looked = await stranger.head(link)

    assert (looked.status_code, "set-cookie" in looked.headers) == (200, False)
    assert "set-cookie" in (await stranger.get(link)).headers


async def test_a_look_at_the_live_stream_ends_at_once_and_holds_no_place(
    app: FastAPI, api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        answer = await api.head("/v1/stream")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert len(app.state.services.streams.audience) == 0
    assert "request.failed" not in caplog.messages


def test_a_connection_goes_on_after_a_head(servers: Servers, database_name: str, account: str, tmp_path: Path) -> None:
    process = QueryProcess(servers.kafka.bootstrap, servers.mongo.uri, database_name, account, tmp_path)
    with process.running():
        connection = http.client.HTTPConnection(process.url.removeprefix("http://"), timeout=20)
        for method, path in (
            ("HEAD", "/v1/errors"),
            ("HEAD", "/v1/stream"),
            ("HEAD", "/v1/nothing"),
            ("GET", "/v1/errors"),
        ):
            connection.request(method, path, headers={"Authorization": f"Bearer {KEY}"})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == (404 if "nothing" in path else 200)
            assert len(body) == (0 if method == "HEAD" else int(answer.headers["Content-Length"]))
        connection.close()

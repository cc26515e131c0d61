from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.query.app import build
from services.query.core.permissions import SCOPES
from services.query.settings import Settings
from shared.contracts.names import API_KEYS, DEAD_LETTERS, SESSIONS, SIGN_IN_CODES
from shared.mongo.client import Database
from tests.integration.query.conftest import FIRST_KEY, client_of
from tests.support.builders import make_event
from tests.support.letters import make_letter
from tests.support.seed import seed_entry, seed_key

PUBLIC = {"/health/live", "/health/ready"}
NEEDS = {
    ("get", "/v1/logs/{kind}"): "read",
    ("get", "/v1/logs/{kind}/{affiliate}/{code}"): "read",
    ("get", "/v1/logs/{kind}/{affiliate}/{code}/attempts"): "read",
    ("get", "/v1/summary"): "read",
    ("post", "/v1/reprocess"): "reprocess",
    ("get", "/v1/reprocess"): "read",
    ("get", "/v1/reprocess/{job_id}"): "read",
    ("delete", "/v1/reprocess/{job_id}"): "reprocess",
    ("post", "/v1/exports"): "export",
    ("get", "/v1/exports"): "export",
    ("get", "/v1/exports/{job_id}"): "export",
    ("get", "/v1/exports/{job_id}/file"): "export",
    ("delete", "/v1/exports/{job_id}"): "export",
    ("get", "/v1/dead-letters"): "read",
    ("get", "/v1/dead-letters/summary"): "read",
    ("post", "/v1/dead-letters/replay"): "reprocess",
    ("get", "/v1/dead-letters/replays/{job_id}"): "read",
    ("delete", "/v1/dead-letters/replays/{job_id}"): "reprocess",
    ("get", "/v1/dead-letters/{letter_id}"): "read",
    ("get", "/v1/dead-letters/{letter_id}/raw"): "admin",
    ("post", "/v1/dead-letters/{letter_id}/replay"): "reprocess",
    ("get", "/v1/integrations"): "read",
    ("get", "/v1/integrations/{affiliate}"): "read",
    ("put", "/v1/integrations/{affiliate}"): "admin",
    ("get", "/v1/errors"): "read",
    ("post", "/v1/sign-in-codes"): "admin",
}
BODIES: dict[tuple[str, str], Any] = {
    ("post", "/v1/reprocess"): {"kind": "order", "items": [{"affiliate": "MLC", "code": "2000004567"}]},
    ("post", "/v1/exports"): {"kind": "order"},
    ("post", "/v1/dead-letters/replay"): {"filter": {}},
    ("put", "/v1/integrations/{affiliate}"): {"marketplace": "Mercado Livre"},
}
QUERIES = {("get", "/v1/dead-letters/{letter_id}/raw"): {"reason": "a test"}}
LETTER = "integration.events.order:0:7:0123456789ab"
SAMPLE = {"kind": "order", "affiliate": "MLC", "code": "2000004567", "job_id": "job-1", "letter_id": LETTER}


def operations() -> Iterator[tuple[str, str]]:
    spec = build(Settings(kafka_bootstrap="127.0.0.1:1", mongo_uri="mongodb://127.0.0.1:1")).openapi()  # type: ignore[arg-type]
    return ((method, path) for path, methods in spec["paths"].items() for method in methods if path not in PUBLIC)


async def ask(client: httpx.AsyncClient, operation: tuple[str, str]) -> httpx.Response:
    method, path = operation
    return await client.request(
        method, path.format(**SAMPLE), json=BODIES.get(operation), params=QUERIES.get(operation)
    )


def test_every_operation_of_the_schema_says_what_it_needs() -> None:
    assert set(operations()) == set(NEEDS)


async def test_no_operation_answers_a_stranger(stranger: httpx.AsyncClient, app: FastAPI) -> None:
    async with client_of(app, "an-unknown-key-0123456789abcdefgh") as unknown:
        for operation in NEEDS:
            for client in (stranger, unknown):
                answer = await ask(client, operation)
                assert answer.status_code == 401, operation
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == "application/problem+json"
        assert (await stranger.get("/v1/anything")).status_code == 401
        assert (await stranger.post("/v1/reprocess", content=b"{")).status_code == 401


async def test_every_operation_refuses_a_key_without_its_scope(app: FastAPI, database: Database, account: str) -> None:
    for missing in SCOPES:
        others = [scope for scope in SCOPES if scope != missing]
        async with client_of(app, await seed_key(database, account, *others)) as client:
            for operation, needed in NEEDS.items():
                answer = await ask(client, operation)
                assert (answer.status_code == 403) == (needed == missing), (operation, missing, answer.text)


async def test_no_operation_tells_another_account_anything(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, database: Database, account: str
) -> None:
    secret = "segredo-da-loja"
    await seed_entry(database, make_event(account=account, payload={"buyer": secret}, aliases={"x": secret}))
    await api.put("/v1/integrations/MLC", json={"marketplace": secret})
    await api.post("/v1/reprocess", json={"id": "job-1", "kind": "order", "filter": {}, "reason": secret})
    await api.post("/v1/exports", json={"id": "job-1", "filter": {"q": secret}})
    await api.post("/v1/dead-letters/replay", json={"id": "job-1", "filter": {"error_class": [secret]}})
    letter = make_letter(account=account, value=secret.encode(), error_class=secret)
    await database[DEAD_LETTERS].insert_one({**letter, "_id": LETTER})
    for operation in NEEDS:
        if operation[0] == "get":
            answer = await ask(neighbour, operation)
            assert secret not in answer.text, operation
            assert answer.status_code == (404 if "{" in operation[1].replace("{kind}", "") else 200), operation
    assert (await neighbour.delete("/v1/reprocess/job-1")).status_code == 404
    assert (await neighbour.delete("/v1/exports/job-1")).status_code == 404
    dry = {"kind": "order", "items": [{"affiliate": "MLC", "code": "2000004567"}], "dry_run": True}
    assert (await neighbour.post("/v1/reprocess", json=dry)).json()["skipped"] == {"not_found": 1}


async def test_the_first_key_has_every_scope_and_is_stored_only_as_a_hash(
    api: httpx.AsyncClient, database: Database
) -> None:
    stored = await database[API_KEYS].find_one({})

    assert stored is not None
    assert sorted(stored["scopes"]) == sorted(SCOPES)
    assert FIRST_KEY not in str(stored)
    assert (await api.get("/v1/errors")).status_code == 200


async def test_a_sign_in_code_opens_one_session_that_may_do_what_its_key_may(
    api: httpx.AsyncClient, stranger: httpx.AsyncClient, database: Database
) -> None:
    issued = await api.post("/v1/sign-in-codes")
    assert issued.status_code == 201
    assert issued.json()["link"] == f"http://ponte.test/sign-in?code={issued.json()['code']}"

    let_in = await stranger.get(issued.json()["link"])
    cookie = let_in.headers["set-cookie"]
    assert "ponte_session=" in cookie
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    session = {"ponte_session": let_in.cookies["ponte_session"]}
    stranger.cookies.clear()
    again = await stranger.get(issued.json()["link"])

    assert "set-cookie" not in again.headers
    stranger.cookies.update(session)
    assert (await stranger.get("/v1/logs/order")).status_code == 200
    stored = [str(document) for name in (SESSIONS, SIGN_IN_CODES) for document in await database[name].find().to_list()]
    assert not any(session["ponte_session"] in text or issued.json()["code"] in text for text in stored)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://ponte.test"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://ponte.test"}, 202),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
    ],
)
async def test_a_session_changes_nothing_from_a_foreign_page(
    api: httpx.AsyncClient, stranger: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    link = (await api.post("/v1/sign-in-codes")).json()["link"]
    await stranger.get(link)

    answer = await stranger.post("/v1/exports", json={"kind": "order"}, headers=headers)

    assert answer.status_code == status

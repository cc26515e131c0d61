import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared.contracts.names import AUDIT, EXPORTS, IDEMPOTENT_REQUESTS, REPROCESS_REQUESTS
from shared.mongo.client import Database
from tests.integration.query.conftest import FIRST_KEY, client_of, seed_key
from tests.support.lost_answers import Lame
from tests.support.seed import seed_entries

ITEMS = [{"affiliate": "MLC", "code": "1"}]
POSTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/v1/reprocess": ({"kind": "order", "items": ITEMS}, {"kind": "price", "items": ITEMS}),
    "/v1/exports": ({"kind": "order"}, {"kind": "price"}),
    "/v1/dead-letters/replay": ({"filter": {}}, {"filter": {"error_class": ["NotUtf8"]}}),
    "/v1/keys": ({"name": "a", "scopes": ["read"]}, {"name": "b", "scopes": ["read"]}),
    "/v1/integrations": ({"affiliate": "MLC", "marketplace": "A"}, {"affiliate": "SHP", "marketplace": "A"}),
    "/v1/views": ({"name": "A", "kind": "order"}, {"name": "B", "kind": "order"}),
}


def under(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}


@pytest.mark.parametrize("path", POSTS)
async def test_the_same_request_under_the_same_key_is_answered_again(api: httpx.AsyncClient, path: str) -> None:
    body, other = POSTS[path]
    headers = under()

    first = await api.post(path, json=body, headers=headers)
    again = await api.post(path, json=body, headers=headers)
    changed = await api.post(path, json=other, headers=headers)
    elsewhere = await api.post(path, json=other, headers=under())

    assert first.status_code in {201, 202}, first.text
    assert "idempotency-replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again.headers["location"], again.headers["content-type"]) == (
        first.headers["location"],
        first.headers["content-type"],
    )
    assert again.headers["idempotency-replayed"] == "true"
    assert changed.status_code == 422
    assert changed.json()["errors"][0]["field"] == "Idempotency-Key"
    assert elsewhere.headers["location"] != first.headers["location"]


async def test_a_key_belongs_to_an_account_and_a_route(api: httpx.AsyncClient, neighbour: httpx.AsyncClient) -> None:
    headers = under()
    mine = await api.post("/v1/exports", json={"kind": "order"}, headers=headers)
    theirs = await neighbour.post("/v1/exports", json={"kind": "order"}, headers=headers)
    elsewhere = await api.post("/v1/reprocess", json={"kind": "order", "items": ITEMS}, headers=headers)
    assert {mine.status_code, theirs.status_code, elsewhere.status_code} == {202}
    assert mine.json()["id"] != theirs.json()["id"]


async def test_many_at_once_make_one_job(api: httpx.AsyncClient, database: Database, account: str) -> None:
    headers = under()
    answers = await asyncio.gather(
        *(api.post("/v1/exports", json={"kind": "order"}, headers=headers) for _ in range(8))
    )
    told = {answer.status_code for answer in answers}
    assert 202 in told
    assert told <= {202, 409}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 409)
    assert await database[EXPORTS].count_documents({"account": account}) == 1


async def test_who_may_not_gets_no_answer_that_was_kept(
    api: httpx.AsyncClient, reader: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    headers = under()
    body = {"affiliate": "MLC", "marketplace": "A"}
    assert (await api.post("/v1/integrations", json=body, headers=headers)).status_code == 201
    assert (await reader.post("/v1/integrations", json=body, headers=headers)).status_code == 403
    assert (await stranger.post("/v1/integrations", json=body, headers=headers)).status_code == 401


async def test_another_key_of_the_account_gets_no_answer_of_this_one(
    api: httpx.AsyncClient, app: FastAPI, database: Database, account: str
) -> None:
    headers, all_scopes = under(), {"name": "full", "scopes": ["read", "export", "reprocess", "admin"]}
    made = await api.post("/v1/keys", json=all_scopes, headers=headers)
    code = await api.post("/v1/sign-in-codes", headers=headers)
    async with client_of(app, await seed_key(database, account, "admin")) as admin:
        more = await admin.post("/v1/keys", json=all_scopes, headers=headers)
        other_code = await admin.post("/v1/sign-in-codes", headers=headers)

    assert (made.status_code, more.status_code) == (201, 403)
    assert (code.status_code, other_code.status_code) == (201, 201)
    assert code.json()["code"] != other_code.json()["code"]


async def test_a_refusal_for_what_is_there_stands_and_a_mended_request_may_keep_its_key(api: httpx.AsyncClient) -> None:
    body = {"affiliate": "MLC", "marketplace": "A"}
    await api.post("/v1/integrations", json=body)
    headers = under()
    refused = await api.post("/v1/integrations", json=body, headers=headers)
    await api.delete("/v1/integrations/MLC", headers={"If-Match": "*"})
    again = await api.post("/v1/integrations", json=body, headers=headers)
    assert (refused.status_code, again.status_code, again.content) == (409, 409, refused.content)

    headers = under()
    broken = {"kind": "order", "items": ITEMS, "filter": {}}
    assert (await api.post("/v1/reprocess", json=broken, headers=headers)).status_code == 422
    assert (await api.post("/v1/reprocess", json={"kind": "x"}, headers=headers)).status_code == 422
    assert (await api.post("/v1/reprocess", json={"kind": "order", "items": ITEMS}, headers=headers)).status_code == 202


async def test_a_dry_run_is_counted_anew_and_leaves_its_key_to_what_follows(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    headers, body = under(), {"kind": "order", "filter": {"status": ["error"]}}
    told = []
    for code in ("1", "2"):
        await seed_entries(database, [{"account": account, "code": code}])
        told.append(await api.post("/v1/reprocess", json={**body, "dry_run": True}, headers=headers))
    done = await api.post("/v1/reprocess", json=body, headers=headers)
    again = await api.post("/v1/reprocess", json=body, headers=headers)

    assert [answer.json()["matched"] for answer in told] == [1, 2]
    assert (done.status_code, again.content) == (202, done.content)


async def test_a_secret_that_is_told_again_is_nowhere_to_be_read(api: httpx.AsyncClient, database: Database) -> None:
    headers, body = under(), {"name": "a", "scopes": ["read"]}
    made = [await api.post("/v1/keys", json=body, headers=headers) for _ in range(2)]
    code = (await api.post("/v1/sign-in-codes", headers=under())).json()["code"]
    assert made[0].json()["secret"] == made[1].json()["secret"]
    stored = b"".join(one["answer"]["body"] for one in await database[IDEMPOTENT_REQUESTS].find().to_list())
    assert made[0].json()["secret"].encode() not in stored
    assert code.encode() not in stored


async def test_a_failure_of_ours_is_not_kept_and_the_next_request_goes_on_with_the_same_job(
    app: FastAPI, database: Database, account: str
) -> None:
    services = app.state.services
    object.__setattr__(services, "reprocesses", Lame(services.reprocesses, "insert"))
    body, headers = {"kind": "order", "items": ITEMS}, under()
    async with client_of(app, FIRST_KEY) as client:
        lost = await client.post("/v1/reprocess", json=body, headers=headers)
        other = await client.post("/v1/reprocess", json={**body, "kind": "price"}, headers=headers)
        done = await client.post("/v1/reprocess", json=body, headers=headers)

    assert (lost.status_code, other.status_code, done.status_code) == (503, 422, 202)
    assert await database[REPROCESS_REQUESTS].count_documents({"account": account}) == 1


async def test_a_key_whose_answer_was_lost_is_the_same_key_when_it_is_asked_for_again(
    app: FastAPI, database: Database, account: str
) -> None:
    services = app.state.services
    object.__setattr__(services, "credentials", Lame(services.credentials, "put_key"))
    body, headers = {"name": "twice", "scopes": ["read"]}, under()
    async with client_of(app, FIRST_KEY) as client:
        lost = await client.post("/v1/keys", json=body, headers=headers)
        told = await client.post("/v1/keys", json=body, headers=headers)

    assert (lost.status_code, told.status_code) == (503, 201)
    assert await database.api_keys.count_documents({"account": account, "name": "twice"}) == 1
    async with client_of(app, told.json()["secret"]) as client:
        assert (await client.get("/v1/summary")).status_code == 200


async def test_an_integration_whose_answer_was_lost_is_registered_and_told_as_such(
    app: FastAPI, database: Database
) -> None:
    services = app.state.services
    object.__setattr__(services, "registry", Lame(services.registry, "add_integration"))
    body, headers = {"affiliate": "MLC", "marketplace": "Mercado Livre"}, under()
    async with client_of(app, FIRST_KEY) as client:
        lost = await client.post("/v1/integrations", json=body, headers=headers)
        told = await client.post("/v1/integrations", json=body, headers=headers)
        another = await client.post("/v1/integrations", json=body, headers=under())

    assert (lost.status_code, told.status_code, another.status_code) == (503, 201, 409)
    assert told.json()["marketplace"] == "Mercado Livre"
    assert await database[AUDIT].count_documents({"action": "integration.created"}) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ção"])
async def test_a_key_that_is_none_is_refused(api: httpx.AsyncClient, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    answer = await api.post("/v1/exports", json={"kind": "order"}, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_a_quoted_key_is_the_bare_one_and_two_keys_are_none(api: httpx.AsyncClient) -> None:
    body = {"kind": "order"}
    first = await api.post("/v1/exports", json=body, headers=under("abc"))
    assert (await api.post("/v1/exports", json=body, headers=under('"abc"'))).json() == first.json()
    two = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert (await api.post("/v1/exports", json=body, headers=two)).status_code == 422


async def test_keys_are_kept_for_a_day(api: httpx.AsyncClient, database: Database) -> None:
    await api.post("/v1/exports", json={"kind": "order"}, headers=under())
    (kept,) = await database[IDEMPOTENT_REQUESTS].find().to_list()
    lapse = kept["expires_at"] - kept["claimed_until"]
    assert 23 * 3600 < lapse.total_seconds() < 24 * 3600
    assert (await database[IDEMPOTENT_REQUESTS].index_information())["expiry"]["expireAfterSeconds"] == 0


async def test_every_post_of_the_schema_takes_a_key(stranger: httpx.AsyncClient) -> None:
    paths = (await stranger.get("/openapi.json")).json()["paths"]
    without = {
        path
        for path, methods in paths.items()
        if "post" in methods and "Idempotency-Key" not in {one["name"] for one in methods["post"].get("parameters", ())}
    }
    assert without == set()

import httpx
import pytest
from fastapi import FastAPI

from services.query.core.permissions import SCOPES
from shared.contracts.names import API_KEYS, SESSIONS, SIGN_IN_CODES
from shared.mongo.client import Database
from tests.integration.query.conftest import FIRST_KEY


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


async def test_a_sign_in_link_leads_to_the_public_address_whatever_host_the_request_names(
    api: httpx.AsyncClient, app: FastAPI
) -> None:
    services, told = app.state.services, {"Host": "evil.example", "X-Forwarded-Proto": "http"}
    assert (await api.post("/v1/sign-in-codes", headers=told)).json()["link"].startswith("http://evil.example/sign-in?")
    changed = services.settings.model_copy(update={"query_public_url": "https://ponte.example"})
    object.__setattr__(services, "settings", changed)

    issued = (await api.post("/v1/sign-in-codes", headers=told)).json()

    assert issued["link"] == f"https://ponte.example/sign-in?code={issued['code']}"


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

"""Each test here asks every operation that the application has: a new route is asked too, without a line being written for it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.servers import Servers
from services.query.app import build
from services.query.core.permissions import SCOPES
from services.query.settings import Settings
from shared.contracts.names import AUDIT, LOG_ENTRIES
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.integration.query.conftest import client_of
from tests.support.operations import PUBLIC, UNSAFE, Operation, operations_of, send, table_of
from tests.support.seed import seed_key
from tests.support.shop import CPF, EMAIL, WORD, Shop, everything_of, seed_shop

PROBLEM = "application/problem+json"
FROM_PANEL = {"Origin": "http://ponte.test"}
OPEN_PAGES = {"/sign-in", "/sign-out", "/language", "/help", "/help/{error_code}"}
ADMIN_PAGES = re.compile(r"/(keys|new-key|audit|new-integration)\b")
VOLATILE = {"as_of", "correlation_id", "last_used_at"}
POLICY = [
    (r"\w+ /v1/(keys|audit|sign-in-codes)\b", "admin"),
    (r"get /v1/dead-letters/\{letter_id\}/raw$", "admin"),
    (r"(post|put|patch|delete) /v1/(integrations|views)\b", "admin"),
    (r"(post|delete) /v1/(reprocess|dead-letters)\b", "reprocess"),
    (r"\w+ /v1/exports\b", "export"),
    (r"\w+ /v1/imports\b", "reprocess"),
    (r"get ", "read"),
]
"""The first rule that fits. A change that no rule knows needs a line here, and someone who thought about it."""
HINTS = {"affiliate": "affiliate", "q": "code", "reprocess_id": "job_id", "target": "letter_id", "actor": "key_id"}
"""Query parameters, and what of the shop they could look for."""


@asynccontextmanager
async def serving(servers: Servers, database_name: str, *, stream_seconds: float) -> AsyncIterator[FastAPI]:
    settings = Settings(
        kafka_bootstrap=servers.kafka.bootstrap,
        mongo_uri=SecretStr(servers.mongo.uri),
        mongo_database=database_name,
        query_rate_per_second=100_000,
        query_stream_seconds=stream_seconds,
    )
    application = build(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def app(servers: Servers, database_name: str) -> AsyncIterator[FastAPI]:
    async with serving(servers, database_name, stream_seconds=0.05) as application:
        yield application


@pytest.fixture
async def streaming(servers: Servers, database_name: str) -> AsyncIterator[FastAPI]:
    async with serving(servers, database_name, stream_seconds=1) as application:
        yield application


@pytest.fixture
async def shop(database: Database, account: str) -> Shop:
    return await seed_shop(database, account)


@pytest.fixture
async def neighbour(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Every scope, of an account that has nothing."""
    async with client_of(app, await seed_key(database, "vizinha", *SCOPES)) as client:
        yield client


def test_every_route_of_the_api_stands_in_the_schema(app: FastAPI) -> None:
    told = {(operation.method, operation.path) for operation in operations_of(app)}
    routed = {(method, path) for method, path in table_of(app) if path.startswith("/v1")}

    assert routed == told
    assert len(told) > 30


def test_every_operation_names_the_scope_that_it_should(app: FastAPI) -> None:
    for operation in operations_of(app):
        wanted = next((scope for rule, scope in POLICY if re.match(rule, str(operation))), None)
        assert operation.scope == wanted, f"{operation} wants {operation.scope!r}; POLICY says {wanted!r}"


async def test_nobody_unknown_is_answered(app: FastAPI, database: Database, shop: Shop) -> None:
    over = now() - timedelta(seconds=1)
    gone = [await seed_key(database, shop.account, *SCOPES, **{field: over}) for field in ("expires_at", "revoked_at")]
    for key in (None, "unknown-" * 5, f"{shop.key}x", shop.key[:-1], "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", *gone):
        async with client_of(app, key) as client:
            for operation in operations_of(app):
                check_unknown(await send(client, operation, shop.known), operation)
    async with client_of(app) as client:
        client.cookies.set("ponte_session", "made-up")
        for operation in operations_of(app):
            check_unknown(await send(client, operation, shop.known, headers=FROM_PANEL), operation)


def check_unknown(answer: httpx.Response, operation: Operation) -> None:
    assert answer.status_code == 401, (str(operation), answer.text)
    assert answer.headers["content-type"] == PROBLEM, str(operation)
    assert answer.headers["www-authenticate"].startswith("Bearer "), str(operation)
    assert answer.json()["correlation_id"] == answer.headers["x-request-id"], str(operation)
    assert leaks(answer, answer.request) == "", str(operation)


async def test_every_operation_wants_its_scope_and_no_other(app: FastAPI, database: Database, account: str) -> None:
    for scope in SCOPES:
        others = [one for one in SCOPES if one != scope]
        for held in ([scope], others):
            shop = await seed_shop(database, f"{account}-{'-'.join(held)}")
            async with client_of(app, await seed_key(database, shop.account, *held)) as client:
                for operation in operations_of(app):
                    answer = await send(client, operation, {**shop.known, "scopes": held[:1]})
                    assert (answer.status_code == 403) == (operation.scope not in held), (
                        str(operation),
                        held,
                        answer.text,
                    )
                    assert answer.status_code not in {401, 500}, (str(operation), answer.text)
                    if answer.status_code == 403:
                        assert answer.headers["content-type"] == PROBLEM
                        assert leaks(answer, answer.request) == "", str(operation)


async def test_a_body_that_names_another_account_is_refused(
    app: FastAPI, shop: Shop, neighbour: httpx.AsyncClient
) -> None:
    asked = [operation for operation in operations_of(app) if "account" in operation.fields()]
    assert asked
    for operation in asked:
        body = {**operation.body({}), "account": shop.account}
        answer = await neighbour.request(operation.method, operation.address(shop.known), json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (403, PROBLEM), str(operation)


async def test_another_accounts_things_change_no_answer(
    app: FastAPI, database: Database, account: str, neighbour: httpx.AsyncClient
) -> None:
    """Lists, counts, suggestions, cursors, headers: the same bytes, whether the shop is there or not."""
    shop = await seed_shop(database, account)
    reads = [one for one in operations_of(app) if not one.is_unsafe and not is_look(one)]
    async with client_of(app, shop.key) as owner:
        cursors = {str(one): await cursor_of(owner, one, shop) for one in reads if one.query("cursor")}
    assert any(cursors.values())

    seen = [await answers(neighbour, one, shop) for one in reads]
    for operation, cursor in ((one, cursors.get(str(one))) for one in reads):
        if cursor:
            answer = await send(neighbour, operation, shop.known, cursor=cursor)
            assert answer.status_code in {400, 404}, (str(operation), answer.text)
    for name in await database.list_collection_names():
        if not name.startswith("system."):
            await database[name].delete_many({"account": shop.account})
    assert [await answers(neighbour, one, shop) for one in reads] == seen


def is_look(operation: Operation) -> bool:
    """Whether it cannot be asked without a reason, and so never without leaving a line."""
    return bool((operation.query("reason") or {}).get("required", False))


async def answers(client: httpx.AsyncClient, operation: Operation, shop: Shop) -> list[Any]:
    """What the operation answers, plainly and asked for the shop's things; nothing of the shop may be in it."""
    told = []
    hints = {name: str(shop.known[known]) for name, known in HINTS.items() if operation.query(name)}
    for asked in ({}, *({name: value} for name, value in hints.items())):
        answer = await send(client, operation, shop.known, **asked)
        assert answer.status_code in expected_of_a_stranger(operation), (str(operation), answer.text)
        assert leaks(answer, answer.request) == "", str(operation)
        told.append((answer.status_code, steady(answer)))
    return told


def expected_of_a_stranger(operation: Operation) -> set[int]:
    """404 where the path names a thing of the shop, 200 elsewhere."""
    return {404} if "{" in operation.path.replace("{kind}", "") else {200}


async def cursor_of(owner: httpx.AsyncClient, operation: Operation, shop: Shop) -> str | None:
    """A cursor of the owner's list."""
    answer = await send(owner, operation, shop.known, limit="1")
    return answer.json().get("next_cursor") if answer.status_code == 200 else None


def steady(answer: httpx.Response) -> Any:
    """The body without what changes from request to request."""
    if not answer.headers["content-type"].endswith("json"):
        return None  # a stream: its ids are positions in time
    return json.loads(answer.text, object_hook=lambda found: {k: v for k, v in found.items() if k not in VOLATILE})


async def test_nobody_changes_another_accounts_things(
    app: FastAPI, database: Database, shop: Shop, neighbour: httpx.AsyncClient
) -> None:
    before = await everything_of(database, shop.account)
    for operation in operations_of(app):
        if operation.is_unsafe:
            for headers in ({}, {"If-Match": "*"}):
                answer = await send(neighbour, operation, shop.known, headers=headers)
                assert answer.status_code < 500, (str(operation), answer.text)
                assert leaks(answer, answer.request) == "", str(operation)
        elif is_look(operation):
            answer = await send(neighbour, operation, shop.known)
            assert answer.status_code in expected_of_a_stranger(operation), (str(operation), answer.text)
            assert leaks(answer, answer.request) == "", str(operation)
    assert await everything_of(database, shop.account) == before


async def test_no_stream_tells_of_another_accounts_changes(
    streaming: FastAPI, database: Database, account: str
) -> None:
    streams = [operation for operation in operations_of(streaming) if operation.is_stream]
    for operation in streams:
        shop, mine = await seed_shop(database, f"{account}-a"), await seed_shop(database, f"{account}-b")
        async with client_of(streaming, mine.key) as client:
            listening = asyncio.create_task(send(client, operation, mine.known))
            while not listening.done():  # until the stream has ended by itself
                for changed in (shop, mine):
                    await database[LOG_ENTRIES].update_one({"account": changed.account}, {"$inc": {"attempts": 1}})
                await asyncio.wait([listening], timeout=0.05)
        told = listening.result().text
        assert mine.known["code"] in told, "the stream tells of its own account"
        assert shop.known["code"] not in told
        assert shop.known["affiliate"] not in told


async def test_personal_data_shows_to_nobody_who_does_not_ask_for_it(
    app: FastAPI, database: Database, account: str
) -> None:
    for held in (["read", "export", "reprocess"], list(SCOPES)):
        shop = await seed_shop(database, f"{account}-{len(held)}")
        async with client_of(app, await seed_key(database, shop.account, *held)) as client:
            for operation in operations_of(app):
                if operation.is_unsafe or is_look(operation):
                    continue
                answer = await send(client, operation, shop.known)
                assert answer.status_code in {200, 403, 404}, (str(operation), answer.text)
                for personal in (CPF, EMAIL):
                    assert personal not in answer.text, str(operation)


async def test_a_look_at_personal_data_needs_an_admin_and_a_reason_and_is_written_down(
    app: FastAPI, database: Database, shop: Shop
) -> None:
    weaker = await seed_key(database, shop.account, "read", "export", "reprocess")
    looks = [one for one in operations_of(app) if not one.is_unsafe and (one.query("reveal") or one.query("reason"))]
    assert len(looks) >= 4
    async with client_of(app, shop.key) as admin, client_of(app, weaker) as other:
        for look in looks:
            reveal = {"reveal": "true"} if look.query("reveal") else {}
            assert (await send(other, look, shop.known, **reveal, reason="curious")).status_code == 403, str(look)
            assert (await send(admin, look, shop.known, **reveal, reason=" ")).status_code == 422, str(look)
            shown = await send(admin, look, shop.known, **reveal, reason="the buyer called")
            assert shown.status_code == 200, (str(look), shown.text)
            line = await written(database, shop, shown)
            assert (line["reason"], line["by_session"]) == ("the buyer called", False), str(look)
            assert line["action"].endswith(".revealed"), str(look)


async def test_every_change_is_written_down(app: FastAPI, database: Database, account: str) -> None:
    for number, operation in enumerate(one for one in operations_of(app) if one.is_unsafe):
        shop = await seed_shop(database, f"{account}-{number}")
        async with client_of(app, shop.key) as admin:
            answer = await send(admin, operation, shop.known, headers={"If-Match": "*"})
            if answer.status_code == 409:  # done already: a job that has ended, an affiliate that is registered
                answer = await send(admin, operation, shop.spare, headers={"If-Match": "*"})
        assert answer.status_code in {200, 201, 202, 204}, (str(operation), answer.status_code, answer.text)
        line = await written(database, shop, answer)
        assert line["action"].count(".") == 1, str(operation)
        assert line["target"], str(operation)


async def written(database: Database, shop: Shop, answer: httpx.Response) -> dict[str, Any]:
    """The line of the audit about a request."""
    line = await database[AUDIT].find_one({"account": shop.account, "request_id": answer.headers["x-request-id"]})
    assert line is not None, f"{answer.request.method} {answer.request.url.path} left no line"
    assert line["key_name"].startswith(WORD), "who"
    return line


async def test_no_page_of_the_panel_shows_a_stranger_or_a_neighbour_anything(
    app: FastAPI, database: Database, shop: Shop
) -> None:
    before = await everything_of(database, shop.account)
    pages = [(method, path) for method, path in sorted(table_of(app)) if is_page(path)]
    assert len(pages) > 20
    form = {**shop.known, "item": f"{shop.known['affiliate']}|{shop.known['code']}", "all": "1"}
    async with client_of(app) as stranger, visitor(app, await seed_key(database, "vizinha", *SCOPES)) as other:
        for method, path in pages:
            address = path.format(**shop.known)
            body = form if method in UNSAFE else None
            unknown = await stranger.request(method, address, data=body, headers=FROM_PANEL)
            assert unknown.status_code == 303, (method, path, unknown.status_code)
            assert unknown.headers["location"].startswith("/sign-in"), (method, path)
            assert leaks(unknown, unknown.request, str(form)) == ""
            if method in UNSAFE:
                forged = await other.request(method, address, data=body)
                assert forged.status_code == 403, (method, path)
            answer = await other.request(method, address, data=body, headers=FROM_PANEL)
            assert answer.status_code in {200, 303, 404, 409, 422}, (method, path, answer.status_code)
            assert leaks(answer, answer.request, str(form)) == "", (method, path)
    assert await everything_of(database, shop.account) == before


async def test_pages_for_admins_are_refused_to_every_other_scope(
    app: FastAPI, database: Database, account: str
) -> None:
    shop = await seed_shop(database, account)
    others = await seed_key(database, account, *(scope for scope in SCOPES if scope != "admin"))
    pages = [(method, path) for method, path in sorted(table_of(app)) if ADMIN_PAGES.match(path)]
    assert len(pages) >= 7
    async with visitor(app, others) as client:
        before = await everything_of(database, account)
        for method, path in pages:
            answer = await client.request(method, path.format(**shop.known), headers=FROM_PANEL)
            assert answer.status_code == 403, (method, path)
            assert leaks(answer, answer.request) == "", (method, path)
        assert await everything_of(database, account) == before


def is_page(path: str) -> bool:
    return path not in PUBLIC | OPEN_PAGES and not path.startswith(("/v1", "/assets", "/static"))


@asynccontextmanager
async def visitor(app: FastAPI, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has signed in."""
    async with client_of(app) as client:
        let_in = await client.post("/sign-in", data={"key": key}, headers=FROM_PANEL)
        assert let_in.status_code == 303
        yield client


def leaks(answer: httpx.Response, request: httpx.Request, *sent: str) -> str:
    """What an answer tells of the shop; its echo of the request's own words is none of it."""
    told = f"{answer.text}\n{answer.headers!s}"
    for word in sorted(words(str(request.url), request.content.decode(), *sent), key=len, reverse=True):
        told = told.replace(word, "")
    at = told.lower().find(WORD)
    return "" if at < 0 else told[max(at - 60, 0) : at + 60]


def words(*texts: str) -> Iterable[str]:
    """The words with WORD in them, as they stand in a request."""
    for text in texts:
        for word in text.replace("%7C", "|").replace("%3A", ":").split("/"):
            for part in (
                word.replace("?", "&")
                .replace("=", "&")
                .replace('"', "&")
                .replace("'", "&")
                .replace("|", "&")
                .split("&")
            ):
                if WORD in part.lower():
                    yield part

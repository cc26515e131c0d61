from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from services.query.adapters.mongo_sessions import MongoCredentials
from services.query.entrypoints.schemas.keys import AuditPageAnswer, KeyAnswer, KeyList, NewKeyAnswer
from services.query.handlers.signing_in import ensure_first_key, find_caller_by_key
from shared.contracts.errors import StoreUnavailable
from shared.contracts.names import API_KEYS, AUDIT
from shared.contracts.times import format_instant
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.integration.query.conftest import client_of
from tests.support.seed import seed_key

FROM_PANEL = {"Origin": "http://ponte.test"}


async def make(api: httpx.AsyncClient, **wishes: Any) -> dict[str, Any]:
    answer = await api.post("/v1/keys", json={"name": "shop front", "scopes": ["read"], **wishes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def status(app: FastAPI, key: str, path: str = "/v1/errors") -> int:
    async with client_of(app, key) as client:
        return (await client.get(path)).status_code


async def test_a_key_is_made_used_rotated_and_revoked(api: httpx.AsyncClient, app: FastAPI, database: Database) -> None:
    answer = await api.post("/v1/keys", json={"name": "shop front", "scopes": ["read", "export"]})
    made = answer.json()
    NewKeyAnswer.model_validate(made)
    assert (answer.headers["location"], answer.headers["cache-control"]) == (f"/v1/keys/{made['id']}", "no-store")
    assert (made["state"], made["last_used_at"], made["prefix"]) == ("active", None, made["secret"][:12])
    assert await status(app, made["secret"]) == 200
    assert await status(app, made["secret"], "/v1/keys") == 403
    seen = (await api.get(f"/v1/keys/{made['id']}")).json()
    KeyAnswer.model_validate(seen)
    assert seen["last_used_at"] is not None

    rotated = await api.post(f"/v1/keys/{made['id']}/rotate", json={"overlap_seconds": 3600})
    assert rotated.status_code == 201
    new = rotated.json()
    assert [await status(app, key) for key in (made["secret"], new["secret"])] == [200, 200]
    assert (await api.get(f"/v1/keys/{made['id']}")).json()["replaced_by"] == new["id"]
    assert (await api.post(f"/v1/keys/{made['id']}/rotate", json={})).status_code == 409

    revoked = await api.delete(f"/v1/keys/{new['id']}", params={"reason": "leaked"})
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    assert [await status(app, key) for key in (made["secret"], new["secret"])] == [200, 401]
    stored = str(await database[API_KEYS].find().to_list())
    assert not any(key in stored for key in (made["secret"], new["secret"]))


async def test_the_secret_of_a_rotated_key_may_be_the_one_of_the_settings(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    old = await make(api)
    new = (await api.post(f"/v1/keys/{old['id']}/rotate", json={})).json()

    starting = MongoCredentials(database, time_limit_ms=5000, now=now)
    await ensure_first_key(starting, account, new["secret"], now=now)

    caller = await find_caller_by_key(starting, new["secret"], now=now)
    assert (caller.key_id, caller.scopes) == (new["id"], {"read"})
    assert (await api.get(f"/v1/keys/{new['id']}")).json()["created_at"] == new["created_at"]


async def test_a_rotation_without_overlap_ends_the_old_key_at_once(api: httpx.AsyncClient, app: FastAPI) -> None:
    old = await make(api)
    assert await status(app, old["secret"]) == 200
    await api.post(f"/v1/keys/{old['id']}/rotate", json={"overlap_seconds": 0})
    assert await status(app, old["secret"]) == 401


async def pages_of(api: httpx.AsyncClient, address: str, **asked: Any) -> list[dict[str, Any]]:
    """Return the pages of a list from the first one to the last one, each two rows, held against the way back."""
    answers = [await api.get(address, params={"limit": "2", **asked})]
    while onward := answers[-1].links.get("next"):
        answers.append(await api.get(onward["url"]))
    pages: list[dict[str, Any]] = [answer.json() for answer in answers]
    back = [answers[-1]]
    while onward := back[-1].links.get("prev"):
        back.append(await api.get(onward["url"]))
    assert [answer.json()["items"] for answer in back] == [page["items"] for page in reversed(pages)]
    assert pages[0]["previous_cursor"] is pages[-1]["next_cursor"] is None
    assert back[-1].json()["previous_cursor"] is None, "the first page, reached from behind, knows that it is the first"
    return pages


async def is_refused(clients: Sequence[tuple[httpx.AsyncClient, dict[str, str]]], address: str, cursor: str) -> bool:
    answers = [await client.get(address, params={"cursor": cursor, **more}) for client, more in clients]
    return [(one.status_code, one.json()["type"]) for one in answers] == [(400, "urn:ponte:problem:bad-request")] * len(
        clients
    )


async def test_keys_are_leafed_through_both_ways(api: httpx.AsyncClient, neighbour: httpx.AsyncClient) -> None:
    made = [(await make(api, name=f"key {number}"))["id"] for number in range(4)]
    pages = await pages_of(api, "/v1/keys")
    for page in pages:
        KeyList.model_validate(page)
    items = [item for page in pages for item in page["items"]]
    assert not any("secret" in item for item in items)
    assert [item["id"] for item in items[:4]] == made[::-1]
    assert len(items) == len({item["id"] for item in items}) == 5, "the first key stands in the list too"
    for cursor in (pages[1]["next_cursor"], pages[1]["previous_cursor"]):
        assert await is_refused([(neighbour, {})], "/v1/keys", cursor), "it is of another account"
        assert await is_refused([(api, {})], "/v1/keys", cursor[:-4] + "AAAA")
        assert await is_refused([(api, {})], "/v1/audit", cursor), "it is of another list"


async def test_a_key_that_cannot_be_is_refused_by_the_field(api: httpx.AsyncClient) -> None:
    for wrong, field in (
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes.0"),
        ({"scopes": ["read", "read"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2099-01-01"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"id": "mine"}, "id"),
    ):
        answer = await api.post("/v1/keys", json={"name": "shop front", "scopes": ["read"], **wrong})
        assert answer.status_code == 422, wrong
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_an_expiry_is_kept_and_ends_the_key(api: httpx.AsyncClient, app: FastAPI, database: Database) -> None:
    made = await make(api, expires_at="2099-12-31T21:00:00-03:00")
    assert made["expires_at"] == "2100-01-01T00:00:00.000Z"
    await database[API_KEYS].update_one({"_id": made["id"]}, {"$set": {"expires_at": now() - timedelta(seconds=1)}})
    assert await status(app, made["secret"]) == 401
    assert (await api.get(f"/v1/keys/{made['id']}")).json()["state"] == "expired"


async def test_a_revoked_key_closes_the_panel_that_it_opened(
    api: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    made = await make(api)
    await stranger.post("/sign-in", data={"key": made["secret"]}, headers=FROM_PANEL)
    assert (await stranger.get("/v1/errors")).status_code == 200
    assert (await stranger.get("/logs/order")).status_code == 200

    await api.delete(f"/v1/keys/{made['id']}")

    assert (await stranger.get("/v1/errors")).status_code == 401
    assert (await stranger.get("/logs/order")).headers["location"].startswith("/sign-in")


async def test_a_cookie_given_over_https_never_travels_in_the_clear(api: httpx.AsyncClient, app: FastAPI) -> None:
    services = app.state.services
    for proto, setting, is_secure in (
        ("", "auto", False),
        ("https", "auto", True),
        ("https, http", "auto", True),
        ("http", "auto", False),
        ("", "always", True),
    ):
        changed = services.settings.model_copy(update={"query_cookie_secure": setting})
        object.__setattr__(services, "settings", changed)
        told = {"X-Forwarded-Proto": proto} if proto else {}
        code = (await api.post("/v1/sign-in-codes", headers=told)).json()
        async with client_of(app) as visitor:
            let_in = await visitor.get("/sign-in", params={"code": code["code"]}, headers=told)
            chosen = await visitor.post("/language", data={"language": "en"}, headers={**FROM_PANEL, **told})
            left = await visitor.post("/sign-out", headers={**FROM_PANEL, **told})
        for answer in (let_in, chosen, left):
            assert ("secure" in answer.headers["set-cookie"].lower()) == is_secure, (proto, setting)
        assert code["link"].startswith("https://") == proto.startswith("https")


async def test_the_audit_tells_who_did_what_in_which_request(api: httpx.AsyncClient, database: Database) -> None:
    start = format_instant(now())
    made = await api.post(
        "/v1/keys", json={"name": "x", "scopes": ["read"], "reason": "new shop"}, headers={"X-Request-ID": "trace-7"}
    )
    await api.delete(f"/v1/keys/{made.json()['id']}", params={"reason": "leaked"})
    await api.post("/v1/exports", json={"id": "e-1", "kind": "order"})
    await api.delete("/v1/exports/e-1", params={"reason": "too long"})

    async def told(**asked: Any) -> list[tuple[str, str, str]]:
        page = (await api.get("/v1/audit", params=asked)).json()
        AuditPageAnswer.model_validate(page)
        return [(line["action"], line["target"], line["reason"]) for line in page["items"]]

    key = made.json()["id"]
    everything = [
        ("export.cancelled", "e-1", "too long"),
        ("export.requested", "e-1", ""),
        ("key.revoked", key, "leaked"),
        ("key.created", key, "new shop"),
    ]
    assert await told() == everything
    assert await told(action=["key.created", "key.revoked"]) == everything[2:]
    assert await told(target="e-1", action="export.requested") == everything[1:2]
    assert await told(actor="nobody") == []
    assert await told(actor="", action="", target="") == everything, "what a form leaves empty narrows nothing"
    assert await told(**{"from": start, "to": "2099-01-01T00:00:00Z"}) == everything
    assert await told(to=start) == []
    (line,) = (await api.get("/v1/audit", params={"action": "key.created"})).json()["items"]
    assert (line["request_id"], line["actor_name"], line["by_session"]) == ("trace-7", "first", False)
    assert await database[AUDIT].count_documents({}) == 4, "looking at the audit is no change"


async def test_the_audit_is_leafed_through_both_ways_and_cannot_be_changed(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient
) -> None:
    made = [(await make(api, name=f"key {number}"))["id"] for number in range(5)]
    await api.delete(f"/v1/keys/{made[0]}")
    asked: dict[str, Any]
    for asked, targets in (
        ({}, [made[0], *made[::-1]]),
        ({"action": "key.created"}, made[::-1]),
        ({"target": made[:3]}, [made[0], *made[2::-1]]),
    ):
        pages = await pages_of(api, "/v1/audit", **asked)
        assert [line["target"] for page in pages for line in page["items"]] == targets
    middle = (await pages_of(api, "/v1/audit"))[1]
    for cursor in (middle["next_cursor"], middle["previous_cursor"]):
        assert await is_refused([(neighbour, {}), (api, {"action": "key.created"})], "/v1/audit", cursor)
        assert await is_refused([(api, {})], "/v1/audit", cursor[:-4] + "AAAA")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await api.request(method, "/v1/audit")).status_code == 405
        assert (await api.request(method, f"/v1/audit/{middle['items'][0]['id']}")).status_code == 404


async def test_a_period_of_the_audit_that_begins_within_a_millisecond_leaves_out_what_was_before(
    api: httpx.AsyncClient,
) -> None:
    await make(api)
    (line,) = (await api.get("/v1/audit")).json()["items"]
    just_after = line["at"].replace("Z", "1Z")
    for asked, lines in (({"from": line["at"]}, [line]), ({"from": just_after}, []), ({"to": just_after}, [line])):
        assert (await api.get("/v1/audit", params=asked)).json()["items"] == lines, asked


async def test_what_no_line_can_have_is_refused_by_the_field(api: httpx.AsyncClient) -> None:
    at = "2026-11-23T10:00:00Z"
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-11-23T10:00:00"}, "to"),
        ({"from": at, "to": at}, "to"),
        ({"from": "2026-11-23T10:00:00.0001Z", "to": "2026-11-23T10:00:00.0002Z"}, "to"),
        ({"from": [at, at]}, "from"),
        ({"limit": "0"}, "limit"),
        ({"who": "me"}, "who"),
        ({"action": ["key.created", "key.eaten"]}, "action"),
    )
    for asked, field in cases:
        answer = await api.get("/v1/audit", params=asked)
        assert answer.status_code == 422, asked
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert {"key.created", "entry.revealed"} <= set(answer.json()["errors"][0]["allowed"])


async def test_what_is_done_in_the_panel_is_written_down_too(
    app: FastAPI, database: Database, account: str, stranger: httpx.AsyncClient
) -> None:
    key = await seed_key(database, account, "read", "export", name="Ana")
    await stranger.post("/sign-in", data={"key": key}, headers=FROM_PANEL)
    await stranger.post("/exports", data={"kind": "order"}, headers={**FROM_PANEL, "X-Request-ID": "trace-8"})

    lines = await database[AUDIT].find({}).sort("at").to_list()
    assert [(line["action"], line["key_name"], line["by_session"]) for line in lines] == [
        ("session.opened", "Ana", True),
        ("export.requested", "Ana", True),
    ]
    assert lines[1]["request_id"] == "trace-8"


async def test_a_change_that_cannot_be_written_down_is_not_made(
    api: httpx.AsyncClient, app: FastAPI, database: Database
) -> None:
    class AuditAway:
        async def record(self, _line: object) -> None:
            raise StoreUnavailable("no place")

    object.__setattr__(app.state.services, "audit", AuditAway())
    before = await database[API_KEYS].count_documents({})
    made = await api.post("/v1/keys", json={"name": "x", "scopes": ["read"]})
    asked = await api.post("/v1/exports", json={"id": "e-1", "kind": "order"})

    assert (made.status_code, asked.status_code) == (503, 503)
    assert await database[API_KEYS].count_documents({}) == before
    assert (await api.get("/v1/exports/e-1")).status_code == 404

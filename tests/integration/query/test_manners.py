import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from shared.contracts.errors import StoreUnavailable
from shared.contracts.names import DEAD_LETTERS
from shared.mongo.client import Database
from tests.integration.query.conftest import FIRST_KEY, client_of
from tests.support.fakes.query import counts_of
from tests.support.letters import make_letter
from tests.support.seed import seed_entries

PROBLEM = "application/problem+json"


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield b" " * 64 * 1024


class Broken:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _name: str) -> object:
        async def fail(*_: object, **__: object) -> None:
            raise self._error

        return fail


async def test_every_error_is_a_problem(api: httpx.AsyncClient) -> None:
    cases = [
        (await api.get("/v1/nothing"), 404),
        (await api.patch("/v1/logs/order"), 405),
        (await api.post("/v1/reprocess", content=b'{"kind": ', headers={"content-type": "application/json"}), 400),
        (await api.post("/v1/reprocess", content=b'{"kind": NaN}', headers={"content-type": "application/json"}), 400),
        (
            await api.post(
                "/v1/reprocess",
                content=b'{"kind": "order", "kind": "price", "filter": {}}',
                headers={"content-type": "application/json"},
            ),
            400,
        ),
        (await api.get("/v1/logs/order?q=%FF"), 400),
        (await api.get("/v1/logs/order/MLC/%ED%A0%80"), 400),
        (await api.get("/v1/integrations?health=true&health=false"), 422),
        (await api.post("/v1/keys", json={"name": "  ", "scopes": ["read"]}), 422),
        (await api.post("/v1/reprocess", content=b'["\\ud800"]', headers={"content-type": "application/json"}), 400),
        (
            await api.post(
                "/v1/reprocess", content=b"[" * 900 + b"]" * 900, headers={"content-type": "application/json"}
            ),
            400,
        ),
        (await api.post("/v1/reprocess", content=b"[" * 100_000, headers={"content-type": "application/json"}), 400),
        (await api.post("/v1/reprocess", content=b"{}", headers={"content-type": "text/plain"}), 415),
        (
            await api.post(
                "/v1/reprocess", content=b" " * (1024 * 1024 + 1), headers={"content-type": "application/json"}
            ),
            413,
        ),
        (await api.post("/v1/reprocess", content=_chunks(), headers={"content-type": "application/json"}), 413),
        (await api.post("/v1/reprocess", json={}), 422),
        (await api.get("/v1/reprocess/absent"), 404),
        (await api.get("/v1/logs/order", params={"cursor": "x"}), 400),
    ]
    for answer, status in cases:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == PROBLEM
        problem = answer.json()
        assert {"type", "title", "status", "detail", "instance", "correlation_id"} <= set(problem)
        assert problem["status"] == status
        assert problem["correlation_id"] == answer.headers["x-request-id"]
        assert problem["detail"] != problem["title"]
    assert cases[1][0].headers["allow"] == "GET, HEAD"


async def test_a_method_refused_is_answered_with_all_that_the_path_knows(api: httpx.AsyncClient) -> None:
    cases = {
        "/v1/reprocess": "GET, HEAD, POST",
        "/v1/reprocess/x": "DELETE, GET, HEAD",
        "/v1/sign-in-codes": "POST",
        "/v1/integrations/MLC": "DELETE, GET, HEAD, PATCH, PUT",
    }
    for path, methods in cases.items():
        answer = await api.post(path) if "PATCH" in methods else await api.patch(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


async def test_a_body_of_another_type_is_told_which_one_to_send(api: httpx.AsyncClient) -> None:
    body = b'{"kind": "order", "items": [{"affiliate": "MLC", "code": "1"}], "dry_run": true}'
    for content_type in ("application/x-www-form-urlencoded", "text/json", ""):
        answer = await api.post("/v1/reprocess", content=body, headers={"content-type": content_type})
        assert answer.status_code == 415
        assert "Content-Type: application/json" in answer.json()["detail"]
    for content_type in ("application/json; charset=utf-8", "Application/JSON"):
        answer = await api.post("/v1/reprocess", content=body, headers={"content-type": content_type})
        assert answer.status_code == 200


async def test_a_compressed_body_is_told_to_be_sent_as_it_is(api: httpx.AsyncClient) -> None:
    body = b'{"kind": "order", "items": [{"affiliate": "MLC", "code": "1"}], "dry_run": true}'
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    packed = await api.post("/v1/reprocess", content=gzip.compress(body), headers=headers)
    plain = await api.post("/v1/reprocess", content=body, headers={**headers, "content-encoding": "identity"})

    assert (packed.status_code, packed.headers["accept-encoding"], plain.status_code) == (415, "identity", 200)
    assert "Content-Encoding" in packed.json()["detail"]


async def test_a_parameter_of_one_value_may_be_given_once(api: httpx.AsyncClient) -> None:
    lists = {
        "/v1/logs/order": ("limit", "sort", "cursor"),
        "/v1/logs/order/MLC/1/attempts": ("limit", "cursor"),
        "/v1/dead-letters": ("limit", "cursor"),
        "/v1/reprocess": ("limit",),
        "/v1/exports": ("limit",),
        "/v1/summary": ("bucket",),
        "/v1/groups": ("limit",),
    }
    values = {"limit": "5", "sort": "processed_at", "cursor": "x", "bucket": "day"}
    for path, names in lists.items():
        for name in names:
            answer = await api.get(path, params=[(name, values[name])] * 2)
            assert answer.status_code == 422, (path, name)
            assert answer.json()["errors"] == [{"field": name, "reason": "may be given once", "allowed": None}]


async def test_no_parameter_of_one_value_is_left_out_of_that(api: httpx.AsyncClient) -> None:
    two = {"attempts_min": ["1", "2"], "date_axis": ["processed_at", "received_at"]}
    asked: list[tuple[str, str, str]] = []
    for path, methods in (await api.get("/openapi.json")).json()["paths"].items():
        if path.startswith("/v1/"):
            asked += [
                (method, path.replace("{kind}", "order").replace("{view_id}", "0" * 16), one["name"])
                for method, operation in methods.items()
                for one in operation.get("parameters", ())
                if one["in"] == "query" and one["schema"].get("type") != "array"
            ]
    assert ("get", "/v1/reprocess", "automatic") in asked
    for method, path, name in asked:
        body = {} if method in {"patch", "post", "put"} else None
        answer = await api.request(method, path, params={name: two.get(name, ["a", "b"])}, json=body)
        assert answer.status_code == 422, (method, path, name)
        assert answer.json()["errors"] == [{"field": name, "reason": "may be given once", "allowed": None}]


async def test_what_would_be_right_is_told(api: httpx.AsyncClient) -> None:
    async def allowed(path: str, body: object = None, **asked: str) -> list[str] | None:
        answer = await api.get(path, params=asked) if body is None else await api.post(path, json=body)
        assert answer.status_code == 422
        return answer.json()["errors"][0]["allowed"]

    items = [{"affiliate": "MLC", "code": "1"}]
    assert await allowed("/v1/logs/order", limit="501") == ["1", "500"]
    assert await allowed("/v1/reprocess", limit="0") == ["1", "500"]
    assert await allowed("/v1/dead-letters", limit="0") == ["1", "500"]
    assert await allowed("/v1/reprocess", nothing="0") == ["cursor", "limit", "automatic"]
    assert await allowed("/v1/reprocess", {"kind": "order", "items": items, "max_per_second": 0}) == ["1", "100000"]
    known = await allowed("/v1/reprocess", {"kind": "order", "items": items, "dryrun": True})
    assert known is not None
    assert {"kind", "items", "filter", "dry_run"} <= set(known)
    assert await allowed("/v1/reprocess", {"kind": "order", "items": [{**items[0], "sku": "1"}]}) == [
        "affiliate",
        "code",
    ]


async def test_a_correlation_id_is_echoed_when_it_is_harmless(api: httpx.AsyncClient) -> None:
    echoed = await api.get("/v1/errors", headers={"X-Request-ID": "trace-1"})
    replaced = await api.get("/v1/errors", headers={"X-Request-ID": "a" * 500})

    assert echoed.headers["x-request-id"] == "trace-1"
    assert len(replaced.headers["x-request-id"]) == 32


async def test_every_answer_carries_the_security_headers(api: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    for answer in (
        await api.get("/v1/keys/none"),
        await stranger.get("/v1/errors"),
        await stranger.get("/health/live"),
    ):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_store_that_is_away_is_503_with_retry_after(app: FastAPI) -> None:
    object.__setattr__(app.state.services, "log", Broken(StoreUnavailable("mongodb://user:pw@host is away")))
    async with client_of(app, FIRST_KEY) as client:
        answer = await client.get("/v1/logs/order")

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "mongodb" not in answer.text


async def test_a_count_that_takes_too_long_is_given_up(app: FastAPI, database: Database, account: str) -> None:
    await seed_entries(database, ({"account": account, "code": str(n)} for n in range(5000)))
    object.__setattr__(app.state.services.counts.log, "_time_limit_ms", 1)
    async with client_of(app, FIRST_KEY) as client:
        answer = await client.get("/v1/summary")

    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_our_own_mistake_tells_nothing_but_a_correlation_id(app: FastAPI) -> None:
    object.__setattr__(app.state.services, "log", Broken(RuntimeError("secret detail")))
    async with client_of(app, FIRST_KEY) as client:
        answer = await client.get("/v1/logs/order")

    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "secret" not in answer.text
    assert answer.json()["correlation_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_catalogue_speaks_the_language_asked_for(api: httpx.AsyncClient) -> None:
    async def title(accept: str = "", **asked: str) -> str:
        answer = await api.get("/v1/errors", params=asked, headers={"Accept-Language": accept} if accept else {})
        return next(item["title"] for item in answer.json()["items"] if item["code"] == "AUT-TOKEN")

    portuguese, english, spanish = await title(), await title(lang="en"), await title("es-AR,es;q=0.9,en;q=0.5")
    assert len({portuguese, english, spanish}) == 3
    assert await title("fr,en;q=0.4,pt;q=0.2") == english
    assert await title("en", lang="pt") == portuguese
    assert await title("de") == portuguese


async def test_the_schema_is_public_and_documents_every_error(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/openapi.json")

    assert answer.status_code == 200
    for path, operations in answer.json()["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/v1"):
                assert {"400", "401", "403", "422", "503"} <= set(operation["responses"]), (method, path)
                assert operation["security"], (method, path)
                for status in ("400", "422"):
                    content = operation["responses"][status]["content"]
                    assert content == {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    schemas = answer.json()["components"]["schemas"]
    assert {"Problem", "FieldErrorAnswer", "EntryPage"} <= set(schemas)


async def test_what_people_say_has_no_control_characters_and_names_can_be_seen(api: httpx.AsyncClient) -> None:
    job, view = {"kind": "order", "filter": {}}, {"name": "A", "kind": "order"}
    key = {"name": "a", "scopes": ["read"]}
    cases: tuple[tuple[str, str, dict[str, object], dict[str, str], str], ...] = (
        ("POST", "/v1/reprocess", {**job, "reason": "a\x00b"}, {}, "reason"),
        ("POST", "/v1/reprocess", {**job, "requested_by": "a\nb"}, {}, "requested_by"),
        ("POST", "/v1/exports", {"requested_by": "a\x1bb"}, {}, "requested_by"),
        ("POST", "/v1/dead-letters/replay", {"filter": {}, "requested_by": "\x00"}, {}, "requested_by"),
        ("POST", "/v1/keys", {**key, "reason": "\x00"}, {}, "reason"),
        ("POST", "/v1/keys", {**key, "name": "\u200b"}, {}, "name"),
        ("POST", "/v1/views", {**view, "name": "\u200b\u2060"}, {}, "name"),
        ("POST", "/v1/views", view, {"reason": "a\x00b"}, "reason"),
        ("PUT", "/v1/integrations/MLC", {"marketplace": "\u3164"}, {}, "marketplace"),
        ("DELETE", "/v1/exports/e-1", {}, {"reason": "\x07"}, "reason"),
        ("GET", "/v1/logs/order/MLC/1", {}, {"reveal": "true", "reason": "a\x00b"}, "reason"),
    )
    for method, path, body, asked, field in cases:
        answer = await api.request(method, path, params=asked, json=body or None)
        assert answer.status_code == 422, (path, answer.text)
        (fault,) = answer.json()["errors"]
        assert fault["field"] == field
        assert "holds" in fault["reason"], "in words, not as a pattern"


async def test_probes_are_public(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/health/live")).status_code == 200
    assert (await stranger.get("/health/ready")).json()["status"] in {"ok", "failing"}
    assert (await stranger.get("/metrics")).status_code == 404


async def test_an_encoded_address_is_counted_under_its_route(api: httpx.AsyncClient) -> None:
    route = ("ponte_query_request_seconds_count", {"route": "/v1/logs/{kind}/{affiliate}/{code}", "status": "404"})
    before = REGISTRY.get_sample_value(*route) or 0

    assert (await api.get("/v1/logs/order/MLC/a%2Fb")).status_code == 404

    assert REGISTRY.get_sample_value(*route) == before + 1


LISTS = (
    "/v1/audit",
    "/v1/dead-letters",
    "/v1/errors",
    "/v1/exports",
    "/v1/integrations",
    "/v1/keys",
    "/v1/reprocess",
    "/v1/views",
)


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_that_did_not_change_is_not_sent_again(api: httpx.AsyncClient, path: str) -> None:
    first = await api.get(path)
    again = await api.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"


async def test_one_thing_that_did_not_change_is_not_sent_again(
    api: httpx.AsyncClient, stranger: httpx.AsyncClient, database: Database, account: str
) -> None:
    letter = make_letter(account=account)
    await database[DEAD_LETTERS].insert_one(letter)
    key = (await api.post("/v1/keys", json={"name": "a", "scopes": ["read"]})).json()["id"]
    job = (await api.post("/v1/reprocess", json={"kind": "order", "filter": {}})).json()["id"]
    report = (await api.post("/v1/exports", json={"kind": "order"})).json()["id"]
    replay = (await api.post("/v1/dead-letters/replay", json={"letters": [letter["_id"]]})).json()["id"]
    mine = {
        "/v1/dead-letters/summary",
        f"/v1/dead-letters/{letter['_id']}",
        f"/v1/dead-letters/replays/{replay}",
        f"/v1/exports/{report}",
        f"/v1/keys/{key}",
        f"/v1/reprocess/{job}",
    }
    for path, client in {**dict.fromkeys(mine, api), "/openapi.json": stranger}.items():
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b""), path

    held = (await api.get(f"/v1/exports/{report}")).headers["etag"]
    await api.delete(f"/v1/exports/{report}")
    assert (await api.get(f"/v1/exports/{report}", headers={"If-None-Match": held})).status_code == 200


async def test_counts_that_did_not_change_are_not_sent_again(app: FastAPI, api: httpx.AsyncClient) -> None:
    services = app.state.services
    app.state.services = replace(services, counts=counts_of(services.counts.log))  # all of one instant
    first = await api.get("/v1/summary")
    again = await api.get("/v1/summary", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)


async def test_what_shows_personal_data_is_kept_by_nobody(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    letter = make_letter(account=account)
    await database[DEAD_LETTERS].insert_one(letter)
    why = {"reason": "ticket 7"}
    for path, asked in ((letter["_id"], {**why, "reveal": "true"}), (f"{letter['_id']}/raw", why)):
        answer = await api.get(f"/v1/dead-letters/{path}", params=asked)
        assert (answer.status_code, answer.headers["cache-control"], "etag" in answer.headers) == (
            200,
            "no-store",
            False,
        )


async def test_lists_in_pages_name_the_next_one(api: httpx.AsyncClient) -> None:
    for name in "ab":
        await api.post("/v1/keys", json={"name": name, "scopes": ["read"]})

    for path in ("/v1/keys", "/v1/audit"):
        first = await api.get(path, params={"limit": "1"})
        following = await api.get(first.links["next"]["url"])
        assert following.status_code == 200
        assert following.json()["items"] != first.json()["items"]

"""Which pages of other origins may call the API: none, until they are named; the panel never."""

import httpx
import pytest
from pydantic import ValidationError

from services.query.app import build
from services.query.settings import Settings
from tests.support.api_contract import NOWHERE

SHOP, OTHER = "https://shop.example", "https://other.example"


def client(origins: str = SHOP) -> httpx.AsyncClient:
    app = build(Settings(**NOWHERE, query_cors_origins=origins))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ponte.test")


def preflight(origin: str, method: str = "PATCH", headers: str = "authorization, if-match") -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


async def test_a_preflight_needs_no_key_and_names_what_may_be_sent() -> None:
    async with client(f" {SHOP} , http://127.0.0.1:5173") as asked:
        for origin in (SHOP, "http://127.0.0.1:5173"):
            answer = await asked.options("/v1/integrations/MLC", headers=preflight(origin))

            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == origin
            assert "PATCH" in answer.headers["access-control-allow-methods"]
            allowed = answer.headers["access-control-allow-headers"].lower()
            for name in (
                "authorization",
                "if-match",
                "idempotency-key",
                "last-event-id",
                "x-request-id",
                "content-type",
            ):
                assert name in allowed
            assert answer.headers["access-control-max-age"] == "600"


async def test_an_origin_that_is_not_named_gets_nothing() -> None:
    async with client() as asked:
        refused = await asked.options("/v1/summary", headers=preflight(OTHER))
        answered = await asked.get("/v1/summary", headers={"Origin": OTHER})

    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in answered.headers
    assert "origin" in answered.headers["vary"].lower()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (preflight(OTHER), "this origin is not named in PONTE_QUERY_CORS_ORIGINS"),
        (preflight(SHOP, "TRACE"), "one of DELETE, GET, HEAD, PATCH, POST, PUT"),
        (preflight(SHOP, headers="x-own"), "a header may be one of Accept, "),
        ({**preflight(SHOP), "Access-Control-Request-Private-Network": "true"}, "private-network"),
    ],
)
async def test_a_refused_preflight_is_a_problem_that_says_why(asked: dict[str, str], why: str) -> None:
    async with client() as front_end:
        refused = await front_end.options("/v1/summary", headers={**asked, "X-Request-ID": "trace-1"})

    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert why in refused.json()["detail"]
    assert refused.json()["correlation_id"] == refused.headers["x-request-id"] == "trace-1"
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.headers.get("access-control-allow-origin") == (None if asked["Origin"] == OTHER else SHOP)


async def test_a_preflight_is_answered_under_a_correlation_id_too() -> None:
    async with client() as asked:
        answer = await asked.options("/v1/summary", headers=preflight(SHOP, "HEAD"))

    assert (answer.status_code, len(answer.headers["x-request-id"])) == (200, 32)


async def test_caches_are_told_each_difference_once() -> None:
    async with client() as asked:
        answers = [
            await asked.request(method, path, headers=headers)
            for method, path, headers in (
                ("GET", "/v1/summary", {"Origin": SHOP}),
                ("GET", "/v1/summary", {"Origin": OTHER}),
                ("GET", "/v1/summary", {}),
                ("GET", "/openapi.json", {"Origin": SHOP}),
                ("OPTIONS", "/v1/summary", preflight(SHOP)),
                ("OPTIONS", "/v1/summary", preflight(OTHER)),
            )
        ]

    for answer in answers:
        named = [name.strip().lower() for name in answer.headers["vary"].split(",")]
        assert "origin" in named
        assert len(set(named)) == len(named), answer.headers["vary"]


async def test_a_defect_of_ours_can_be_read_by_the_front_end_too() -> None:
    app = build(Settings(**NOWHERE, query_cors_origins=SHOP))

    async def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    object.__setattr__(app.state.services, "credentials", type("Broken", (), {"find_key": fail})())
    headers = {"Origin": SHOP, "Authorization": f"Bearer {'k' * 32}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ponte.test") as asked:
        answer = await asked.get("/v1/summary", headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.json()["correlation_id"] == answer.headers["x-request-id"]


async def test_errors_can_be_read_too_with_the_headers_that_front_ends_need() -> None:
    async with client() as asked:
        answer = await asked.get("/v1/summary", headers={"Origin": SHOP})

    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SHOP
    told = answer.headers["access-control-expose-headers"].lower()
    for name in (
        "etag",
        "link",
        "location",
        "retry-after",
        "ratelimit",
        "x-request-id",
        "idempotency-replayed",
        "sunset",
    ):
        assert name in told.split(", ")


async def test_nobody_is_ever_told_to_send_cookies() -> None:
    async with client() as asked:
        answers = [
            await asked.options("/v1/summary", headers=preflight(SHOP)),
            await asked.get("/v1/summary", headers={"Origin": SHOP, "Cookie": "ponte_session=x"}),
        ]

    assert all("access-control-allow-credentials" not in answer.headers for answer in answers)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/help", "/health/live"])
async def test_pages_of_the_panel_are_not_shared(path: str) -> None:
    async with client() as asked:
        shown = await asked.get(path, headers={"Origin": SHOP})
        refused = await asked.options(path, headers=preflight(SHOP, "POST"))

    for answer in (shown, refused):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_without_the_setting_nothing_is_shared() -> None:
    async with client("") as asked:
        answer = await asked.get("/openapi.json", headers={"Origin": SHOP})
        refused = await asked.options("/v1/summary", headers=preflight(SHOP))

    assert "access-control-allow-origin" not in answer.headers
    assert "origin" not in answer.headers.get("vary", "").lower()
    assert refused.status_code in {401, 405}


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "https://shop.example, *",
        "shop.example",
        "https://shop.example/",
        "https://shop.example/app",
        "https://*.example",
        "https://Shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://user@shop.example",
        "null",
        "https://a.example,,https://b.example",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(ValidationError, match=r"origin"):
        Settings(**NOWHERE, query_cors_origins=origins)

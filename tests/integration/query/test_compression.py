"""Long answers travel compressed where the asker takes that, and mean the same as those that do not."""

import gzip

import httpx
import pytest

from shared.mongo.client import Database
from tests.support.builders import make_event
from tests.support.seed import seed_entries, seed_entry

LIST = "/v1/logs/order"
ENTRY = "/v1/logs/product/MLC/long"
LONG = (LIST, ENTRY, "/v1/errors", "/openapi.json")
NOT_TAKEN = ("", "identity", "br", "gzip;q=0", "deflate, gzip; q=0.0", "br;q=1, gzip;q=0")
TAKEN = ("gzip", "deflate, gzip;q=0.5", "GZIP", "br, gzip")


@pytest.fixture(autouse=True)
async def _rows(database: Database, account: str) -> None:
    await seed_entries(database, ({"account": account, "code": str(number)} for number in range(60)))
    told = make_event(account=account, kind="product", affiliate="MLC", code="long", payload={"text": "x" * 5000})
    await seed_entry(database, told)


async def ask(api: httpx.AsyncClient, path: str, accepted: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they travelled."""
    async with api.stream("GET", path, headers={"Accept-Encoding": accepted, **headers}) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


@pytest.mark.parametrize("path", LONG)
async def test_a_long_answer_is_compressed_for_whoever_takes_gzip(api: httpx.AsyncClient, path: str) -> None:
    _, plain = await ask(api, path, "identity")
    for accepted in TAKEN:
        answer, travelled = await ask(api, path, accepted)

        assert answer.headers["content-encoding"] == "gzip", accepted
        assert int(answer.headers["content-length"]) == len(travelled) < len(plain) / 2
        assert gzip.decompress(travelled) == plain


@pytest.mark.parametrize("path", LONG)
async def test_nobody_else_gets_it_compressed_and_caches_are_told_the_difference(
    api: httpx.AsyncClient, path: str
) -> None:
    for accepted in (*NOT_TAKEN, *TAKEN):
        answer, _ = await ask(api, path, accepted)

        assert ("content-encoding" in answer.headers) == (accepted in TAKEN), accepted
        named = [name.strip().lower() for name in answer.headers["vary"].split(",")]
        assert named.count("accept-encoding") == 1


@pytest.mark.parametrize("path", [LIST, ENTRY])
async def test_an_etag_is_good_however_the_answer_travels(api: httpx.AsyncClient, path: str) -> None:
    for first in ("gzip", "identity"):
        answer, _ = await ask(api, path, first)
        for second in ("gzip", "identity"):
            again, travelled = await ask(api, path, second, **{"If-None-Match": answer.headers["etag"]})

            assert (again.status_code, travelled) == (304, b"")
            assert again.headers["etag"] == answer.headers["etag"]
            assert "content-encoding" not in again.headers
            assert "accept-encoding" in again.headers["vary"].lower()


async def test_a_strong_etag_is_that_of_the_bytes_so_they_travel_as_they_are(api: httpx.AsyncClient) -> None:
    emails = [f"{'a' * 60}{number}@loja.com.br" for number in range(20)]
    made = await api.put("/v1/integrations/MLC", json={"marketplace": "ML", "emails": emails})
    for accepted in ("gzip", "identity"):
        answer, travelled = await ask(api, "/v1/integrations/MLC", accepted)

        assert answer.headers["etag"] == made.headers["etag"]
        assert "content-encoding" not in answer.headers
        assert int(answer.headers["content-length"]) == len(travelled) > 1024


async def test_what_the_panel_loads_travels_compressed_under_a_weak_etag(stranger: httpx.AsyncClient) -> None:
    answer, _ = await ask(stranger, "/static/panel.js", "gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["etag"].startswith("W/")
    for held in (answer.headers["etag"], answer.headers["etag"].removeprefix("W/"), "*"):
        same, travelled = await ask(stranger, "/static/panel.js", "gzip", **{"If-None-Match": held})
        assert (same.status_code, travelled) == (304, b"")


async def test_a_short_answer_is_not_worth_it(api: httpx.AsyncClient) -> None:
    answer, _ = await ask(api, "/health/live", "gzip")

    assert "content-encoding" not in answer.headers


async def test_a_long_problem_is_compressed_too(api: httpx.AsyncClient) -> None:
    answer, travelled = await ask(api, f"{LIST}?" + "&".join(f"unknown{number}=1" for number in range(100)), "gzip")

    assert (answer.status_code, answer.headers["content-encoding"]) == (422, "gzip")
    assert b"unknown99" in gzip.decompress(travelled)


async def test_a_live_stream_is_never_compressed(api: httpx.AsyncClient) -> None:
    answer, travelled = await ask(api, "/v1/stream", "gzip")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in answer.headers
    assert travelled.startswith(b": open\n")

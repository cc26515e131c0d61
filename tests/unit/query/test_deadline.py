import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.query.entrypoints.middleware.deadline import Deadline
from services.query.settings import Settings

SECONDS = 0.05
START = {"type": "http.response.start", "status": 200, "headers": []}


async def ask(app: Any, body: AsyncIterator[bytes] | None = None, *, seconds: float = SECONDS) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Deadline(app, seconds=seconds)), base_url="http://ponte.test"
    ) as client:
        return await client.request("POST" if body else "GET", "/v1/summary", content=body)


async def test_a_request_that_gets_no_answer_in_time_is_given_up() -> None:
    given_up = asyncio.Event()

    async def hang(_scope: Any, _receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
            await send(START)

    answer = await ask(hang)

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["retry-after"]) > 0
    assert "takes too long" in answer.json()["detail"]
    assert given_up.is_set()


async def test_one_that_does_not_notice_is_given_up_too() -> None:
    async def deaf(_scope: Any, _receive: Any, send: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await send(START)
        await send({"type": "http.response.body", "body": b"late"})

    assert (await ask(deaf)).status_code == 503


async def test_an_answer_that_has_begun_may_take_its_time() -> None:
    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await asyncio.sleep(2 * SECONDS)
        await send({"type": "http.response.body", "body": b"whole"})

    answer = await ask(slow)

    assert (answer.status_code, answer.content) == (200, b"whole")


async def pieces(seconds: float, number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        await asyncio.sleep(seconds)
        yield b"piece"


async def read_all(_scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    await send(START)
    await send({"type": "http.response.body", "body": body})


async def test_a_body_that_is_still_coming_may_take_its_time() -> None:
    answer = await ask(read_all, pieces(0.4, 4), seconds=1)

    assert (answer.status_code, answer.content) == (200, 4 * b"piece")


async def test_a_body_that_trickles_without_end_is_given_up() -> None:
    answer = await ask(read_all, pieces(SECONDS / 2, 1_000))

    assert answer.status_code == 503


async def test_a_body_that_stops_coming_is_given_up() -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"piece"
        await asyncio.Event().wait()

    assert (await ask(read_all, stuck())).status_code == 503


async def test_a_time_limit_of_something_else_is_not_taken_for_the_deadline() -> None:
    async def fail(*_: Any) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await ask(fail)


def test_the_deadline_lies_beyond_the_slowest_answer_that_is_allowed() -> None:
    settings = Settings(kafka_bootstrap="none:1", mongo_uri="none")  # type: ignore[arg-type]
    slowest = settings.query_summary_time_limit_ms / 1000 + settings.query_publish_seconds
    assert settings.query_request_seconds > slowest

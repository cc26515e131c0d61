import asyncio
import re
from datetime import datetime
from html import unescape
from typing import Any, Final

from shared.contracts.errors import StoreUnavailable, TooBroad
from tests.support.fakes.query import FakeCredentials, FakeLog
from tests.support.panel_over_fakes import FROM_PANEL, SETTINGS, services, visitor

READING: Final = {"Accept": "text/html", "Accept-Language": "en"}


class BrokenCredentials(FakeCredentials):
    is_away = False

    async def find_session(self, digest: str, *, now: datetime) -> Any:
        if self.is_away:
            raise StoreUnavailable("mongodb://user:password@inside is down")
        return await super().find_session(digest, now=now)


class Endless(FakeLog):
    async def list_entries(self, *_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    async def list_alike(self, *_: Any, **__: Any) -> Any:
        raise TooBroad("narrow the filter")


async def test_who_cannot_be_recognized_meanwhile_reads_a_page_too_and_its_style_is_there() -> None:
    known = BrokenCredentials()
    async with await visitor(services(credentials=known), "read") as client:
        style = re.findall(r'href="(/static/[^"]*)"', (await client.get("/help")).text)[1]
        known.is_away = True
        page = await client.get("/logs/order", headers=READING)
        part = await client.get("/logs/order/summary", headers={"X-Ponte-Fragment": "1", "Accept-Language": "en"})
        asked = await client.get("/v1/summary", headers=READING)
        styled = await client.get(style)
    for told in (page, part):
        assert (told.status_code, told.headers["Retry-After"]) == (503, "5")
        assert told.headers["Content-Type"].startswith("text/html")
        assert "Nothing is lost" in told.text
        assert "password" not in told.text
    assert "<html" not in part.text
    assert asked.headers["Content-Type"] == "application/problem+json"
    assert (styled.status_code, styled.headers["Content-Type"]) == (200, "text/css; charset=utf-8")


async def test_a_browser_reads_a_page_where_the_gate_or_a_limit_refuses() -> None:
    small = SETTINGS.model_copy(
        update={"query_max_body_bytes": 100, "query_rate_per_second": 1, "query_request_seconds": 0.05}
    )
    told: dict[int, str] = {}
    for address, data, headers in (
        ("/views", {"name": "x" * 200}, FROM_PANEL),
        ("/views", {"name": "x"}, {"Origin": "http://elsewhere.test"}),
        ("/logs/order", None, {}),
    ):
        async with await visitor(services(settings=small, log=Endless()), "read", "admin") as client:
            method = "GET" if data is None else "POST"
            first = await client.request(method, address, data=data, headers=READING | headers)
            later = await client.get("/help", headers=READING)
        for page in (first, later):
            assert page.headers["Content-Type"].startswith("text/html")
            told[page.status_code] = page.text
    assert "Too large" in told[413]
    assert "Not permitted" in told[403]
    assert "Narrow the filter" in told[503]
    assert "Too many requests" in told[429]


class Away(FakeLog):
    async def list_entries(self, *_: Any, **__: Any) -> Any:
        raise StoreUnavailable("no primary")


async def test_a_page_that_may_come_a_moment_later_offers_to_be_asked_for_again() -> None:
    asked = "/logs/order?status=error&q=a%26b"
    async with await visitor(services(log=Away()), "read", "admin") as client:
        page = await client.get(asked, headers=READING)
        absent = await client.get("/logs/order/MLC/none", headers=READING)
        sent = await client.post("/integrations/NONE/pause", data={"revision": "1"}, headers=READING | FROM_PANEL)
    assert (page.status_code, absent.status_code, sent.status_code) == (503, 404, 404)
    assert f'<a class="button is-main" href="{asked}">Try again</a>' in unescape(page.text)
    assert ">Try again<" not in absent.text + sent.text
    assert f'name="back" value="{asked}"' in unescape(page.text)  # the same page in another language
    assert 'name="back" value="/"' in sent.text


async def test_what_reads_too_much_is_told_to_be_narrowed_and_not_to_be_tried_again() -> None:
    async with await visitor(services(entries=Endless()), "read", "reprocess") as client:
        page = await client.get("/logs/order/reprocess?status=error", headers=READING)
    assert page.status_code == 503
    assert "Narrow the filter" in page.text
    assert "Try again in a few seconds" not in page.text
    assert ">Try again<" not in page.text


async def test_a_confirmed_form_that_is_sent_twice_is_one_job() -> None:
    made = services()
    async with await visitor(made, "read", "reprocess") as client:
        page = await client.get("/logs/order/reprocess?status=error", headers=READING)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        sent = [await client.post("/logs/order/reprocess/all", data=hidden, headers=FROM_PANEL) for _ in "12"]
        again = await client.get("/logs/order/reprocess?status=error", headers=READING)
    assert sent[0].headers["Location"] == sent[1].headers["Location"]
    assert len(await made.reprocesses.list_jobs("loja", limit=9)) == 1
    assert hidden["id"] not in again.text


async def test_counts_and_names_are_for_those_who_may_read() -> None:
    async with await visitor(services(), "export") as client:
        counts = await client.get("/logs/order/summary", headers=READING)
        typed = await client.get("/logs/order?typed_affiliate=Meli", headers=READING)
    assert (counts.status_code, typed.status_code) == (403, 403)

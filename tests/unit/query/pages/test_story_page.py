from html import unescape
from typing import Any

import httpx
import pytest

from services.query.handlers import telling
from shared.contracts.entries import attempt_document
from shared.contracts.records import Address
from tests.support.builders import make_event
from tests.support.fakes.query import FakeLog
from tests.support.panel_over_fakes import services, visitor
from tests.support.seed import entry_document


def told_of(*changes: dict[str, Any]) -> FakeLog:
    """Return a log in which each of `changes` is an entry of one event."""
    return FakeLog([entry_document([make_event(**one)]) for one in changes])


async def page_of(log: FakeLog, address: str, *scopes: str, **asked: Any) -> httpx.Response:
    async with await visitor(services(log=log, stories=log), *(scopes or ("read",))) as client:
        return await client.get(address, **asked)


async def test_an_id_is_typed_in_and_led_to_its_story() -> None:
    for typed, path in (
        ("SKU/1 é", "/stories/SKU%2F1%20%C3%A9"),
        (" . ", "/stories/%09."),
        ("a?b#c", "/stories/a%3Fb%23c"),
    ):
        page = await page_of(FakeLog(), "/stories", params={"id": typed})
        assert (page.status_code, page.headers["location"]) == (303, path)
    assert (await page_of(FakeLog(), "/stories")).status_code == 200
    assert (await page_of(FakeLog(), "/stories?id=%20")).status_code == 200


async def test_where_nothing_has_the_id_the_form_holds_it() -> None:
    page = await page_of(told_of({}), "/stories/%3Cb%3E%22")

    assert page.status_code == 404
    assert 'value="&lt;b&gt;&#34;"' in page.text
    assert "<b>" not in page.text


@pytest.mark.parametrize(("address", "status"), [("?cursor=made-up", 400), ("?kind=orders", 404), ("?kind=price", 404)])
async def test_what_is_wrong_with_an_address_is_a_page(address: str, status: int) -> None:
    page = await page_of(told_of({}), f"/stories/2000004567{address}")

    assert page.status_code == status
    assert "<h1" in page.text


async def test_nobody_reads_it_without_the_scope() -> None:
    for address in ("/stories", "/stories?id=1", "/stories/2000004567"):
        assert (await page_of(told_of({}), address, "export")).status_code == 403


async def test_days_are_those_of_the_visitor() -> None:
    at = "2026-11-2{}:30:00Z".format
    events = [make_event(processed_at=at(day)) for day in ("1T02", "1T03", "1T22", "2T02")]
    attempts = [attempt_document(event, Address("integration.events.order", 0, 0)) for event in events]
    log = FakeLog([entry_document(events)], attempts)
    async with await visitor(services(log=log, stories=log), "read") as client:
        for zone, days in (
            ("America/Sao_Paulo", ["21 Nov 2026", "20 Nov 2026"]),
            ("UTC", ["22 Nov 2026", "21 Nov 2026"]),
        ):
            client.cookies.set("ponte_zone", zone)
            page = await client.get("/stories/2000004567", headers={"Accept-Language": "en"})
            assert [day for day in days if f">{day}</time></h3>" in page.text] == days
            assert page.text.count("<h3>") == 2


async def test_what_a_connector_wrote_stays_text() -> None:
    hostile = "<script>alert(1)</script>"
    log = told_of(
        {"code": hostile, "aliases": {hostile: hostile}, "causes": [{"code": hostile, "message": hostile}]},
    )

    page = await page_of(log, "/stories/%3Cscript%3Ealert(1)%3C%2Fscript%3E")

    assert page.status_code == 200
    assert hostile not in page.text
    assert hostile in unescape(page.text)


async def test_a_busy_item_says_that_its_line_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_OLDER", 1)
    events = [make_event(aliases={"sku": "S"}) for _ in range(3)]
    attempts = [attempt_document(event, Address("integration.events.order", 0, 0)) for event in events]
    log = FakeLog([entry_document(events), entry_document([make_event(kind="price", aliases={"sku": "S"})])], attempts)

    page = await page_of(log, "/stories/s", headers={"Accept-Language": "en"})

    assert "too many attempts" in page.text
    assert 'href="/logs/order/MLC/2000004567#history"' in page.text


async def test_only_a_search_for_the_whole_id_of_something_leads_to_a_story() -> None:
    log = told_of({"aliases": {"ean": "789É"}}, {"code": "2000004568"})
    for typed, leads in (("789é", True), ("2000004567", True), ("789", False), ("sla", False)):
        page = await page_of(log, "/logs/order", params={"q": typed}, headers={"Accept-Language": "en"})
        assert ("See the story of" in page.text) is leads, typed

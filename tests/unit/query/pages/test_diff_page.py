import re
from html import unescape
from typing import Any

import pytest

from shared.contracts.entries import attempt_document
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.support.builders import make_event
from tests.support.fakes.query import FakeLog
from tests.support.panel_over_fakes import services, visitor
from tests.support.seed import entry_document

ITEM = "/logs/order/MLC/2000004567"
ENGLISH = {"Accept-Language": "en"}
FRAGMENT = {"X-Ponte-Fragment": "1", **ENGLISH}


def told(n: int, status: str, payload: Any, **changes: Any) -> IntegrationEvent:
    causes = [{"code": "ORD-SLA", "message": "No sla"}] if status == "error" else []
    return make_event(processed_at=f"2026-11-23T10:00:0{n}Z", status=status, causes=causes, payload=payload, **changes)


def log_of(*events: IntegrationEvent, kept: bool = True, **state: Any) -> FakeLog:
    history = [attempt_document(event, Address("t", 0, n)) for n, event in enumerate(events)] if kept else []
    document = entry_document(events)
    document["state"].update(state)
    return FakeLog([document], history)


def failing_after(before: Any, after: Any, **changes: Any) -> FakeLog:
    return log_of(told(0, "success", before), told(1, "error", after), **changes)


async def shown(log: FakeLog, path: str = f"{ITEM}/diff", **headers: str) -> str:
    """The text of a page in English, one space between words."""
    async with await visitor(services(log=log), "read") as client:
        page = await client.get(path, headers={**ENGLISH, **headers})
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    return page.text


def words_of(page: str) -> str:
    return " ".join(unescape(re.sub("<[^>]*>", " ", page)).split())


async def test_the_part_of_an_items_page_tells_each_field_before_and_after() -> None:
    before = {"items": [{"price": 10.5, "sku": "5"}], "old": True, "a/b": {"~": None}, "same": 1}
    after = {"items": [{"price": 11, "sku": 5}], "new": [1], "a/b": {"~": ""}, "same": 1}
    part = await shown(failing_after(before, after), **FRAGMENT)
    assert "<html" not in part
    rows = [words_of(row) for row in re.findall(r'<tr role="row">.*?</tr>', part, re.DOTALL)]
    assert rows == [
        "Field When it last worked Now",
        "items / 0 / price 10.5 11",
        'items / 0 / sku "5" 5',
        "old removed true",
        'a/b / ~ no value ""',
        "new new [ 1 ]",
    ]
    assert "Compared with the content of the last success" in part


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (failing_after({"n": 1}, {"n": 1}), "Nothing changed in the content."),
        (failing_after({"n": 1}, {"n": 2}, kept=False), "What changed can no longer be told"),
        (failing_after({"n": 1}, None, payload_truncated=True), "the content of now is too large to be kept"),
        (failing_after({"n": 1}, {"n": 2}, payload_masked=True), "Personal data was not stored"),
        (failing_after(None, {"n": 2}), "The whole content no value"),
        (failing_after({"n": "x" * 401}, {"n": 2}), "A value that ends with … is shortened."),
        (failing_after({}, {str(n): n for n in range(501)}), "There are more changes than these 500."),
        (log_of(told(0, "error", {})), "This item has not worked yet"),
        (log_of(told(0, "success", {})), "This item works"),
    ],
    ids=["nothing", "expired", "cut", "masked when stored", "whole", "long", "many", "never", "current"],
)
async def test_what_cannot_be_told_is_said_plainly(log: FakeLog, words: str) -> None:
    assert words in words_of(await shown(log))


async def test_changed_personal_data_is_told_and_not_shown() -> None:
    log = failing_after(
        {"email": "ana@example.com", "cpf": None}, {"email": "bia@example.com", "cpf": "529.982.247-25"}
    )
    page = await shown(log)
    assert "email changed; personal data is hidden" in words_of(page)
    assert "***.***.***-25" in page
    for personal in ("ana@", "bia@", "529.982"):
        assert personal not in page


async def test_what_others_wrote_is_text_and_what_nobody_sees_is_written_out() -> None:
    page = await shown(failing_after({"<b>": "x"}, {"<b>": "<script>\u200bx"}))
    assert "<b>" not in page
    assert "&#34;&lt;script&gt;\\u200bx&#34;" in page


@pytest.mark.parametrize(
    ("log", "is_offered"),
    [
        (failing_after({}, {}), True),
        (failing_after({}, {}, kept=False), True),
        (log_of(told(0, "success", {}), told(1, "processing", {})), True),
        (log_of(told(0, "error", {})), False),
        (log_of(told(0, "error", {}), told(1, "success", {})), False),
    ],
    ids=["failing", "expired", "processing", "never worked", "works"],
)
async def test_an_items_page_offers_it_where_the_item_worked_once_and_does_not_now(
    log: FakeLog, *, is_offered: bool
) -> None:
    page = await shown(log, f"{ITEM}?behind=/logs/order%3Fq%3D2")
    address = f"{ITEM}/diff?behind=/logs/order%3Fq%3D2"
    assert (f'data-load="{address}"' in page) is is_offered
    assert (f'<a href="{address}">Compare with the last success</a>' in page) is is_offered
    assert "/diff" not in await shown(log, f"{ITEM}/details", **FRAGMENT)


async def test_the_page_leads_back_to_the_item_and_speaks_three_languages() -> None:
    log = failing_after({"n": 1}, {"n": 2})
    for language, words in {
        "pt": "O que mudou desde o último sucesso",
        "en": "What changed since it last worked",
        "es": "Qué cambió desde el último éxito",
    }.items():
        page = await shown(log, f"{ITEM}/diff?behind=/logs/order%3Fq%3D2", **{"Accept-Language": language})
        assert f"<h1>{words}</h1>" in page
        assert f'<a href="{ITEM}?behind=/logs/order%3Fq%3D2">' in page


async def test_an_item_that_does_not_exist_has_nothing_to_compare() -> None:
    async with await visitor(services(), "read") as client:
        missing = await client.get("/logs/order/MLC/1/diff")
    assert missing.status_code == 404

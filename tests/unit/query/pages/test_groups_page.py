"""The page of root causes."""

import re
from collections.abc import Sequence
from datetime import datetime
from html import unescape
from typing import Any

import pytest

from services.query.core.integration import Integration
from services.query.entrypoints.pages.groups import BAR_HEIGHT, bars_of
from services.query.handlers.grouping import Grouped
from services.query.handlers.reading import Total
from shared.contracts.filters import LogFilter
from shared.contracts.groups import group_of
from tests.support.builders import make_event
from tests.support.fakes.query import FakeLog, FakeRegistry
from tests.support.panel_over_fakes import services, visitor
from tests.support.seed import entry_document

ENGLISH = {"Accept-Language": "en"}
NO_STOCK = group_of("order", "ORD-STOCK", "SKU 1 sem estoque")
MESSAGES = [f"SKU {n} sem estoque" for n in range(4)]


class Cut(FakeLog):
    """Has too many items to look at all of them."""

    async def list_groups(self, account: str, rows: LogFilter, *, limit: int, days: Sequence[datetime]) -> Grouped:
        found = await super().list_groups(account, rows, limit=1, days=days)
        return Grouped(found.items, Total(found.total.value, "at_least"), is_complete=False)


def shop(made: type[FakeLog] = FakeLog) -> FakeLog:
    """Four orders without stock, one of which AMZ's, and one without SLA."""
    causes = [[{"code": "ORD-STOCK", "message": message}] for message in MESSAGES]
    events: list[dict[str, Any]] = [
        {"code": str(n), "causes": cause, "affiliate": "AMZ" if n == 3 else "MLC"} for n, cause in enumerate(causes)
    ]
    return made([entry_document([make_event(**told)]) for told in [*events, {"code": "sla"}]])


async def test_a_root_cause_leads_to_its_items_and_to_the_reprocess_of_all_of_them() -> None:
    registry = FakeRegistry()
    await registry.add_integration("loja", Integration("MLC", "Mercado Livre"))
    async with await visitor(services(groups=shop(), registry=registry), "read", "reprocess") as client:
        page = await client.get("/logs/order/groups?status=error", headers=ENGLISH)
    text = unescape(page.text)

    assert page.status_code == 200
    assert "2 root causes" in text
    assert f'href="/logs/order?status=error&group={NO_STOCK}" title="SKU 2 sem estoque">sku … sem estoque</a>' in text
    assert f'href="/logs/order/reprocess?status=error&group={NO_STOCK}"' in text
    assert "4 items: sku … sem estoque" in text
    assert text.index("sku … sem estoque") < text.index("no available sla to deliver this order")
    assert "Mercado Livre" in text
    assert "today 4" in text
    assert "today at the end: 0, 0, 0, 0, 0, 0, 4" in text


async def test_whoever_may_only_read_is_offered_no_reprocess() -> None:
    async with await visitor(services(groups=shop()), "read") as client:
        page = await client.get("/logs/order/groups")
    assert "/reprocess?" not in page.text


@pytest.mark.parametrize(("kind", "words"), [("order", "is shown"), ("price", "Nothing found so far")])
async def test_what_could_not_be_looked_at_is_said(kind: str, words: str) -> None:
    async with await visitor(services(groups=shop(Cut)), "read") as client:
        page = await client.get(f"/logs/{kind}/groups", headers=ENGLISH)
    assert "There are too many items to look at all of them" in page.text
    assert words in page.text


async def test_an_empty_page_says_whether_the_filter_is_why() -> None:
    async with await visitor(services(groups=FakeLog()), "read") as client:
        for language, filtered, plain in (
            ("pt", "Nenhum item deste filtro", "a causa raiz aparece"),
            ("en", "No item under this filter", "its root cause appears"),
            ("es", "Ningún ítem de este filtro", "aparece su causa raíz"),
        ):
            headers = {"Accept-Language": language}
            assert filtered in (await client.get("/logs/order/groups?affiliate=AMZ", headers=headers)).text
            assert plain in (await client.get("/logs/order/groups", headers=headers)).text


async def test_the_list_and_its_root_causes_lead_to_one_another_under_the_same_filter() -> None:
    async with await visitor(services(groups=shop()), "read") as client:
        listed = await client.get("/logs/order?affiliate=MLC&q=2000")
        page = await client.get("/logs/order/groups?affiliate=MLC&q=2000")
        processing = await client.get("/logs/order?status=processing")
    (there,) = re.findall(r'href="(/logs/order/groups[^"]*)"', listed.text)
    assert unescape(there) == "/logs/order/groups?affiliate=MLC&q=2000"
    assert 'class="button" href="/logs/order?affiliate=MLC&amp;q=2000"' in page.text
    assert 'class="chip" href="/logs/order/groups?q=2000"' in page.text
    assert 'href="/logs/price/groups?affiliate=MLC"' in page.text
    assert "/logs/order/groups" not in processing.text  # what is under way has no causes


async def test_a_filter_that_lets_nothing_with_a_cause_pass_is_refused_in_words() -> None:
    async with await visitor(services(groups=shop()), "read") as client:
        page = await client.get("/logs/order/groups?status=processing", headers=ENGLISH)
    assert page.status_code == 422
    assert "has no causes" in page.text


async def test_of_many_a_page_shows_as_many_as_it_says_and_offers_more() -> None:
    letters = "bcdfghjklmnpqrstvwxz"
    causes = [{"code": "X", "message": f"falha {first}{second}"} for first in letters for second in "ae"]
    log = FakeLog([entry_document([make_event(code=str(n), causes=[cause])]) for n, cause in enumerate(causes)])
    async with await visitor(services(groups=log), "read") as client:
        page = await client.get("/logs/order/groups", headers=ENGLISH)
        longer = await client.get("/logs/order/groups?limit=100", headers=ENGLISH)
    assert "40 root causes" in page.text
    assert "the 30 with most items are shown" in page.text
    assert 'href="/logs/order/groups?limit=100"' in page.text
    assert "Show up to 100" not in longer.text
    assert longer.text.count('class="said"') == 40


@pytest.mark.parametrize("message", ["", "401-401-500"])
async def test_a_root_cause_whose_message_has_no_word_shows_the_title_of_its_code(message: str) -> None:
    log = FakeLog([entry_document([make_event(causes=[{"code": "ORD-SLA", "message": message}])])])
    async with await visitor(services(groups=log), "read") as client:
        page = await client.get("/logs/order/groups", headers=ENGLISH)
    assert re.findall(r'class="said"[^>]*>([^<]*)</a>', page.text) == ["No delivery option for this order"]


def test_bars_are_as_high_as_their_share_of_the_highest_and_something_is_never_nothing() -> None:
    assert bars_of([0, 1, 1000, 500]) == [0, 2, BAR_HEIGHT, BAR_HEIGHT // 2]
    assert bars_of([0, 0]) == [0, 0]

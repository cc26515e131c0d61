"""A rare mix, looked for in the real log: the panel goes on by itself for a moment, then says how far it came and how to go on.

Nothing is made smaller for the test. Among so many successes the search ends before the last one however fast the machine is: a step
counts with a quarter of its keys and looks up the place at half of the rest at most (`mongo_entry_lists.py`), and there are eight.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from deploy.local.servers import Servers
from services.query.entrypoints.pages.address import DEFAULT_PAGE_SIZE
from services.query.handlers.reading import KEYS_PER_ROW, MOST_KEYS
from services.query.handlers.searching import MAX_STEPS
from shared.mongo.client import Document, connect
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.panel_site import PanelSite, Visit, beside_the_browser
from tests.support.seed import entry_document, seed_key

pytestmark = pytest.mark.browser

SUCCESSES = (MAX_STEPS * MOST_KEYS + KEYS_PER_ROW * (DEFAULT_PAGE_SIZE + 1)) * 3 // 8
RARE = "RARE-1"
ONE_IN = 10
"""So many of the others were tried again: too many to be sorted, and none of them with success."""

OTHERS = SUCCESSES * ONE_IN // (ONE_IN - 1) + ONE_IN


@pytest.fixture(scope="module")
def crowd(site: PanelSite, servers: Servers) -> str:
    """The key of an account in which one order of many succeeded at its second attempt, before all others were processed."""
    account = f"loja-{uuid4().hex[:10]}"
    entries = site.mongo["log_entries"]
    many = others(account)
    while some := list(islice(many, 5_000)):
        entries.insert_many(some, ordered=False)
    rare = make_event(account=account, code=RARE, status="success", causes=[], processed_at="2026-11-01T12:00:00Z")
    entries.insert_one(entry_document([rare], attempts=2))
    return beside_the_browser(key_of(servers.mongo.uri, site.mongo.name, account))


def others(account: str) -> Iterator[Document]:
    kinds = [like(account, status="success", causes=[]), like(account, attempts=2)]
    for number in range(OTHERS):
        known = kinds[number % ONE_IN == 0]
        code, at = f"{number:06}", RECEIVED_AT - timedelta(seconds=number)
        yield {
            **known,
            "_id": f"{account}|order|MLC|{code}",
            "code": code,
            "ids": [code],
            "state": {**known["state"], "processed_at": at},
        }


def like(account: str, *, attempts: int = 1, **changes: Any) -> Document:
    event = make_event(account=account, aliases={}, payload=None, **changes)
    return entry_document([event], attempts=attempts)


async def key_of(uri: str, name: str, account: str) -> str:
    async with connect(uri, service="test") as client:
        return await seed_key(client[name], account, "read")


@pytest.fixture
def page(crowd: str, visit: Visit) -> Page:
    """The first page of the orders that succeeded at a second attempt or later."""
    page = visit("/sign-in?next=/logs/order?status=success%26attempts_min=2", storage_state=None)
    page.get_by_label("Chave de API").fill(crowd)
    page.get_by_role("button", name="Entrar").click()
    expect(page).to_have_url(re.compile("attempts_min=2"))
    return page


def reached(page: Page) -> datetime:
    """Return how far the page says that it looked."""
    text = page.locator(".empty [role=status]").inner_text()
    (at,) = re.findall(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", text)
    return datetime.strptime(at, "%d/%m/%Y %H:%M:%S")  # noqa: DTZ007  # two of them are compared, no more


def test_a_search_for_a_rare_mix_tells_how_far_it_came_and_its_link_goes_on_until_the_row_is_found(page: Page) -> None:
    expect(page.get_by_role("heading", name="Nada encontrado até aqui")).to_be_visible()
    expect(page.locator(".entry")).to_have_count(0)
    onward = page.get_by_role("link", name="Continuar a pesquisa")
    place = reached(page)

    with page.expect_navigation():
        onward.click()
    while onward.count():
        assert reached(page) < place  # it went on, and looked at nothing again
        place = reached(page)
        with page.expect_navigation():
            onward.click()

    expect(page.locator(".entry .expander")).to_have_text([RARE])

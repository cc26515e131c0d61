import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.live_list import LIVE, opened, store
from tests.support.panel_site import PanelSite, Visit

ROWS = "**/logs/price/rows?*"
STREAM = "**/v1/stream?*"


@pytest.fixture(autouse=True)
def as_it_was(site: PanelSite) -> Iterator[None]:
    """The shop is shared: other tests count its errors."""
    yield
    site.mongo["log_entries"].delete_many({"account": site.account, "affiliate": "LIV"})


def hold_back_rows(page: Page) -> list[Route]:
    """Keep the requests for rows, until the test lets them go."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(ROWS, hold)
    return held


def tell(page: Page, *events: tuple[str, dict[str, Any]]) -> None:
    """Let a list hear these events the next time that it opens its stream, and nothing more."""
    lines = [f"id: e{at}\nevent: {name}\ndata: {json.dumps(data)}\n\n" for at, (name, data) in enumerate(events)]
    body = "retry: 600000\n\n" + "".join(lines)
    page.route(STREAM, lambda route: route.fulfill(content_type="text/event-stream", body=body))
    switch = page.locator("[data-live] button")
    switch.click()
    switch.click()


def matching(code: str) -> tuple[str, dict[str, Any]]:
    return "changed", {"affiliate": "LIV", "code": code, "matches": True}


def test_a_row_changes_where_it_stands_when_its_item_is_processed_again(site: PanelSite, visit: Visit) -> None:
    store(site, "live-1")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-1")
    row = page.locator(".entry")
    row.locator(".expander").click()

    store(site, "live-1", status="success", causes=[], processed_at="2026-11-23T12:00:00Z")

    expect(row).to_have_class(re.compile("is-success"))
    expect(row).to_have_class(re.compile("is-renewed"))
    expect(row.locator(".details").first).to_be_visible()


def test_a_new_item_is_counted_in_a_banner_and_moves_no_row(site: PanelSite, visit: Visit) -> None:
    store(site, "live-2a")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-2")

    store(site, "live-2b", processed_at="2026-11-23T12:00:00Z")

    news = page.locator("[data-live-news]")
    expect(news).to_contain_text("1 item novo ou alterado")
    expect(page.locator(".entry")).to_have_count(1)
    news.get_by_role("link").click()
    expect(page.locator(".entry")).to_have_count(2)


def test_a_row_that_leaves_the_filter_says_so_and_stays(site: PanelSite, visit: Visit) -> None:
    store(site, "live-3")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-3&status=error")

    store(site, "live-3", status="success", causes=[], processed_at="2026-11-23T12:00:00Z")

    row = page.locator(".entry")
    expect(row).to_have_class(re.compile("is-gone"))
    expect(row).to_have_attribute("title", "Não corresponde mais ao filtro")


def test_a_row_that_leaves_while_it_is_read_again_says_so_too(site: PanelSite, visit: Visit) -> None:
    store(site, "live-5")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-5&status=error")
    row = page.locator(".entry")
    held = hold_back_rows(page)
    with page.expect_request(ROWS):
        store(site, "live-5", processed_at="2026-11-23T12:00:00Z")
    store(site, "live-5", status="success", causes=[], processed_at="2026-11-23T12:00:01Z")
    expect(row).to_have_class(re.compile("is-gone"))

    for route in held:
        route.continue_()

    expect(row).to_have_class(re.compile("is-renewed"))
    expect(row).to_have_class(re.compile("is-gone"))


def test_the_list_can_be_held_still(site: PanelSite, visit: Visit) -> None:
    store(site, "live-4")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-4")

    switch = page.locator("[data-live] button")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(switch).to_have_text("Pausado")
    store(site, "live-4", status="success", causes=[], processed_at="2026-11-23T12:00:00Z")
    expect(page.locator(".entry")).to_have_class(re.compile("is-error"))
    switch.click()

    expect(page.locator(".entry")).to_have_class(re.compile("is-success"))


def test_a_list_held_still_while_a_row_is_read_again_shows_it_when_it_lives_again(
    site: PanelSite, visit: Visit
) -> None:
    store(site, "live-6")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-6")
    row, switch = page.locator(".entry"), page.locator("[data-live] button")
    held = hold_back_rows(page)
    with page.expect_request(ROWS):
        store(site, "live-6", status="success", causes=[], processed_at="2026-11-23T12:00:00Z")
    switch.click()
    expect(switch).to_have_text("Pausado")

    with page.expect_response(ROWS):
        for route in held:
            route.continue_()
    page.evaluate("fetch('/static/mark.svg').then((answer) => answer.text())")  # what was asked for before has come
    expect(row).to_have_class(re.compile("is-error"))
    page.unroute(ROWS)
    switch.click()

    expect(row).to_have_class(re.compile("is-renewed"))


def test_a_list_that_missed_something_says_so_until_it_is_loaded_again(site: PanelSite, visit: Visit) -> None:
    store(site, "live-7")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-7")

    tell(page, ("resync", {"reason": "slow"}), matching("elsewhere-1"), matching("elsewhere-2"))

    news = page.locator("[data-live-news]")
    expect(news).to_contain_text("A lista pode ter mudado")
    page.unroute(STREAM)
    news.get_by_role("link").click()
    expect(page.locator(LIVE)).to_have_text("Ao vivo")
    expect(news).to_be_hidden()


def test_a_row_that_could_not_be_read_is_asked_for_again_and_no_longer_said_to_be_old(
    site: PanelSite, visit: Visit
) -> None:
    store(site, "live-8")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-8")
    refused: list[Route] = []

    def refuse_once(route: Route) -> None:
        refused.append(route)
        route.fulfill(status=404, content_type="text/html", body="<p>") if len(refused) == 1 else route.continue_()

    page.route(ROWS, refuse_once)
    store(site, "live-8", status="success", causes=[], processed_at="2026-11-23T12:00:00Z")
    expect(page.locator("[data-live-news]")).to_contain_text("A lista pode ter mudado")
    expect(page.locator(".entry")).to_have_class(re.compile("is-success"))
    expect(page.locator("[data-live-news]")).to_be_hidden()
    assert len(refused) == 2


def test_what_changes_elsewhere_is_counted_to_a_bound_and_told_once_for_all_that_comes_together(
    site: PanelSite, visit: Visit
) -> None:
    store(site, "live-9")
    page = opened(visit, "/logs/price?affiliate=LIV&q=live-9")
    page.evaluate(
        """() => {
          window.told = [];
          const text = document.querySelector("[data-live-text]");
          new MutationObserver(() => window.told.push(text.textContent)).observe(text, { childList: true });
        }"""
    )

    tell(page, *(matching(f"elsewhere-{at}") for at in range(1_200)))

    expect(page.locator("[data-live-news]")).to_contain_text("999+ itens")
    assert page.evaluate("window.told.length") <= 3

"""Root causes in the browser: from a list to what fails most, and from there to the reprocess of all of it."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.panel_site import Visit

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 812}}
WITHOUT_SCRIPT: dict[str, Any] = {"java_script_enabled": False}


def number(text: str) -> int:
    """Return the number that a text begins or ends with."""
    found = re.search(r"\d+", text)
    assert found is not None, text
    return int(found[0])


@pytest.mark.parametrize("options", [{}, WITHOUT_SCRIPT, PHONE], ids=["wide", "without script", "phone"])
def test_from_a_list_to_a_root_cause_and_to_the_reprocess_of_all_its_items(
    visit: Visit, options: dict[str, Any]
) -> None:
    page = visit("/logs/order?status=error", **options)
    page.get_by_role("link", name="Agrupar por causa raiz").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Causas raiz")
    rows = page.locator("tbody tr")
    counts = [number(text) for text in rows.locator(".many").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    said = rows.first.locator(".said").inner_text()

    rows.first.locator(".many").click()
    expect(page.locator(".counting strong").first).to_have_text(f"Total: {counts[0]}")
    expect(page.locator(".chips")).to_contain_text("causa raiz")

    page.go_back()
    page.get_by_role("link", name=f"Reprocessar todos os itens de: {said}").click()
    expect(page).to_have_url(re.compile(r"/logs/order/reprocess\?status=error&group=[0-9a-f]{16}$"))
    expect(page.locator("main")).to_contain_text(str(counts[0]))


def test_a_trend_is_told_in_words_to_who_does_not_see_it(visit: Visit) -> None:
    shown = visit("/logs/order/groups")
    trend = shown.get_by_role("img", name=re.compile(r"últimos sete dias, hoje no fim: \d+(, \d+){6}$")).first

    expect(trend).to_be_visible()
    expect(trend.locator("rect")).to_have_count(7)

"""Parts of a page that take the place of older ones: what the visitor had done there stays."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.live_list import opened, store
from tests.support.panel_site import PanelSite, Visit

JOB = "job-of-parts"
KEPT = "document.querySelector('#job').dataset.mark"
"""A mark on the part: it goes with the part that a fresh one takes the place of."""


@pytest.fixture(autouse=True)
def as_it_was(site: PanelSite) -> Iterator[None]:
    yield
    site.mongo["log_entries"].delete_many({"account": site.account, "affiliate": "LIV"})
    site.mongo["reprocess_requests"].delete_many({"account": site.account, "id": JOB})


def progress(site: PanelSite, sent: int, **changes: Any) -> None:
    """Let the job come so far."""
    command = {"kind": "price", "items": [{"affiliate": "LIV", "code": f"part-{at}"} for at in range(9)]}
    told = {"state": "running", "command": command, "progress": {"matched": 9, "sent": sent}, **changes}
    site.mongo["reprocess_requests"].update_one(
        {"_id": f"{site.account}|{JOB}", "account": site.account, "id": JOB},
        {"$set": told, "$setOnInsert": {"created_at": datetime.now(UTC)}},
        upsert=True,
    )


def polled(page: Page) -> None:
    """Wait until the progress was asked for twice: an answer to the first may be on its way already."""
    for _ in range(2):
        page.wait_for_event("response", lambda answer: answer.url.endswith(f"/reprocess/{JOB}"))
    page.evaluate("fetch('/static/mark.svg').then((answer) => answer.text())")


def figures(page: Page, sent: int) -> None:
    expect(page.locator(".figures")).to_contain_text(re.compile(rf"enviados?\s*{sent}"))


def test_a_progress_that_stands_still_is_left_alone_and_one_that_grows_keeps_the_focus(
    site: PanelSite, visit: Visit
) -> None:
    progress(site, 1)
    page = visit(f"/reprocess/{JOB}", timezone_id="Asia/Tokyo")
    polled(page)
    page.evaluate(f"{KEPT} = 'kept'")
    polled(page)
    assert page.evaluate(KEPT) == "kept"

    cancel = page.get_by_role("button", name="Cancelar o que falta")
    cancel.focus()
    progress(site, 2)

    figures(page, 2)
    expect(cancel).to_be_focused()
    assert page.evaluate(KEPT) is None
    progress(site, 9, state="done")
    expect(cancel).to_have_count(0)
    expect(page.locator("#job")).to_be_focused()


def test_a_progress_waits_for_a_pressed_pointer_and_its_click_counts(site: PanelSite, visit: Visit) -> None:
    progress(site, 1)
    page = visit(f"/reprocess/{JOB}")
    page.get_by_role("button", name="Cancelar o que falta").hover()
    page.mouse.down()
    progress(site, 2)
    page.wait_for_timeout(2_500)
    figures(page, 1)
    page.mouse.up()
    expect(page.get_by_text("cancelando")).to_be_visible()


def test_nothing_is_asked_while_nobody_looks(site: PanelSite, visit: Visit) -> None:
    progress(site, 1)
    page = visit(f"/reprocess/{JOB}")
    look_away(page, hidden=True)
    page.wait_for_timeout(500)  # what was under way ends
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    progress(site, 3)
    page.wait_for_timeout(2_500)
    assert asked == []
    look_away(page, hidden=False)
    figures(page, 3)


def look_away(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_chosen_row_stays_chosen_and_the_focus_on_its_control_when_the_row_is_renewed(
    site: PanelSite, visit: Visit
) -> None:
    store(site, "part-1")
    page = opened(visit, "/logs/price?affiliate=LIV&q=part-1")
    row, box = page.locator(".entry"), page.get_by_role("checkbox", name="Escolher part-1")
    box.check()
    row.locator(".expander").focus()

    store(site, "part-1", processed_at="2026-11-23T12:00:00Z")

    expect(row).to_have_class(re.compile("is-renewed"))
    expect(box).to_be_checked()
    expect(row.locator(".expander")).to_be_focused()
    expect(page.get_by_role("button", name="Reprocessar selecionados (1)")).to_be_enabled()
    row.locator(".menu > summary").click()
    copy = page.get_by_role("menuitem", name="Copiar")
    copy.focus()
    store(site, "part-1", status="warning", processed_at="2026-11-23T12:00:01Z")
    expect(row).to_have_class(re.compile("is-warning"))
    expect(copy).to_be_focused()


def test_a_chosen_row_that_no_longer_failed_is_no_longer_counted(site: PanelSite, visit: Visit) -> None:
    store(site, "part-2")
    page = opened(visit, "/logs/price?affiliate=LIV&q=part-2")
    page.get_by_role("checkbox", name="Escolher part-2").check()
    expect(page.get_by_role("button", name="Reprocessar selecionados (1)")).to_be_enabled()

    store(site, "part-2", status="success", causes=[], processed_at="2026-11-23T12:00:00Z")

    expect(page.get_by_role("button", name="Reprocessar selecionados (0)")).to_be_disabled()
    expect(page.locator(".entry .menu > summary")).to_be_focused()


def test_an_items_page_that_waits_for_an_answer_shows_it_when_it_comes(site: PanelSite, visit: Visit) -> None:
    store(site, "part-3")
    mark = {"id": JOB, "state": "sent"}
    key = {"account": site.account, "affiliate": "LIV", "code": "part-3"}
    site.mongo["log_entries"].update_one(key, {"$set": {"reprocess": mark}})
    page = visit("/logs/price/LIV/part-3?behind=/logs/price%3Fq%3Dpart")
    status = page.locator(".summary-line .status")
    expect(status).to_have_text("em reprocessamento")
    payload = page.locator("summary", has_text="Conteúdo")
    payload.click()

    site.mongo["log_entries"].update_one(key, {"$set": {"reprocess": {**mark, "state": "answered"}}})
    store(site, "part-3", status="warning", processed_at="2026-11-23T12:00:00Z")

    expect(status).to_have_text("processado com aviso")
    expect(page.get_by_role("status")).to_contain_text("part-3: processado com aviso")
    expect(payload).to_be_focused()
    expect(page.locator("[data-fold=payload]")).to_have_attribute("open", "")
    expect(page.locator("input[name=back]").last).to_have_value(re.compile(r"behind=/logs/price%3Fq%3Dpart"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2_500)
    assert asked == []

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.page_audit import findings, overflow
from tests.support.panel_site import PanelSite, Visit

pytestmark = pytest.mark.browser

NAME = "Erros “ç” & + MLC"
QUERY = "/logs/order?affiliate=MLC&status=error&q=2000&sort=code"


@pytest.fixture(autouse=True)
def no_views(site: PanelSite) -> Iterator[None]:
    yield
    site.mongo["views"].delete_many({"account": site.account})


def menu(page: Page) -> Locator:
    """The menu of views, opened."""
    page.locator(".views > summary").click()
    return page.locator(".views .menu-body")


def save(page: Page, name: str) -> None:
    body = menu(page)
    body.get_by_label("Nome da visão").fill(name)
    body.get_by_role("button", name="Salvar esta visão").click()


@pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])
def test_a_view_is_saved_found_again_opened_and_removed(site: PanelSite, visit: Visit, *, scripted: bool) -> None:
    page = visit(QUERY, java_script_enabled=scripted)
    save(page, NAME)
    expect(page.get_by_role("status").first).to_contain_text("Visão salva.")

    page.goto(f"{site.url}/logs/stock")
    page.reload()
    link = menu(page).get_by_role("link", name=NAME)
    expect(link).not_to_have_attribute("aria-current", "page")
    link.click()
    assert page.url == site.url + QUERY
    expect(page.get_by_role("searchbox")).to_have_value("2000")
    expect(menu(page).get_by_role("link", name=NAME)).to_have_attribute("aria-current", "page")

    page.locator(".views-list details > summary").click()
    page.locator(".views-list").get_by_role("button", name="Remover").click()
    expect(page.get_by_role("status").first).to_contain_text("Visão removida.")
    expect(menu(page).get_by_text("Nenhuma visão ainda")).to_be_visible()
    assert site.mongo["views"].count_documents({"account": site.account}) == 0


def test_what_became_of_a_form_is_told_once(site: PanelSite, visit: Visit) -> None:
    page = visit(QUERY)
    save(page, NAME)
    expect(page.get_by_role("status").first).to_contain_text("Visão salva.")
    expect(page).to_have_url(site.url + QUERY)
    page.reload()
    expect(page.locator(".entry")).to_have_count(1)
    expect(page.get_by_text("Visão salva.")).to_have_count(0)


def test_a_name_that_is_taken_is_told_and_nothing_is_lost(site: PanelSite, visit: Visit) -> None:
    page = visit(QUERY)
    save(page, "Minha")
    expect(page.get_by_role("status").first).to_contain_text("Visão salva.")
    save(page, "MINHA")
    expect(page.get_by_role("alert")).to_contain_text("Já existe uma visão com esse nome")
    expect(page.locator(".views .menu-body").get_by_label("Nome da visão")).to_have_value("MINHA")
    assert page.url == site.url + QUERY
    assert site.mongo["views"].count_documents({"account": site.account}) == 1


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("light", 620), ("dark", 1000), ("dark", 1280)])
def test_the_menu_is_readable_named_reachable_and_narrow(visit: Visit, scheme: str, width: int) -> None:
    page = visit(QUERY, color_scheme=scheme, viewport={"width": width, "height": 800})
    for name in ("x" * 80, "Uma visão com um nome comprido, de várias palavras, que não cabe em uma linha só"):
        save(page, name)
        expect(page.get_by_role("status").first).to_contain_text("Visão salva.")
    body = menu(page)
    body.locator("details > summary").first.click()
    expect(body.get_by_role("button", name="Remover").first).to_be_visible()
    assert findings(page) == {}
    assert overflow(page) == 0
    box = body.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_the_menu_speaks_three_languages(visit: Visit) -> None:
    for locale, words in (("en-US", "Saved views"), ("es-AR", "Vistas guardadas")):
        expect(visit("/logs/order", locale=locale).locator(".views > summary")).to_contain_text(words)

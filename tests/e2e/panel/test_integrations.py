from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.support.eventually import eventually
from tests.support.page_audit import findings, overflow
from tests.support.panel_site import PanelSite, Visit

pytestmark = pytest.mark.browser

PAGES = (
    "/integrations",
    "/integrations/SHP",
    "/integrations/AMZ",
    "/new-integration?affiliate=X",
    "/integrations/NONE",
)


OURS = {
    "AMZ": {"marketplace": "Amazon", "removed_at": datetime.now(UTC), "revision": 2},
    "NTS": {"marketplace": "Netshoes", "paused": True, "revision": 1},
    "CRF": {"marketplace": "Carrefour", "revision": 1},
}
"""Of this page's own: the service remembers the registry for two seconds, and other tests read the rows of the others."""


@pytest.fixture(autouse=True)
def registry(site: PanelSite) -> Iterator[None]:
    site.mongo["integrations"].insert_many(
        {"_id": f"{site.account}|{name}", "account": site.account, "affiliate": name, **said}
        for name, said in OURS.items()
    )
    yield
    site.mongo["integrations"].delete_many({"affiliate": {"$in": [*OURS, "CNT"]}})


def stored(site: PanelSite, affiliate: str) -> dict[str, object]:
    return dict(site.mongo["integrations"].find_one({"affiliate": affiliate}) or {})


def test_integrations_are_told_with_their_health_and_strangers_beside(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/stock")
    expect(page.locator(".entry[data-item^='X|']").first).to_contain_text("sem cadastro")
    page.get_by_role("link", name="Marketplaces").click()
    row = page.get_by_role("row", name="Mercado Livre Classic")
    expect(page.get_by_role("row", name="Netshoes")).to_contain_text("em pausa")
    expect(page.get_by_role("row", name="Shopee")).to_contain_text("sem eventos")
    expect(page.get_by_role("row", name="Amazon")).to_contain_text("removida")
    row.get_by_role("link", name="Pedidos de Mercado Livre Classic").click()
    assert page.url.endswith("/logs/order?affiliate=MLC")
    page.go_back()
    page.get_by_role("link", name="Cadastrar X").click()
    expect(page.get_by_label("Código do afiliado")).to_have_value("X")


def test_an_item_of_a_paused_integration_says_why_it_is_not_sent_again(site: PanelSite, visit: Visit) -> None:
    entries, path = site.mongo["log_entries"], "/logs/order/NTS/paused-1"
    failed = entries.find_one({"account": site.account, "kind": "order", "state.status": "error"})
    assert failed is not None
    paused = {**failed, "_id": f"{site.account}|order|NTS|paused-1", "affiliate": "NTS", "code": "paused-1"}
    entries.insert_one(paused)
    try:
        # The registry may be two seconds old.
        page = eventually(lambda: visit(path), lambda shown: shown.get_by_text("Em pausa:").count() == 1)
        expect(page.get_by_role("link", name="Netshoes")).to_have_attribute("href", "/integrations/NTS")
        expect(page.get_by_role("button", name="Reprocessar")).to_have_count(0)
    finally:
        entries.delete_one({"_id": paused["_id"]})


def register(page: Page, affiliate: str) -> None:
    page.get_by_role("link", name="Cadastrar integração").click()
    page.get_by_label("Código do afiliado").fill(affiliate)
    page.get_by_label("Marketplace", exact=True).fill("Centauro")
    page.get_by_label("E-mails para pedidos").fill("ana")
    page.get_by_role("button", name="Cadastrar").click()
    expect(page.get_by_role("alert")).to_contain_text("Corrija os campos marcados")
    expect(page.get_by_label("E-mails para pedidos")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("E-mails para pedidos").fill("ana@loja.com.br\nops@loja.com.br")
    page.get_by_role("group", name="Notícias esperadas").get_by_label("Pedidos").fill("1,5")
    page.get_by_role("button", name="Cadastrar").click()
    expect(page.get_by_role("status").first).to_contain_text("Integração cadastrada.")


@pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])
def test_an_admin_registers_changes_pauses_and_removes(site: PanelSite, visit: Visit, *, scripted: bool) -> None:
    page = visit("/integrations", java_script_enabled=scripted)
    register(page, "CNT")
    assert stored(site, "CNT")["freshness_seconds"] == {"order": 90}

    page.get_by_label("Disponibilidade mínima").fill("0")
    page.get_by_role("group", name="Tipos de item ligados").get_by_label("Rastreio").uncheck()
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_role("status").first).to_contain_text("Configuração salva.")
    page.get_by_role("button", name="Pausar").click()
    expect(page.get_by_role("status").first).to_contain_text("Integração em pausa.")
    page.get_by_role("button", name="Retomar").click()
    now = stored(site, "CNT")
    assert (now["minimum_availability"], now["kinds"]) == (0, ["order", "product", "price", "stock"])
    assert (now["paused"], now["emails"]) == (False, ["ana@loja.com.br", "ops@loja.com.br"])

    page.get_by_text("Remover", exact=True).click()
    page.get_by_role("button", name="Remover Centauro").click()
    expect(page.get_by_role("status").first).to_contain_text("Integração removida.")
    page.get_by_role("link", name="Cadastrar CNT").click()
    expect(page.get_by_label("Código do afiliado")).to_have_value("CNT")
    assert site.mongo["audit"].count_documents({"target": f"{site.account}|CNT"}) >= 5


def test_two_admins_do_not_undo_each_other(site: PanelSite, visit: Visit) -> None:
    mine, theirs = visit("/integrations/CRF"), visit("/integrations/CRF")
    theirs.get_by_label("Marketplace", exact=True).fill("Carrefour Brasil")
    theirs.get_by_role("button", name="Salvar").click()
    expect(theirs.get_by_role("status").first).to_contain_text("Configuração salva.")

    mine.get_by_label("Marketplace", exact=True).fill("Mine")
    mine.get_by_role("button", name="Salvar").click()

    expect(mine.get_by_role("alert")).to_contain_text("Outra pessoa mudou esta integração")
    expect(mine.get_by_label("Marketplace", exact=True)).to_have_value("Mine")
    expect(mine.get_by_text("O que está salvo agora")).to_be_visible()
    expect(mine.locator(".notice dd")).to_have_text(["Carrefour Brasil"])
    assert findings(mine) == {}
    assert stored(site, "CRF")["marketplace"] == "Carrefour Brasil"

    mine.get_by_role("button", name="Salvar").click()
    expect(mine.get_by_role("status").first).to_contain_text("Configuração salva.")
    expect(mine).to_have_url(f"{site.url}/integrations/CRF")
    assert stored(site, "CRF")["marketplace"] == "Mine"


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_the_pages_are_readable_named_reachable_and_narrow(
    site: PanelSite, visit: Visit, scheme: str, width: int
) -> None:
    page = visit("/integrations", color_scheme=scheme, viewport={"width": width, "height": 800})
    for path in PAGES:
        page.goto(site.url + path)
        assert findings(page) == {}, path
        assert overflow(page) == 0, path
    page.goto(f"{site.url}/new-integration")
    page.get_by_role("button", name="Cadastrar").click()
    assert findings(page) == {}


def test_what_was_typed_into_a_form_outlives_the_choice_of_another_language(site: PanelSite, visit: Visit) -> None:
    page = visit("/new-integration")
    page.get_by_label("Código do afiliado").fill("CNT")
    page.get_by_label("E-mails para pedidos").fill("ana")
    page.get_by_role("group", name="Tipos de item ligados").get_by_label("Rastreio").uncheck()
    page.get_by_role("button", name="Cadastrar").click()
    expect(page.get_by_role("alert")).to_contain_text("Corrija os campos marcados")
    page.get_by_label("Marketplace", exact=True).fill("Centauro")

    page.get_by_role("button", name="EN").click()

    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#affiliate")).to_have_value("CNT")
    expect(page.locator("#emails")).to_have_value("ana")
    expect(page.locator("#marketplace")).to_have_value("Centauro")
    expect(page.locator("[name=kinds][value=tracking]")).not_to_be_checked()
    expect(page.locator("[name=kinds][value=order]")).to_be_checked()
    page.goto(f"{site.url}/new-integration")
    expect(page.locator("#affiliate")).to_have_value("")


def test_without_a_script_no_other_language_is_offered_on_a_form_that_would_be_emptied(
    site: PanelSite, visit: Visit
) -> None:
    page = visit("/integrations", java_script_enabled=False)
    expect(page.get_by_role("button", name="EN")).to_be_visible()
    page.goto(f"{site.url}/new-integration")
    expect(page.get_by_role("button", name="EN")).to_be_hidden()


def test_the_page_speaks_three_languages(visit: Visit) -> None:
    for locale, words in (("en-US", "Marketplace integrations"), ("es-AR", "Integraciones con marketplaces")):
        expect(visit("/integrations", locale=locale).get_by_role("heading", level=1)).to_have_text(words)

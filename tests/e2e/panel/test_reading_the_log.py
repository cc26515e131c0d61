import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.page_audit import findings
from tests.support.panel_site import FAILED_ORDER, LISTING, ORDERS, SILENT_ORDER, PanelSite, Visit

pytestmark = pytest.mark.browser

TABS = {"Pedidos": "order", "Produtos": "product", "Rastreio": "tracking", "Preço": "price", "Estoque": "stock"}


def codes(page: Page, *, scripted: bool = True) -> list[str]:
    """Return the codes of the rows, once they all stand: an address changes before its page is read to the end."""
    page.wait_for_load_state("domcontentloaded")
    shown = ".expander" if scripted else "a.without-script"
    return [code.strip() for code in page.locator(f".entry {shown}").all_inner_texts()]


def ending(text: str) -> re.Pattern[str]:
    """Return the pattern of addresses that end with `text`."""
    return re.compile(re.escape(text) + "$")


def test_the_start_leads_to_the_orders_and_each_of_the_five_tabs_is_an_address(visit: Visit) -> None:
    page = visit("/")
    expect(page).to_have_url(re.compile("/logs/order$"))
    for name, kind in TABS.items():
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_url(re.compile(f"/logs/{kind}$"))
        expect(page.locator(".tabs [aria-current=page]")).to_have_text(name)


def test_a_tab_shows_the_four_columns_with_marketplace_and_local_time(page: Page) -> None:
    heads = [head.split("\n")[0].strip() for head in page.locator("thead th").all_inner_texts() if head.strip()]
    assert [re.sub(" do (pedido|SKU)$", "", head) for head in heads[:4]] == [
        "Código", "Afiliado", "Status", "Data de processamento",
    ]  # fmt: skip
    first = page.locator(".entry").first
    expect(first.locator(".code")).to_contain_text(FAILED_ORDER)
    expect(first.locator(".of-affiliate")).to_have_text("Mercado Livre Classic MLC")
    expect(first.locator(".of-status")).to_contain_text("processo com erro")
    expect(first.locator(".of-when time")).to_have_text("23/11/2026 12:30:45")
    assert "America/Sao_Paulo" in (first.locator(".of-when time").get_attribute("title") or "")


def test_times_move_to_the_zone_of_the_browser(visit: Visit) -> None:
    page = visit("/logs/order", timezone_id="Asia/Tokyo")
    first = page.locator(".entry .of-when time").first
    expect(first).to_have_text("24/11/2026 00:30:45")
    page.reload()
    expect(first).to_have_attribute("title", "24/11/2026 00:30:45 (Asia/Tokyo, UTC+09:00)")


def test_a_period_is_read_in_the_zone_that_it_is_shown_in_and_a_search_does_not_cut_it(visit: Visit) -> None:
    page = visit("/logs/order?to=2026-11-23T14:59:59.000Z", timezone_id="Asia/Tokyo")
    page.get_by_role("button", name="Filtro").click()
    page.get_by_label("De", exact=True).fill("2026-11-20T00:00")
    page.get_by_role("searchbox").fill("3001")
    page.get_by_role("searchbox").press("Enter")
    expect(page).to_have_url(
        re.compile(r"/logs/order\?q=3001&from=2026-11-20T03%3A00%3A00.000Z&to=2026-11-23T14%3A59%3A59.000Z$")
    )


def test_a_filter_lives_in_the_address_through_search_paging_and_page_size(page: Page) -> None:
    page.get_by_role("button", name="Filtro").click()
    page.get_by_label("processo com sucesso").check()
    page.get_by_label("Mercado Livre Classic").check()
    page.get_by_label("De", exact=True).fill("2026-11-20T00:00")
    page.get_by_role("button", name="Aplicar filtro").click()
    expect(page.locator(".entry.is-error")).to_have_count(0)
    for part in ("status=success", "affiliate=MLC", "from=2026-11-20T03%3A00%3A00.000Z"):
        assert part in page.url
    page.get_by_label("Por página").select_option("15")
    expect(page).to_have_url(re.compile("limit=15"))
    first = codes(page)
    assert len(first) == 15
    page.get_by_role("link", name="Próxima").first.click()
    expect(page).to_have_url(re.compile("cursor="))
    assert "status=success" in page.url
    following = codes(page)
    assert following
    assert not set(following) & set(first)
    page.get_by_role("link", name="Anterior").first.click()
    expect(page.locator(".entry .expander")).to_have_text(first)


def test_the_filter_goes_along_to_another_tab_but_what_means_nothing_there_stays_behind(visit: Visit) -> None:
    page = visit("/logs/order?affiliate=MLC&status=error&q=3001&error_code=ORD-SLA&from=2026-11-01T00:00:00Z")
    page.get_by_role("link", name="Rastreio", exact=True).click()
    expect(page).to_have_url(
        ending("/logs/tracking?affiliate=MLC&status=error&q=3001&from=2026-11-01T00%3A00%3A00.000Z")
    )
    page.get_by_role("link", name="Estoque", exact=True).click()
    expect(page).to_have_url(ending("/logs/stock?affiliate=MLC&status=error&from=2026-11-01T00%3A00%3A00.000Z"))


def test_a_search_finds_by_any_id_or_by_words_and_its_cross_brings_the_list_back(page: Page) -> None:
    box = page.get_by_role("searchbox")
    for text in ("43117720914", f"MLC-{FAILED_ORDER}"[:9], "sla deliver"):
        box.fill(text)
        box.press("Enter")
        expect(page.get_by_text("Total: 1", exact=True)).to_be_visible()
        assert codes(page) == [FAILED_ORDER]
    page.get_by_role("link", name="Limpar a busca").click()
    expect(page.get_by_text(f"Total: {ORDERS}", exact=True)).to_be_visible()


def test_an_empty_list_says_which_ids_are_searched_and_offers_a_way_back(visit: Visit) -> None:
    page = visit("/logs/order?q=nothing+has+this&status=error")
    expect(page.get_by_text("Nenhum item foi encontrado")).to_be_visible()
    expect(page.get_by_text("envio, pacote")).to_be_visible()
    page.get_by_role("link", name="Ver Pedidos sem filtro").click()
    expect(page).to_have_url(re.compile("/logs/order$"))


def test_a_search_for_an_error_offers_its_filter(visit: Visit) -> None:
    page = visit("/logs/order?q=ord-sla")
    expect(page.get_by_text("Você quis filtrar por um erro?")).to_be_visible()
    assert findings(page) == {}
    page.get_by_role("link", name="Nenhuma entrega disponível para o pedido, em Pedidos").click()
    expect(page).to_have_url(ending("/logs/order?error_code=ORD-SLA"))
    assert codes(page) == [FAILED_ORDER]


@pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])
def test_affiliates_and_error_codes_are_typed_in_any_case(visit: Visit, *, scripted: bool) -> None:
    page = visit("/logs/order?status=error", java_script_enabled=scripted)
    page.locator(".filter > summary").click()
    page.get_by_label("Outro código de afiliado").fill("mlc")
    page.get_by_label("Código do erro").fill("ord-sla")
    page.get_by_role("button", name="Aplicar filtro").click()
    expect(page).to_have_url(ending("/logs/order?affiliate=MLC&status=error&error_code=ORD-SLA"))
    assert codes(page, scripted=scripted) == [FAILED_ORDER]


def test_a_status_keeps_the_search_and_tells_no_count_of_another_list(page: Page) -> None:
    page.get_by_role("searchbox").fill("2000009")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("Total: 2", exact=True)).to_be_visible()
    page.locator(".strip").get_by_role("link", name="com erro").click()
    expect(page).to_have_url(ending("/logs/order?status=error&q=2000009"))
    expect(page.get_by_text("Total: 2", exact=True)).to_be_visible()
    expect(page.locator(".strip strong")).to_have_count(0)


@pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])
def test_the_way_back_from_an_item_leads_to_the_list_it_was_opened_from(
    site: PanelSite, visit: Visit, *, scripted: bool
) -> None:
    filtered = "/logs/order?affiliate=MLC&status=error&q=2000009051733"
    page = visit(filtered, java_script_enabled=scripted)
    if scripted:
        page.get_by_role("button", name=f"Ações de {FAILED_ORDER}").click()
        page.get_by_role("menuitem", name="Abrir a página do item").click()
    else:
        page.locator("a.without-script", has_text=FAILED_ORDER).click()
    expect(page.get_by_role("heading", name=f"Pedido {FAILED_ORDER}")).to_be_visible()
    page.get_by_role("button", name="EN", exact=False).first.click()
    page.get_by_role("link", name="Back to Orders").click()
    expect(page).to_have_url(site.url + filtered)


def test_an_address_that_does_not_exist_is_a_page(visit: Visit) -> None:
    page = visit("/logs/order/MLC/1/nothing/here")
    expect(page.get_by_role("heading", name="Não encontrado")).to_be_visible()
    assert findings(page) == {}
    page.get_by_role("link", name="Ir para o início").click()
    expect(page.locator(".tab[aria-current]")).to_have_text("Pedidos")


def test_errors_are_counted_on_each_tab_and_lead_to_the_failed_rows(page: Page) -> None:
    page.get_by_role("link", name="1 com erro em Preço").click()
    expect(page).to_have_url(re.compile(r"/logs/price\?status=error$"))
    expect(page.locator(".entry")).to_have_count(1)
    expect(page.locator(".strip [aria-current]")).to_have_text(re.compile("1\\s+com erro"))


def test_expand_all_opens_every_row_and_collapse_all_closes_them(page: Page) -> None:
    page.get_by_role("button", name="Expandir todos").click()
    expect(page.locator(".expander[aria-expanded=false]")).to_have_count(0)
    expect(page.locator(".details:visible")).to_have_count(30)
    page.get_by_role("button", name="Recolher todos").click()
    expect(page.locator(".details:visible")).to_have_count(0)


def test_a_click_on_a_row_opens_the_log_of_every_cause_with_evidence_content_and_history(page: Page) -> None:
    entry = page.locator(".entry").first
    entry.locator(".of-affiliate").click()
    expect(entry.locator(".expander")).to_have_attribute("aria-expanded", "true")
    for text in ("Nenhuma entrega disponível", "No available sla", "Pack(s): 31042", "shippingData.selectedSla",
                 "Faça uma simulação de frete", "SKU do pedido sem estoque", "43117720914", "Corrija antes de reprocessar"):  # fmt: skip
        expect(entry.get_by_text(text).first).to_be_visible()
    entry.get_by_text("Evidência").first.click()
    expect(entry.locator("pre").nth(1)).to_contain_text(LISTING)
    entry.get_by_text("Conteúdo do item").click()
    expect(entry.get_by_text('"items": [')).to_be_visible()
    entry.get_by_text("Histórico de tentativas").click()
    expect(entry.locator(".history li")).to_have_count(3)


def test_the_history_on_the_items_page_shows_what_was_exchanged_in_a_success_masked(visit: Visit) -> None:
    page = visit(f"/logs/order/MLC/{FAILED_ORDER}")
    success = page.locator(".history li", has_text="Pedido exportado")
    expect(success.locator(".what")).to_contain_text("processo com sucesso")
    expect(success.locator("pre").first).to_be_hidden()
    success.get_by_text("Evidência").click()
    expect(success.get_by_label("O que foi enviado")).to_contain_text("***@example.com")
    expect(success.get_by_label("O que o marketplace respondeu")).to_contain_text('"status": 201')
    expect(page.locator(".history").get_by_text("ORD-SLA")).to_have_count(2)


def test_a_cause_leads_by_keyboard_to_all_items_that_have_it_from_the_row_and_from_the_items_page(
    page: Page, visit: Visit
) -> None:
    entry = page.locator(".entry", has_text="NET-THROTTLE").first
    entry.locator(".expander").press("Enter")
    link = entry.get_by_role("link", name="Todos com esta causa: NET-THROTTLE, Please, wait a few minutes")
    entry.get_by_role("link", name="Ajuda sobre o erro NET-THROTTLE").focus()
    page.keyboard.press("Tab")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/logs/order\?group=[0-9a-f]{16}$"))
    expect(page.get_by_text("Total: 14", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Tirar o filtro causa raiz")).to_be_visible()
    item = visit(f"/logs/order/MLC/{FAILED_ORDER}")
    item.get_by_role("link", name="Todos com esta causa: ORD-STOCK, Order with SKU out of stock").click()
    expect(item.locator(".entry .expander")).to_have_text([FAILED_ORDER])


def test_an_error_without_message_shows_what_the_catalogue_knows(page: Page) -> None:
    entry = page.locator(f"[data-code='{SILENT_ORDER}']")
    entry.locator(".expander").click()
    expect(entry.get_by_text("O marketplace não enviou mensagem")).to_be_visible()
    expect(entry.locator(".guidance")).not_to_be_empty()


def test_the_question_mark_opens_the_help_and_gives_the_focus_back(page: Page) -> None:
    page.locator(".expander").first.click()
    mark = page.get_by_role("link", name="Ajuda sobre o erro ORD-SLA")
    mark.click()
    expect(page.get_by_role("dialog")).to_contain_text("Faça uma simulação de frete")
    expect(page.locator("#article-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(mark).to_be_focused()


def test_the_help_page_exists_for_known_and_unknown_codes(visit: Visit) -> None:
    page = visit("/help/ORD-SLA")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nenhuma entrega disponível para o pedido")
    page.get_by_role("link", name="Ver os itens com este erro em Pedidos").click()
    expect(page.locator(".entry")).to_have_count(1)
    page.goto(page.url.split("/logs")[0] + "/help/A%2FB%3Cb%3E")
    expect(page.get_by_text("O código A/B<b> não está no catálogo")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("pt-BR", ["Pedidos", "processo com erro", "Expandir todos", "Exportar para Excel", f"Total: {ORDERS}"]),
        ("en-GB", ["Orders", "Processed with error", "Expand all", "Export to Excel", "23 Nov 2026 12:30:45"]),
        ("es-AR", ["Pedidos", "proceso con error", "Expandir todos", "Exportar a Excel", "23/11/2026 12:30:45"]),
    ],
)
def test_the_panel_speaks_the_language_of_the_browser(visit: Visit, locale: str, words: list[str]) -> None:
    page = visit("/logs/order", locale=locale)
    for word in words:
        expect(page.get_by_text(word, exact=True).locator("visible=true").first).to_be_visible()


def test_a_chosen_language_is_remembered_and_keeps_the_page(visit: Visit) -> None:
    page = visit("/logs/order?status=error")
    page.get_by_role("button", name="EN").click()
    expect(page).to_have_url(re.compile("status=error"))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="Help").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Help: integration errors")


def test_reading_filtering_and_paging_need_no_script(visit: Visit) -> None:
    page = visit("/logs/order?limit=15", java_script_enabled=False)
    page.get_by_role("link", name="Próxima").first.click()
    page.get_by_role("searchbox").fill(FAILED_ORDER)
    page.get_by_role("button", name="Buscar").click()
    expect(page).to_have_url(re.compile(rf"/logs/order\?q={FAILED_ORDER}&limit=15$"))
    page.get_by_role("link", name=FAILED_ORDER, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Pedido {FAILED_ORDER}")
    expect(page.locator(".history li")).to_have_count(3)

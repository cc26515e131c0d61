"""The page of a story: how everything that has an id stands, what happened to it day by day, and the ways that lead there."""

from dataclasses import dataclass
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from deploy.local.servers import Servers
from shared.mongo.client import connect
from tests.support.builders import make_event
from tests.support.page_audit import findings, overflow
from tests.support.panel_site import HOSTILE, PanelSite, Visit, beside_the_browser
from tests.support.seed import seed_entries, seed_entry, seed_key

pytestmark = pytest.mark.browser

SKU, EAN = "SKU-31042", "7891234567895"
LONG, ABSENT = "y" * 300, "x" * 300
STORY = f"/stories/{SKU}"
SCRIPTED = pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])


@dataclass(frozen=True)
class Shop:
    """An account of its own, with a SKU in two marketplaces, an order of it and one that was told of very often; a key that may read."""

    account: str
    reader: str


@pytest.fixture(scope="module")
def shop(site: PanelSite, servers: Servers) -> Shop:
    account = f"loja-{uuid4().hex[:10]}"

    async def seeded() -> Shop:
        async with connect(servers.mongo.uri, service="test") as client:
            database = client[site.mongo.name]
            for kind, affiliate in (("product", "MLC"), ("price", "MLC"), ("price", "SHP"), ("stock", "SHP")):
                shared = {
                    "account": account,
                    "kind": kind,
                    "affiliate": affiliate,
                    "code": SKU,
                    "aliases": {"ean": EAN},
                }
                fine = {"status": "success", "causes": [], "log": {"message": "Exportado para ana@example.com"}}
                await seed_entry(
                    database,
                    make_event(**shared, processed_at="2026-11-21T01:30:00Z", **fine),
                    make_event(**shared, processed_at="2026-11-22T15:00:00Z", reprocess_id="job-1"),
                    make_event(**shared, processed_at="2026-11-22T16:00:00Z", **(fine if affiliate == "MLC" else {})),
                )
            order = make_event(account=account, code="2000001", aliases={"sku": SKU, "shipment": HOSTILE[3]})
            await seed_entry(database, order)
            await seed_entry(database, make_event(account=account, code=LONG, status="success", causes=[], aliases={}))
            many = [
                {"account": account, "kind": "stock", "code": f"{n:03}", "aliases": {"category": "shoes"}}
                for n in range(60)
            ]
            await seed_entries(database, many)
            busy = {"account": account, "kind": "stock", "code": "busy"}
            events = [make_event(**busy, processed_at=f"2026-11-22T{n % 24:02}:{n // 24:02}:00Z") for n in range(130)]
            await seed_entry(database, *events)
            return Shop(account, await seed_key(database, account, "read"))

    return beside_the_browser(seeded())


def signed_in(visit: Visit, key: str, path: str, **options: object) -> Page:
    """Return a page as the holder of `key` sees it."""
    page = visit(f"/sign-in?next={path}", storage_state=None, **options)
    page.locator("#key").fill(key)
    page.locator("main form button").click()
    page.wait_for_url(f"**{path}")
    return page


@SCRIPTED
def test_a_sku_is_told_across_tabs_and_marketplaces_day_by_day(shop: Shop, visit: Visit, *, scripted: bool) -> None:
    page = signed_in(visit, shop.reader, STORY, java_script_enabled=scripted)

    expect(page.get_by_role("heading", level=1)).to_have_text(f"História de {SKU}")
    items = page.locator(".told-items li")
    expect(items).to_have_count(5)
    expect(items.nth(0)).to_contain_text("Pedido 2000001")
    expect(items.nth(4)).to_contain_text("processo com erro")
    days = page.get_by_role("region", name="Linha do tempo").get_by_role("heading", level=3)
    expect(days).to_have_text(["23/11/2026", "22/11/2026", "20/11/2026"])  # 01:30 in UTC is the day before in São Paulo
    lines = page.locator(".history > li")
    expect(lines).to_have_count(13)
    expect(lines.nth(0)).to_contain_text("07:11:12")
    expect(page.get_by_text("estado atual")).to_have_count(5)
    expect(page.get_by_text("por reprocessamento")).to_have_count(4)
    expect(lines.nth(12)).to_contain_text("Exportado para ***@example.com")
    assert "ana@" not in page.content()
    lines.get_by_role("link", name="Estoque").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Estoque {SKU}")


def test_every_id_of_an_item_leads_to_its_story_and_from_there_to_others(shop: Shop, visit: Visit) -> None:
    page = signed_in(visit, shop.reader, "/logs/order/MLC/2000001")

    page.get_by_role("link", name="Ver a história completa").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("História de 2000001")
    expect(page.locator(".told-items li")).to_have_count(1)
    page.get_by_role("link", name=SKU).click()
    expect(page.locator(".told-items li")).to_have_count(5)
    page.get_by_role("link", name=HOSTILE[3]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"História de {HOSTILE[3]}")
    page.get_by_role("link", name="Pedido 2000001").first.click()
    page.get_by_role("link", name=SKU).click()
    expect(page.locator(".told-items li")).to_have_count(5)


def test_a_search_for_an_id_leads_to_its_story(shop: Shop, visit: Visit) -> None:
    page = signed_in(visit, shop.reader, f"/logs/price?q={EAN}")
    page.get_by_role("link", name=f"Ver a história de {EAN}").click()
    expect(page.locator(".told-items li")).to_have_count(4)

    tab = page.url.replace(f"/stories/{EAN}", "/logs")
    page.goto(f"{tab}/price?q={EAN[:6]}")
    expect(page.locator("tbody.entry")).to_have_count(2)
    expect(page.get_by_role("link", name="Ver a história")).to_have_count(0)

    page.goto(f"{tab}/tracking?q={EAN}")
    page.get_by_role("link", name=f"Procurar {EAN} em todas as abas").click()
    expect(page.locator(".told-items li")).to_have_count(4)


@SCRIPTED
def test_an_id_is_typed_in_and_one_that_nothing_has_may_be_corrected(
    shop: Shop, visit: Visit, *, scripted: bool
) -> None:
    page = signed_in(visit, shop.reader, "/stories", java_script_enabled=scripted)
    field = page.get_by_label("Pedido, SKU, EAN, envio ou outro id")
    field.fill("absent/é?")
    page.get_by_role("button", name="Ver a história").click()

    expect(page.get_by_role("heading", level=2)).to_have_text("Nada tem o id absent/é?.")
    expect(field).to_have_value("absent/é?")
    assert findings(page) == {}
    field.fill(f" {SKU.lower()} ")
    page.get_by_role("button", name="Ver a história").click()
    expect(page.locator(".told-items li")).to_have_count(5)


@SCRIPTED
def test_a_long_line_is_leafed_through(shop: Shop, visit: Visit, *, scripted: bool) -> None:
    page = signed_in(visit, shop.reader, "/stories/busy", java_script_enabled=scripted)
    newest = page.locator(".history > li").nth(0).inner_text()
    told = []
    for lines in (50, 50, 30):
        expect(page.locator(".history > li")).to_have_count(lines)
        told += page.locator(".history time").all_inner_texts()
        if lines == 50:
            before = page.url
            page.get_by_role("link", name="Próxima").first.click()
            page.wait_for_url(lambda url, before=before: url != before)
    assert len(told) == 130
    page.get_by_role("link", name="Anterior").first.click()
    expect(page.locator(".history > li")).to_have_count(50)
    page.goto(page.url.partition("?")[0])
    assert page.locator(".history > li").nth(0).inner_text() == newest


def test_what_very_many_have_says_so(shop: Shop, visit: Visit) -> None:
    page = signed_in(visit, shop.reader, "/stories/shoes")
    expect(page.get_by_text("Muitos itens têm este id; aqui estão 50 deles.")).to_be_visible()
    page.get_by_role("link", name="Só Estoque").click()
    expect(page.locator(".told-items li")).to_have_count(50)
    page.get_by_role("link", name="Ver a história completa").click()
    page.wait_for_url("**/stories/shoes")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_everybody_can_read_it(shop: Shop, visit: Visit, scheme: str, width: int) -> None:
    size = {"width": width, "height": 800}
    page = signed_in(visit, shop.reader, STORY, color_scheme=scheme, viewport=size)

    expect(page.locator(".told-items li")).to_have_count(5)
    assert findings(page) == {}
    assert overflow(page) == 0
    headings = page.locator("main :is(h1, h2, h3)").evaluate_all("found => found.map(one => Number(one.tagName[1]))")
    assert headings == [1, 2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    "path", ["/stories", "/stories/busy", "/stories/shoes", f"/stories/{LONG}", f"/stories/{ABSENT}"]
)
def test_long_and_empty_ones_fit_a_phone(shop: Shop, visit: Visit, path: str) -> None:
    page = signed_in(visit, shop.reader, path, viewport={"width": 360, "height": 800})

    expect(page.get_by_role("heading", level=1)).to_contain_text("História de")
    assert findings(page) == {}
    assert overflow(page) == 0


def test_a_search_for_a_long_id_fits_a_phone(shop: Shop, visit: Visit) -> None:
    page = signed_in(visit, shop.reader, "/stories", viewport={"width": 360, "height": 800})
    for text, name in ((LONG, "Ver a história de"), (ABSENT, "Procurar")):
        page.goto(page.url.partition("/stories")[0].partition("/logs")[0] + f"/logs/order?q={text}")
        expect(page.get_by_role("link", name=name)).to_be_visible()
        assert overflow(page) == 0

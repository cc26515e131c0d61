"""An item's page: what changed since it last worked, and what is masked, for who may see it."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from deploy.local.servers import Servers
from shared.mongo.client import connect
from tests.support.builders import make_event
from tests.support.page_audit import findings, overflow
from tests.support.panel_site import LISTING, PanelSite, Visit, beside_the_browser
from tests.support.seed import seed_entry, seed_key

pytestmark = pytest.mark.browser

ITEM = "/logs/order/MLC/broke"
EMAIL = "ana@example.com"
CHANGED = ("items / 0 / price", "note", "gift removido", "customer / email", "sku novo")
SCRIPTED = pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])


@dataclass(frozen=True)
class Shop:
    """An account of its own, with an order that worked once, and one that is sent again; a key that may see all of it, and one that may read."""

    account: str
    admin: str
    reader: str


@pytest.fixture(scope="module")
def shop(site: PanelSite, servers: Servers) -> Shop:
    account = f"loja-{uuid4().hex[:10]}"
    shared: dict[str, Any] = {"account": account, "code": "broke"}
    before = {"items": [{"price": 10.5}], "note": "y" * 500, "gift": True, "customer": {"email": "bia@example.com"}}
    after = {"items": [{"price": 11}], "note": "x" * 500, "sku": LISTING, "customer": {"email": EMAIL}}
    waits = make_event(account=account, code="waits", payload={"n": 2})
    worked = make_event(account=account, code="waits", status="success", causes=[], processed_at="2026-11-23T09:00:00Z", payload={"n": 1})  # fmt: skip
    told = [
        make_event(processed_at="2026-11-23T10:00:00Z", status="success", causes=[], payload=before, **shared),
        make_event(processed_at="2026-11-23T11:00:00Z", status="error", payload=after, **shared),
    ]

    async def seeded() -> Shop:
        async with connect(servers.mongo.uri, service="test") as client:
            database = client[site.mongo.name]
            await seed_entry(database, *told)
            await seed_entry(database, worked, waits, reprocess={"id": "job", "state": "sent"})
            keys = [await seed_key(database, account, "read", *more) for more in (("admin",), ())]
            return Shop(account, *keys)

    return beside_the_browser(seeded())


def signed_in(visit: Visit, key: str, path: str, **options: Any) -> Page:
    """Return a page as the holder of `key` sees it."""
    page = visit(f"/sign-in?next={path}", storage_state=None, **options)
    page.locator("#key").fill(key)
    page.locator("main form button").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(path.rpartition("/")[2])
    return page


@SCRIPTED
def test_what_changed_since_it_last_worked_is_asked_for_when_somebody_wants_it(
    shop: Shop, visit: Visit, *, scripted: bool
) -> None:
    page = signed_in(visit, shop.reader, ITEM, java_script_enabled=scripted)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/diff" in request.url else None)
    page.locator("summary", has_text="O que mudou desde o último sucesso").click()
    if not scripted:
        assert asked == []
        page.get_by_role("link", name="Comparar com o último sucesso").click()

    expect(page.get_by_role("row")).to_have_count(6)
    rows = page.get_by_role("row").all_inner_texts()
    for row, words in zip(rows[1:], CHANGED, strict=True):
        assert " ".join(row.split()).startswith(words)
    expect(page.get_by_role("row", name="price")).to_contain_text("10.5")
    expect(page.get_by_role("row", name="sku")).to_contain_text(LISTING)
    expect(page.get_by_text("foi encurtado")).to_be_visible()
    assert len(asked) == 1
    assert findings(page) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_comparison_and_what_is_revealed_are_readable_at_any_width(
    shop: Shop, visit: Visit, width: int, scheme: str
) -> None:
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page = signed_in(visit, shop.admin, ITEM, **look)
    for fold in ("diff", "reveal"):
        page.locator(f"[data-fold={fold}] > summary").click()
    expect(page.get_by_role("row")).to_have_count(6)
    assert (overflow(page), findings(page)) == (0, {})
    reveal(page, "chamado 7")
    assert (overflow(page), findings(page)) == (0, {})


def test_an_opened_comparison_is_made_anew_when_the_item_changes(site: PanelSite, shop: Shop, visit: Visit) -> None:
    page = signed_in(visit, shop.reader, "/logs/order/MLC/waits")
    page.locator("[data-fold=diff] > summary").click()
    expect(page.locator(".changes")).to_be_visible()
    page.evaluate("document.querySelector('.changes').classList.add('is-old')")

    answered = {"$set": {"reprocess.state": "answered"}}
    site.mongo["log_entries"].update_one({"account": shop.account, "code": "waits"}, answered)

    expect(page.locator(".summary-line")).to_contain_text("processo com erro")
    expect(page.locator(".changes:not(.is-old)")).to_be_visible()


def reveal(page: Page, reason: str) -> None:
    page.locator("#reveal-reason").fill(reason)
    page.locator("[data-fold=reveal] button").click()
    expect(page.locator("[data-fold=payload] pre")).to_contain_text(EMAIL)


@SCRIPTED
def test_an_admin_says_why_sees_what_is_masked_and_hides_it_again(
    site: PanelSite, shop: Shop, visit: Visit, *, scripted: bool
) -> None:
    page = signed_in(visit, shop.admin, ITEM, java_script_enabled=scripted)
    expect(page.locator("body")).not_to_contain_text(EMAIL)
    page.locator("summary", has_text="Mostrar os dados pessoais").click()
    with page.expect_response(lambda answer: answer.url.endswith("/revealed")) as answered:
        reveal(page, f"chamado {scripted}")
    assert answered.value.headers["cache-control"] == "no-store"
    assert page.url == f"{site.url}{ITEM}/revealed"
    expect(page.get_by_role("status").first).to_contain_text("ficou registrado na auditoria")
    lines = site.mongo["audit"].find({"account": shop.account, "reason": f"chamado {scripted}"}).sort("action")
    assert [line["action"] for line in lines] == ["attempts.revealed", "entry.revealed"]
    if scripted:
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
        expect(page.locator("body")).not_to_contain_text(EMAIL)

    page.get_by_role("link", name="Ocultar de novo").click()
    expect(page).to_have_url(site.url + ITEM)
    expect(page.locator("body")).not_to_contain_text(EMAIL)


def test_who_may_only_read_is_offered_no_look_at_personal_data(shop: Shop, visit: Visit) -> None:
    page = signed_in(visit, shop.reader, ITEM)
    expect(page.locator("[data-fold=payload]")).to_have_count(1)
    expect(page.locator("[data-fold=reveal]")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "changed", "show", "hide"),
    [
        ("pt-BR", "O que mudou desde o último sucesso", "Mostrar os dados pessoais", "Ocultar de novo"),
        ("en-US", "What changed since it last worked", "Show personal data", "Hide it again"),
        ("es-AR", "Qué cambió desde el último éxito", "Mostrar los datos personales", "Ocultarlos de nuevo"),
    ],
)
def test_it_is_told_in_three_languages(
    shop: Shop, visit: Visit, locale: str, changed: str, show: str, hide: str
) -> None:
    page = signed_in(visit, shop.admin, ITEM, locale=locale)
    expect(page.locator("summary", has_text=changed)).to_be_visible()
    page.locator("summary", has_text=show).click()
    reveal(page, "ticket 7")
    expect(page.get_by_role("link", name=hide)).to_be_visible()

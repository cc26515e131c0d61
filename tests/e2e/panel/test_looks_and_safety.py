from uuid import uuid4

import pytest
from playwright.sync_api import expect

from deploy.local.servers import Servers
from shared.mongo.client import connect
from tests.support.builders import make_event
from tests.support.page_audit import findings, overflow
from tests.support.panel_site import FAILED_ORDER, HOSTILE, NOW, PanelSite, Visit, beside_the_browser
from tests.support.seed import seed_entry, seed_key

pytestmark = pytest.mark.browser

PAGES = ("/logs/order", "/logs/order?q=nothing&status=error", f"/logs/order/MLC/{FAILED_ORDER}", "/logs/order/reprocess?status=error",
         "/logs/order/groups?status=error&affiliate=MLC", "/logs/price/groups?q=nothing", "/help", "/help/ORD-SLA", "/exports", "/imports", "/reprocess", "/logs/unknown")  # fmt: skip

LONG = "X" * 200
LONG_NAME = "A" * 64
LONG_PAGES = ("/logs/order", "/logs/order/groups", f"/logs/order/{LONG_NAME}/{LONG}", f"/logs/order/reprocess?affiliate={LONG_NAME}", "/reprocess", f"/reprocess/{LONG_NAME}",
              "/integrations", f"/integrations/{LONG_NAME}", f"/help/{LONG}")  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(site: PanelSite, servers: Servers) -> str:
    """The key of an account whose codes, names and texts are as long as they may be, without a space."""
    account = f"loja-{uuid4().hex[:10]}"
    cause = {"code": LONG_NAME, "message": LONG, "field": LONG, "evidence": {"request": LONG, "response": None}}
    told = make_event(account=account, affiliate=LONG_NAME, code=LONG, status="error", causes=[cause], aliases={LONG: LONG}, payload={LONG: LONG})  # fmt: skip
    command = {"kind": "order", "items": [{"affiliate": LONG_NAME, "code": LONG}], "reason": LONG, "requested_by": LONG}
    job = {"_id": f"{account}|{LONG_NAME}", "account": account, "id": LONG_NAME, "state": "done", "command": command, "created_at": NOW}  # fmt: skip

    async def seeded() -> str:
        async with connect(servers.mongo.uri, service="test") as client:
            database = client[site.mongo.name]
            await seed_entry(database, told)
            return await seed_key(database, account, "read", "reprocess", "admin")

    key = beside_the_browser(seeded())
    site.mongo["integrations"].insert_one(
        {"_id": f"{account}|{LONG_NAME}", "account": account, "affiliate": LONG_NAME, "marketplace": "M" * 100}
    )
    site.mongo["reprocess_requests"].insert_one(job)
    return key


def test_hostile_texts_are_shown_as_text_everywhere(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/stock")
    page.get_by_role("button", name="Expandir todos").click()
    for text in HOSTILE:
        entry = page.locator(".entry").filter(has=page.get_by_role("button", name=text, exact=True))
        expect(entry.locator(".message")).to_have_text(text)
        expect(entry.locator(".facts dd").first).to_have_text(text)
        entry.scroll_into_view_if_needed()
        expect(entry.locator(".more")).to_be_attached()
    assert page.locator("main script, main img, main b, main iframe").count() == 0


def test_an_entry_with_a_hostile_code_has_a_page_of_its_own(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/stock")
    links = page.locator(".entry[data-item^='X|'] a.menu-item")
    addresses = links.evaluate_all("(found) => found.map((link) => link.href)")
    assert len(addresses) == len(HOSTILE)
    for address, text in zip(addresses, HOSTILE, strict=True):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Estoque {text}")


@pytest.mark.parametrize("code", [".", ".."])
def test_an_item_whose_code_a_browser_takes_for_a_step_of_a_path_opens(
    site: PanelSite, visit: Visit, code: str
) -> None:
    entries = site.mongo["log_entries"]
    failed = entries.find_one({"account": site.account, "kind": "order", "state.status": "error"})
    assert failed is not None
    stepping = {**failed, "_id": f"{site.account}|order|..|{code}", "affiliate": "..", "code": code}
    entries.insert_one(stepping)
    try:
        page = visit("/logs/order?affiliate=..")
        page.get_by_role("button", name=code, exact=True).click()
        expect(page.locator(".entry .more")).to_be_attached()
        page.goto(page.locator(".entry a.menu-item").first.evaluate("(link) => link.href"))
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Pedido {code}")
        page.get_by_role("button", name="EN").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Order {code}")
    finally:
        entries.delete_one({"_id": stepping["_id"]})


def test_a_hostile_search_is_shown_as_text_and_survives_special_characters(visit: Visit) -> None:
    page = visit("/logs/order")
    for text in ('"><script>alert(9)</script>', "a&b=c#d%2B+e", "çãé 漢字 😀"):
        page.get_by_role("searchbox").fill(text)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Nenhum item foi encontrado")).to_be_visible()
        expect(page.get_by_role("searchbox")).to_have_value(text)


def test_the_policy_forbids_inline_code_and_strangers_frames(site: PanelSite, visit: Visit) -> None:
    page = visit("/sign-in")
    policy = page.request.get(f"{site.url}/logs/order").headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert rule in policy
    assert "unsafe" not in policy


def test_static_files_are_kept_for_ever_under_their_hash_and_asked_for_again_without(
    site: PanelSite, visit: Visit
) -> None:
    page = visit("/logs/order")
    address = page.locator("link[rel=stylesheet]").first.get_attribute("href")
    kept = page.request.get(f"{site.url}{address}")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    bare = page.request.get(f"{site.url}/static/panel.js")
    assert bare.headers["cache-control"] == "no-cache"
    same = page.request.get(f"{site.url}/static/panel.js", headers={"If-None-Match": bare.headers["etag"]})
    assert same.status == 304


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_readable_named_and_reachable(site: PanelSite, visit: Visit, scheme: str) -> None:
    page = visit("/help/ORD-SLA", color_scheme=scheme)
    for path in PAGES:
        page.goto(site.url + path)
        assert findings(page) == {}, path
    page.goto(f"{site.url}/logs/order")
    page.get_by_role("button", name="Expandir todos").click()
    page.get_by_role("button", name="Filtro").click()
    assert findings(page) == {}


def test_a_phone_shows_cards_without_sideways_scrolling(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/order", viewport={"width": 360, "height": 800}, has_touch=True)
    for path in PAGES:
        page.goto(site.url + path)
        assert overflow(page) == 0, path
    page.goto(f"{site.url}/logs/order")
    page.get_by_role("button", name="Expandir todos").click()
    page.locator(".rest").first.scroll_into_view_if_needed()
    expect(page.locator(".more").first).to_be_attached()
    assert overflow(page) == 0
    assert findings(page) == {}


@pytest.mark.parametrize("width", [375, 1280])
def test_texts_without_a_space_are_broken_where_the_page_ends(
    site: PanelSite, unbroken: str, visit: Visit, width: int
) -> None:
    page = visit("/sign-in", storage_state=None, viewport={"width": width, "height": 800})
    page.get_by_label("Chave de API").fill(unbroken)
    page.get_by_role("button", name="Entrar").click()
    expect(page.locator(".entry")).to_have_count(1)
    for path in LONG_PAGES:
        page.goto(site.url + path)
        for fold in page.locator("main details:not(.menu)").all():
            fold.evaluate("(fold) => (fold.open = true)")
        assert overflow(page) == 0, path
        assert findings(page) == {}, path
    page.goto(f"{site.url}/logs/order")
    page.get_by_role("button", name="Expandir todos").click()
    page.locator(".rest").scroll_into_view_if_needed()
    expect(page.locator(".more")).to_be_attached()
    assert overflow(page) == 0


@pytest.mark.parametrize("width", [720, 896, 935, 976, 977, 1024])
def test_a_list_is_no_wider_than_a_tablet(visit: Visit, width: int) -> None:
    page = visit("/logs/order", viewport={"width": width, "height": 800})
    expect(page.locator(".log .row").first).to_be_visible()
    assert overflow(page) == 0


def test_what_is_chosen_stands_out_where_the_system_gives_all_colours(visit: Visit) -> None:
    page = visit("/logs/order?status=error", forced_colors="active")
    looks = "(one) => [getComputedStyle(one).outlineStyle, getComputedStyle(one).borderBottomColor].join()"
    for chosen in (".tabs li.is-current", ".strip a[aria-current]", ".sections a[aria-current]", ".languages [aria-pressed=true]"):  # fmt: skip
        element = page.locator(chosen)
        others = element.evaluate(f"(one) => [...one.parentElement.children].filter((other) => other !== one && other.localName === one.localName).map({looks})")  # fmt: skip
        assert element.evaluate(looks) not in others, chosen


def test_the_first_tab_stop_skips_to_the_content(visit: Visit) -> None:
    page = visit("/logs/order")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Ir para o conteúdo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from services.query.core.permissions import SCOPES
from tests.support.page_audit import findings, overflow
from tests.support.panel_site import HOSTILE, NOW, PanelSite, Visit

pytestmark = pytest.mark.browser

SECRET = re.compile(r"ponte_[\w-]{43}")


def make_key(page: Page, name: str) -> str:
    """Make a key and return its secret."""
    page.get_by_role("link", name="Criar chave").click()
    page.get_by_role("checkbox", name="Ver", exact=True).uncheck()
    page.get_by_role("button", name="Criar").click()
    expect(page.get_by_role("alert")).to_contain_text("Corrija os campos marcados")
    expect(page.get_by_label("Nome")).to_have_attribute("aria-invalid", "true")
    assert findings(page) == {}
    page.get_by_label("Nome").fill(name)
    page.get_by_role("checkbox", name="Ver", exact=True).check()
    page.get_by_label("Motivo").fill("para a vitrine")
    page.get_by_role("button", name="Criar").click()
    return secret_on(page)


def secret_on(page: Page) -> str:
    expect(page.get_by_role("heading", name="Chave criada")).to_be_visible()
    found = SECRET.search(page.locator("pre").inner_text())
    assert found is not None
    return found[0]


def status_of(site: PanelSite, page: Page, secret: str) -> int:
    answer = page.request.get(
        f"{site.url}/v1/logs/order?limit=1", headers={"Authorization": f"Bearer {secret}", "Cookie": ""}
    )
    return answer.status


@pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])
def test_an_admin_makes_replaces_and_revokes_a_key(site: PanelSite, visit: Visit, *, scripted: bool) -> None:
    name = f"vitrine {uuid4().hex[:6]}"
    page = visit("/logs/order", java_script_enabled=scripted)
    page.get_by_role("link", name="Chaves").click()
    first = make_key(page, name)
    assert status_of(site, page, first) == 200
    assert findings(page) == {}
    expect(page.get_by_role("button", name="Copiar")).to_have_count(1 if scripted else 0)

    page.get_by_role("link", name="Todas as chaves").click()
    expect(page.get_by_role("row", name=name)).to_contain_text(f"{first[:12]}…")
    expect(page.locator("main")).not_to_contain_text(first)
    page.get_by_role("link", name=name).click()
    page.get_by_text("Trocar por uma nova", exact=True).click()
    page.get_by_label("A chave antiga ainda vale").select_option("nem mais um momento")
    page.get_by_role("button", name=f"Trocar {name}").click()
    second = secret_on(page)
    assert [status_of(site, page, secret) for secret in (first, second)] == [401, 200]

    page.get_by_role("link", name="Todas as chaves").click()
    page.get_by_role("row", name=name).filter(has_text="ativa").get_by_role("link", name=name).click()
    page.get_by_text("Revogar", exact=True).click()
    assert findings(page) == {}
    page.get_by_role("textbox", name="Motivo").fill("vazou")
    page.get_by_role("button", name=f"Revogar {name}").click()
    expect(page.get_by_role("status").first).to_contain_text("Chave revogada.")
    assert status_of(site, page, second) == 401

    page.get_by_role("link", name="O que foi feito com ela").click()
    line = page.get_by_role("row", name="Revogou uma chave")
    expect(line).to_contain_text("vazou")
    expect(line).to_contain_text("pelo painel")


@pytest.mark.parametrize("scripted", [True, False], ids=["with scripts", "without"])
def test_the_audit_is_narrowed_and_leads_to_what_was_seen(site: PanelSite, visit: Visit, *, scripted: bool) -> None:
    mark = uuid4().hex[:12]
    said = {"account": site.account, "key_id": mark, "key_name": HOSTILE[0], "by_session": False, "request_id": mark}
    seen = f"{site.account}|stock|X|{HOSTILE[3]}"
    site.mongo["audit"].insert_many(
        {**said, "_id": f"{mark}{n}", "at": NOW, "action": action, "target": target, "reason": HOSTILE[1]}
        for n, (action, target) in enumerate((("entry.revealed", seen), ("view.created", mark)))
    )
    page = visit("/logs/order", java_script_enabled=scripted)
    page.get_by_role("link", name="Auditoria").click()
    page.get_by_label("Por quem").fill(mark)
    page.get_by_role("button", name="Aplicar filtro").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.url == f"{site.url}/audit?actor={mark}"
    page.get_by_label("O que foi feito").select_option("Viu dados pessoais do item")
    page.get_by_label("De ·").fill("2026-11-23T12:30")
    page.get_by_role("button", name="Aplicar filtro").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(HOSTILE[1])
    expect(page.get_by_label("De ·")).to_have_value("2026-11-23T12:30")
    assert findings(page) == {}
    page.locator("tbody").get_by_role("link", name=f"Estoque {HOSTILE[3]} · X", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Estoque {HOSTILE[3]}")


@pytest.fixture
def unbroken(site: PanelSite) -> Iterator[str]:
    """The id of a key whose name, like all that was done with it, is as long as it may be, without a space."""
    key_id, long = uuid4().hex, "X" * 100
    site.mongo["api_keys"].insert_one(
        {
            "_id": key_id,
            "account": site.account,
            "hash": uuid4().hex,
            "name": long,
            "scopes": list(SCOPES),
            "prefix": "ponte_abcdef",
            "created_at": NOW,
            "created_by": long,
        }
    )
    site.mongo["audit"].insert_one(
        {
            "_id": key_id,
            "account": site.account,
            "at": NOW,
            "action": "entry.revealed",
            "target": f"{site.account}|order|{'A' * 64}|{long * 3}",
            "key_id": key_id,
            "key_name": long,
            "by_session": True,
            "reason": long * 5,
            "request_id": long,
        }
    )
    yield key_id
    site.mongo["api_keys"].delete_one({"_id": key_id})
    site.mongo["audit"].delete_one({"_id": key_id})


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_the_pages_are_readable_named_reachable_and_narrow(
    site: PanelSite, unbroken: str, visit: Visit, scheme: str, width: int
) -> None:
    page = visit("/keys", color_scheme=scheme, viewport={"width": width, "height": 800})
    for path in ("/keys", "/new-key", f"/keys/{unbroken}", "/keys/none", "/audit", f"/audit?actor={unbroken}&actor=x"):
        page.goto(site.url + path)
        for fold in page.locator("main details").all():
            fold.evaluate("(fold) => (fold.open = true)")
        assert findings(page) == {}, path
        assert overflow(page) == 0, path


def test_the_pages_speak_three_languages(visit: Visit) -> None:
    for locale, keys, audit in (("en-US", "API keys", "Audit"), ("es-AR", "Claves de API", "Auditoría")):
        page = visit("/keys", locale=locale)
        expect(page.get_by_role("heading", level=1)).to_have_text(keys)
        page.get_by_role("link", name=audit, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(audit)

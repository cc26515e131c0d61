import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.eventually import eventually
from tests.support.letters import make_letter
from tests.support.panel_site import HOSTILE, LISTING, PanelSite, Visit

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def letters(site: PanelSite) -> Iterator[None]:
    """Six open letters of the visitor's account, one of them hostile, one not text, one replayed; one of another account."""
    kept = [make_letter(account=site.account, offset=number, seconds=number) for number in range(3)]
    note = f"{LISTING}{''.join(HOSTILE)}\u202egpj\x01"
    hostile = json.dumps({"note": note}, ensure_ascii=False).encode()
    kept.append(make_letter(account=site.account, offset=3, seconds=9, value=hostile, error_class="Empty"))
    kept.append(make_letter(account=site.account, offset=7, seconds=8, value=b"\xff secret", error_class="NotUtf8"))
    kept.append(make_letter(account=site.account, offset=4, error_class="UnknownAccount", headers=(("x", b"<b>"),)))
    kept.append(make_letter(account=site.account, offset=5, state="replayed"))
    kept.append(make_letter(account="vizinha", offset=6, error_class="SegredoDaVizinha"))
    site.mongo["dead_letters"].insert_many(kept)
    yield
    site.mongo["dead_letters"].delete_many({})
    site.mongo["audit"].delete_many({})
    site.mongo["replay_requests"].delete_many({})


def job_of(site: PanelSite) -> dict[str, object]:
    found = eventually(lambda: site.mongo["replay_requests"].find_one({"account": site.account}))
    return dict(found["command"])


def test_refused_messages_are_told_in_words_and_open_as_harmless_text(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/order")
    page.get_by_role("link", name="Recusadas").click()
    expect(page.get_by_role("heading", name="Mensagens recusadas")).to_be_visible()
    expect(page.locator(".entry")).to_have_count(7)
    expect(page.locator("body")).not_to_contain_text("SegredoDaVizinha")
    entry = page.locator(".entry").first
    entry.get_by_role("button", name="Mensagem vazia").click()
    expect(entry.locator(".details")).to_contain_text("O que fazer: O conteúdo tem zero letras")
    expect(entry.locator("pre").first).to_contain_text(f"{LISTING}{HOSTILE[0]}")
    expect(entry.locator("pre").first).to_contain_text("\\u202egpj\\u0001")
    expect(entry.locator(".details")).to_contain_text("integration.events.order[0]@3")
    assert download_from(entry, page).startswith(b'{"note": "')
    other = page.locator(".entry").nth(1)
    other.get_by_role("button", name="Texto que não é UTF-8").click()
    expect(other.locator(".details")).to_contain_text("não há como mascarar dados pessoais nele")
    expect(other.locator(".details")).not_to_contain_text("secret")
    assert download_from(other, page) == b"\xff secret"
    lines = list(site.mongo["audit"].find({"action": "dead_letter.revealed"}))
    assert [line["reason"] for line in lines] == ["chamado 7", "chamado 7"]


def download_from(place: Locator, page: Page) -> bytes:
    place.get_by_label("Por que você precisa do original?").fill("chamado 7")
    with page.expect_download() as download:
        place.get_by_role("button", name=re.compile("Baixar o original")).click()
    assert download.value.suggested_filename.endswith(".bin")
    return download.value.path().read_bytes()


def test_one_and_chosen_letters_are_sent_back(site: PanelSite, visit: Visit) -> None:
    page = visit("/dead-letters?state=open&error_class=InvalidJson")
    expect(page.get_by_role("button", name="Reenviar selecionadas (0)")).to_be_disabled()
    for box in page.get_by_role("checkbox", name=re.compile("integration.events.order:0:[01]:")).all():
        box.check()
    page.get_by_role("button", name="Reenviar selecionadas (2)").click()
    expect(page.get_by_role("status").first).to_contain_text("Reenvio pedido.")
    assert len(job_of(site)["letters"]) == 2  # type: ignore[arg-type]
    assert "error_class=InvalidJson" in page.url
    site.mongo["replay_requests"].delete_many({})
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("Reenviar integration.events.order:0:2:")).click()
    assert [re.sub(":[^:]*$", "", one) for one in job_of(site)["letters"]] == ["integration.events.order:0:2"]  # type: ignore[attr-defined]


def test_all_of_a_content_is_copied(site: PanelSite, visit: Visit) -> None:
    value = b'\n{\n  "account": "loja",\n  "kind": "order",\n  "code": "1"\n'
    site.mongo["dead_letters"].insert_one(make_letter(account=site.account, offset=9, seconds=20, value=value))
    site.mongo["dead_letters"].insert_one(make_letter(account=site.account, offset=8, seconds=10, value=value[1:]))
    page = visit("/dead-letters")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for number, written in enumerate((value, value[1:])):
        entry = page.locator(".entry").nth(number)
        entry.locator(".expander").click()
        entry.get_by_role("button", name="Copiar").first.click()
        expect(page.locator(".toast")).to_have_count(number + 1)
        assert page.evaluate("navigator.clipboard.readText()") == written.decode()


def confirm_all(page: Page) -> None:
    page.get_by_role("link", name="Reenviar todas deste filtro…").click()
    expect(page.locator("main")).to_contain_text("3 mensagens serão reenviadas aos seus tópicos.")
    page.get_by_role("button", name="Reenviar 3 mensagens").click()
    expect(page.get_by_role("heading", name="Reenvio de mensagens recusadas")).to_be_visible()


def test_all_of_a_filter_go_back_after_a_look_at_how_many(site: PanelSite, visit: Visit) -> None:
    page = visit("/dead-letters?error_class=InvalidJson")
    confirm_all(page)
    assert job_of(site)["filter"] == {"error_class": ["InvalidJson"]}
    site.mongo["replay_requests"].update_one(
        {"account": site.account}, {"$set": {"state": "done", "progress": {"matched": 3, "sent": 3, "failed": 0}}}
    )
    expect(page.locator("#replay .state")).to_have_text("concluído")


def test_the_page_works_without_a_script_and_speaks_three_languages(site: PanelSite, visit: Visit) -> None:
    page = visit("/dead-letters", java_script_enabled=False)
    page.locator(".entry").get_by_role("link", name="Conta não aceita").click()
    download_from(page.locator("main"), page)
    page.goto(f"{site.url}/dead-letters?error_class=InvalidJson")
    confirm_all(page)
    assert job_of(site)["filter"] == {"error_class": ["InvalidJson"]}
    for locale, words in (("en-US", "Account not taken"), ("es-AR", "Cuenta no aceptada")):
        told = visit("/dead-letters?error_class=UnknownAccount", locale=locale)
        expect(told.locator(".entry")).to_contain_text(words)

import re
from typing import Any

import pytest
from gridfs import GridFSBucket
from playwright.sync_api import Locator, Page, expect

from shared.contracts.names import EXPORT_FILES
from tests.support.eventually import eventually
from tests.support.panel_site import PanelSite, Visit

pytestmark = pytest.mark.browser


def row(page: Page, code: str) -> Locator:
    return page.locator(f".entry[data-code='{code}']")


def newest(site: PanelSite, collection: str) -> dict[str, Any]:
    return eventually(lambda: site.mongo[collection].find_one({"account": site.account}, sort=[("created_at", -1)]))


def answer(site: PanelSite, code: str, kind: str, job: dict[str, Any], **state: Any) -> None:
    site.mongo["log_entries"].update_one(
        {"account": site.account, "kind": kind, "code": code},
        {
            "$set": {
                "reprocess": {"id": job["id"], "state": "answered"},
                **{f"state.{key}": state[key] for key in state},
            }
        },
    )


def test_reprocess_by_keyboard_alone_shows_the_row_under_way_and_then_its_answer(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/tracking")
    entry = row(page, "3100")
    button = entry.get_by_role("button", name="Ações de 3100")
    button.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Reprocessar")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Abrir a página do item")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(entry.locator(".of-status")).to_have_text("em reprocessamento")
    expect(page.get_by_role("status")).to_contain_text("Reprocessamento de 3100 pedido.")
    job = newest(site, "reprocess_requests")
    assert job["command"]["kind"] == "tracking"
    assert job["command"]["items"] == [{"affiliate": "MLC", "code": "3100"}]
    answer(site, "3100", "tracking", job, status="success", causes=[])
    expect(entry.locator(".of-status")).to_have_text("processo com sucesso", timeout=10_000)
    expect(page.get_by_role("status")).to_contain_text("3100: processo com sucesso")
    expect(entry.get_by_role("checkbox")).to_have_count(0)


def test_chosen_rows_are_one_job_and_a_reload_still_shows_them_under_way(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/order?status=warning")
    send = page.get_by_role("button", name="Reprocessar selecionados (0)")
    expect(send).to_be_disabled()
    codes = page.locator(".entry .expander").all_inner_texts()[:2]
    for code in codes:
        page.get_by_role("checkbox", name=f"Escolher {code.strip()}", exact=True).check()
    page.get_by_role("button", name="Reprocessar selecionados (2)").click()
    expect(page.locator(".entry.is-waiting")).to_have_count(2)
    job = newest(site, "reprocess_requests")
    assert [item["code"] for item in job["command"]["items"]] == [code.strip() for code in codes]
    mark = {"id": job["id"], "state": "sent"}
    site.mongo["log_entries"].update_many(
        {"account": site.account, "code": {"$in": [code.strip() for code in codes]}}, {"$set": {"reprocess": mark}}
    )
    page.reload()
    expect(page.locator(".entry.is-waiting")).to_have_count(2)


def test_a_retry_without_answer_is_told_and_may_be_repeated(site: PanelSite, visit: Visit) -> None:
    site.mongo["log_entries"].update_one(
        {"account": site.account, "kind": "price", "code": "3100"},
        {"$set": {"reprocess": {"id": "x", "state": "unknown"}}},
    )
    entry = row(visit("/logs/price"), "3100")
    expect(entry.locator(".of-status")).to_contain_text("processo com erro")
    expect(entry.locator(".of-status")).to_contain_text("sem resposta do conector")
    expect(entry.get_by_role("checkbox")).to_be_visible()


def test_the_product_tab_says_reprocess_sku_and_works_without_a_script(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/product", java_script_enabled=False)
    row(page, "3100").locator(".menu summary").click()
    row(page, "3100").get_by_role("button", name="Reprocessar SKU").click()
    expect(page.get_by_text("Reprocessamento pedido.")).to_be_visible()
    expect(row(page, "3100").locator(".of-status")).to_have_text("em reprocessamento")
    page.get_by_role("link", name="Acompanhar").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Produtos · 1 item escolhido: MGZ 3100")
    page.get_by_role("button", name="Cancelar o que falta").click()
    expect(page.get_by_text("cancelado")).to_be_visible()
    assert newest(site, "reprocess_requests")["state"] == "cancelled"


def test_all_of_a_filter_is_confirmed_with_numbers_before_anything_is_sent(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/order?status=error&status=success&affiliate=MLC")
    page.get_by_role("link", name="Reprocessar todos deste filtro…").click()
    expect(page.get_by_role("term").filter(has_text="não está com erro")).to_be_visible()
    eligible = site.mongo["log_entries"].count_documents(
        {"account": site.account, "kind": "order", "affiliate": "MLC", "state.status": "error"}
    )
    page.get_by_label("Motivo (opcional)").fill("token renovado")
    before = site.mongo["reprocess_requests"].count_documents({"account": site.account})
    page.get_by_role("button", name=re.compile(f"^Reprocessar {eligible} ite")).click()
    expect(page).to_have_url(re.compile(r"/reprocess/\w+$"))
    job = newest(site, "reprocess_requests")
    assert site.mongo["reprocess_requests"].count_documents({"account": site.account}) == before + 1
    assert job["command"]["filter"] == {"affiliate": ["MLC"], "status": ["error", "success"]}
    assert job["command"]["reason"] == "token renovado"
    progress = {"matched": 20, "sent": 9, "skipped": {"not_failed": 11}, "failed": 0}
    site.mongo["reprocess_requests"].update_one({"_id": job["_id"]}, {"$set": {"state": "done", "progress": progress}})
    expect(page.get_by_text("concluído")).to_be_visible()
    expect(page.locator(".figures")).to_contain_text(re.compile("enviados\\s*9\\s*deixados de fora\\s*11"))
    page.get_by_role("link", name="Reprocessamentos").first.click()
    expect(page.locator(".jobs tbody tr").first).to_contain_text("token renovado")


def test_export_follows_the_filter_and_language_shows_progress_and_offers_the_file(
    site: PanelSite, visit: Visit
) -> None:
    page = visit("/logs/order?status=error&q=300", locale="es-ES")
    page.get_by_role("button", name="Exportar a Excel").click()
    expect(page.get_by_role("status")).to_contain_text("Preparando el archivo…")
    job = newest(site, "exports")
    assert job["command"]["kind"] == "order"
    assert job["command"]["filter"] == {"status": ["error"], "q": "300"}
    assert (job["command"]["format"], job["command"]["language"]) == ("xlsx", "es")
    finish_later(site, job, state="running", progress={"rows": 4312, "rows_done": 4000})
    expect(page.get_by_role("status")).to_contain_text("4.000 de 4.312 filas")
    finish_later(site, job, state="failed", error="no space left")
    expect(page.get_by_role("status")).to_contain_text("no space left")
    expect(page.get_by_role("status")).to_contain_text("falló")


def test_a_finished_export_starts_its_download_and_stays_in_the_list(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/stock?status=error")
    page.get_by_role("button", name="Mais formas de exportar").click()
    page.get_by_label("As cinco abas").check()
    page.get_by_label("Formato").select_option("csv")
    page.get_by_role("button", name="Exportar", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Preparando o arquivo…")
    job = newest(site, "exports")
    assert (job["command"]["kind"], job["command"]["format"]) == (None, "csv")
    file_id = f"{site.account}-{job['id']}"
    GridFSBucket(site.mongo, bucket_name=EXPORT_FILES).upload_from_stream_with_id(file_id, "tudo.csv", b"a,b\n")
    told = {"rows": 2, "rows_done": 2, "file_id": file_id, "file_name": "tudo.csv", "content_type": "text/csv"}
    with page.expect_download() as download:
        finish_later(site, job, state="done", progress=told)
    assert (download.value.suggested_filename, download.value.path().read_bytes()) == ("tudo.csv", b"a,b\n")
    expect(page.get_by_role("link", name="Baixar tudo.csv")).to_be_visible()
    page.goto(f"{site.url}/exports")
    expect(page.get_by_role("row", name=re.compile("Pedidos, Produtos|processo com erro")).first).to_contain_text(
        "concluído"
    )


def finish_later(site: PanelSite, job: dict[str, Any], **changes: Any) -> None:
    site.mongo["exports"].update_one({"_id": job["_id"]}, {"$set": changes})


def test_a_stranger_is_asked_to_sign_in_and_comes_to_the_page_they_wanted(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/price?status=error", storage_state=None)
    expect(page.get_by_text("ponte status", exact=True)).to_be_visible()
    page.get_by_label("Chave de API").fill("x" * 40)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_have_text("Esta chave não é conhecida.")
    page.get_by_label("Chave de API").fill(site.key)
    page.get_by_role("button", name="Entrar").click()
    expect(page).to_have_url(f"{site.url}/logs/price?status=error")
    page.get_by_role("button", name="Sair").click()
    expect(page).to_have_url(f"{site.url}/sign-in")
    page.goto(f"{site.url}/logs/order")
    expect(page.get_by_role("heading", name="Entrar na Ponte")).to_be_visible()


def test_a_session_that_ends_while_a_list_is_open_says_so(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/order?status=error")
    before = site.mongo["reprocess_requests"].count_documents({"account": site.account})
    page.context.clear_cookies(name="ponte_session")
    page.locator(".entry input[type=checkbox]").first.check()
    page.get_by_role("button", name="Reprocessar selecionados (1)").click()
    expect(page.locator(".toast.is-error")).to_contain_text("Sua sessão terminou. Nada foi feito.")
    assert site.mongo["reprocess_requests"].count_documents({"account": site.account}) == before


def test_a_sign_in_link_works_once(site: PanelSite, visit: Visit) -> None:
    page = visit("/sign-in", storage_state=None)
    made = page.request.post(f"{site.url}/v1/sign-in-codes", headers={"Authorization": f"Bearer {site.key}"})
    code = made.json()["code"]
    page.goto(f"{site.url}/sign-in?code={code}")
    expect(page).to_have_url(f"{site.url}/logs/order")
    page.goto(f"{site.url}/sign-in?code={code}")
    expect(page.get_by_role("alert")).to_contain_text("já foi usado ou venceu")


def test_a_form_without_a_chosen_row_says_so_on_the_list_as_it_was(site: PanelSite, visit: Visit) -> None:
    path = "/logs/order?status=error&q=3001"
    page = visit(path, java_script_enabled=False)
    page.get_by_role("button", name="Reprocessar selecionados").click()
    expect(page.get_by_role("alert")).to_have_text("Escolha ao menos um item que falhou.")
    expect(page.get_by_role("searchbox")).to_have_value("3001")
    expect(page.locator(".entry")).to_have_count(1)
    page.get_by_role("button", name="EN").click()
    expect(page).to_have_url(site.url + path)


def test_a_double_click_asks_once_and_the_button_can_ask_again(site: PanelSite, visit: Visit) -> None:
    page = visit("/logs/stock?status=error")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    boxes = page.locator(".entry input[type=checkbox]")
    boxes.nth(0).check()
    page.get_by_role("button", name="Reprocessar selecionados (1)").dblclick()
    expect(page.locator(".entry.is-waiting")).to_have_count(1)
    assert len(posted) == 1
    boxes.nth(0).check()
    page.get_by_role("button", name="Reprocessar selecionados (1)").click()
    expect(page.locator(".entry.is-waiting")).to_have_count(2)

    page.get_by_role("link", name="Reprocessar todos deste filtro…").click()
    before = site.mongo["reprocess_requests"].count_documents({"account": site.account})
    posted.clear()
    page.get_by_role("button", name=re.compile(r"^Reprocessar \d+ ite")).dblclick()
    expect(page).to_have_url(re.compile(r"/reprocess/\w+$"))
    assert len(posted) == 1
    assert site.mongo["reprocess_requests"].count_documents({"account": site.account}) == before + 1

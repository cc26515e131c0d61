"""An edited report comes back through the panel. The exporter's part is played by `finish`; a test of its process holds it to that."""

import re
from typing import Any

import pytest
from gridfs import GridFSBucket
from playwright.sync_api import Page, expect

from shared.contracts.imports import ImportRow, RowState, row_document, upload_id
from shared.contracts.names import IMPORT_FILES, IMPORT_ROWS, IMPORTS, REPROCESS_REQUESTS
from tests.support.eventually import eventually
from tests.support.page_audit import findings, overflow
from tests.support.panel_site import PanelSite, Visit

pytestmark = pytest.mark.browser

REPORT = {
    "name": "integracoes editado.csv",
    "mimeType": "text/csv",
    "buffer": b"Tipo,C\xc3\xb3digo,Afiliado\r\nPedido,3001,MGZ\r\n",
}
STATES: tuple[RowState, ...] = ("eligible", "not_failed", "eligible", "not_found")


def newest(site: PanelSite, collection: str) -> dict[str, Any]:
    return eventually(lambda: site.mongo[collection].find_one({"account": site.account}, sort=[("created_at", -1)]))


def finish(site: PanelSite, job: dict[str, Any]) -> None:
    rows = [
        ImportRow(number=n, sheet="", row=n + 1, kind="order", affiliate="MGZ", code=f"{3000 + n}", state=state)
        for n, state in enumerate(STATES, 1)
    ]
    preview = f"{job['_id']}|token"
    site.mongo[IMPORT_ROWS].insert_many([row_document(preview, site.account, row) for row in rows])
    counts = {state: STATES.count(state) for state in STATES}
    told = {"file_id": preview, "rows": 4, "rows_done": 4, "counts": counts, "eligible": {"order": 2}, "hidden": 3}
    site.mongo[IMPORTS].update_one({"_id": job["_id"]}, {"$set": {"state": "done", "progress": told}})


def bring_back(page: Page) -> None:
    page.get_by_label("Relatório editado").set_input_files([REPORT])  # type: ignore[list-item]  # a dict is taken
    page.get_by_role("button", name="Ver o que seria reprocessado").click()


def test_a_report_is_brought_back_looked_at_and_its_rows_are_reprocessed(site: PanelSite, visit: Visit) -> None:
    page = visit("/exports")
    bring_back(page)
    expect(page.get_by_role("heading", name="integracoes editado.csv")).to_be_visible()
    expect(page.get_by_text("Lendo o arquivo…")).to_be_visible()
    job = newest(site, IMPORTS)
    uploaded = GridFSBucket(site.mongo, IMPORT_FILES).open_download_stream(upload_id(site.account, job["id"]))
    assert uploaded.read() == REPORT["buffer"]

    finish(site, job)

    expect(page.locator(".figures")).to_contain_text(re.compile(r"linhas escolhidas\s*4\s*podem ser reprocessadas\s*2"))
    expect(page.get_by_text("3 linhas estão ocultas por um filtro da planilha")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("3002"))).to_contain_text("não está com erro")
    assert findings(page) == {}
    page.set_viewport_size({"width": 375, "height": 800})
    assert overflow(page) == 0
    page.get_by_label("Motivo (opcional)").fill("o estoque voltou")
    page.get_by_role("button", name="Reprocessar 2 linhas de Pedidos").click()
    expect(page.get_by_text("o estoque voltou")).to_be_visible()
    command = newest(site, REPROCESS_REQUESTS)["command"]
    assert [item["code"] for item in command["items"]] == ["3001", "3003"]
    assert command["reason"] == "o estoque voltou"


def test_all_of_it_works_without_a_script(site: PanelSite, visit: Visit) -> None:
    page = visit("/imports", java_script_enabled=False)
    page.get_by_role("button", name="Ver o que seria reprocessado").click()
    expect(page.get_by_text("Escolha um arquivo primeiro.")).to_be_visible()
    bring_back(page)
    finish(site, newest(site, IMPORTS))
    page.reload()
    page.get_by_role("button", name="Reprocessar 2 linhas de Pedidos").click()
    expect(page).to_have_url(re.compile("/reprocess/[0-9a-f]{32}$"))

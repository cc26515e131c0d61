import re
from html import unescape

import pytest

from services.query.core.integration import Integration
from tests.support.builders import make_event
from tests.support.fakes.query import FakeFreshness, FakeLog, FakeRegistry
from tests.support.panel_over_fakes import services, visitor
from tests.support.seed import entry_document

EVERYTHING = (
    "retry=fix&reprocess_id=job-1&attempts_min=2&date_axis=received_at&from=2026-11-20T10:00:00Z"
    "&stale_since=2026-11-24T10:00:00Z&error_code=ORD-SLA&sort=-attempts"
)


async def test_the_form_shows_what_the_address_says_and_keeps_what_it_has_no_field_for() -> None:
    log = FakeLog([entry_document([make_event()], attempts=2, reprocess={"id": "job-1", "state": "answered"})])
    async with await visitor(services(log=log), "read") as client:
        for language, words in {
            "pt": ("2 ou mais tentativas", "pela data de chegada", "sem processamento desde"),
            "en": ("2 or more attempts", "by date of arrival", "not processed since"),
            "es": ("2 o más intentos", "por fecha de llegada", "sin procesar desde"),
        }.items():
            page = await client.get(f"/logs/order?{EVERYTHING}", headers={"Accept-Language": language})
            assert page.status_code == 200
            for word in words:
                assert word in page.text, word
    for shown in (
        'name="attempts_min" min="1" step="1" inputmode="numeric" value="2"',
        '<option value="received_at" selected>',
        '<input type="hidden" name="retry" value="fix">',
        '<input type="hidden" name="reprocess_id" value="job-1">',
        '<input type="hidden" name="stale_since" value="2026-11-24T10:00:00.000Z">',
        '<input type="hidden" name="sort" value="-attempts">',
        '<input type="hidden" name="zone" value="America/Sao_Paulo">',
        '<input type="hidden" name="from_shown" value="2026-11-20T10:00:00.000Z">',
        "2000004567",
    ):
        assert shown in page.text, shown


async def test_what_the_form_sends_becomes_an_address_without_what_says_nothing() -> None:
    async with await visitor(services(), "read") as client:
        tidied = await client.get("/logs/order?q=&date_axis=processed_at&from=&to=&error_code=&attempts_min=")
        asked = await client.get("/logs/order?q=&date_axis=received_at&from=2026-11-23T10:00&to=&attempts_min=3")
    assert tidied.headers["location"] == "/logs/order"
    assert asked.headers["location"] == (
        "/logs/order?from=2026-11-23T13%3A00%3A00.000Z&date_axis=received_at&attempts_min=3"
    )


async def test_a_period_is_that_of_the_page_that_showed_it_whatever_zone_the_browser_told_since() -> None:
    asked = "/logs/order?from=2026-11-23T10:00&from_shown=2026-11-23T13:00:59.000Z&to=2026-11-24T10:00"
    async with await visitor(services(), "read") as client:
        client.cookies.set("ponte_zone", "Asia/Tokyo")
        shown = await client.get(f"{asked}&zone=America/Sao_Paulo")
        untold = await client.get("/logs/order?from=2026-11-23T10:00")
    assert shown.headers["location"] == (
        "/logs/order?from=2026-11-23T13%3A00%3A59.000Z&to=2026-11-24T13%3A00%3A00.000Z"
    )
    assert untold.headers["location"] == "/logs/order?from=2026-11-23T01%3A00%3A00.000Z"


async def test_a_filter_is_told_in_words_before_all_its_rows_are_tried_again() -> None:
    async with await visitor(services(), "read", "reprocess") as client:
        page = await client.get(f"/logs/order/reprocess?{EVERYTHING}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    for word in ("Attempts, at least", "Does reprocessing help?", "Not processed since", "job-1", "of arrival"):
        assert word in page.text, word


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("typed_affiliate=mlc&status=error", "affiliate=MLC&status=error"),
        ("affiliate=AMZ&typed_affiliate=%20mercado%20LIVRE", "affiliate=AMZ&affiliate=MLC"),
        ("typed_affiliate=stranger", "affiliate=Stranger"),
        ("typed_affiliate=nobody", "affiliate=nobody"),
        ("typed_affiliate=mlc&affiliate=MLC", "affiliate=MLC"),
        ("affiliate=mlc&typed_affiliate=", "affiliate=mlc"),
        ("typed_error_code=ord-sla&error_code=X-1", "error_code=X-1&error_code=ORD-SLA"),
        ("typed_error_code=ctlg-010-001", "error_code=CTLG-010-001"),
        ("typed_error_code=Their-Own", "error_code=Their-Own"),
    ],
)
async def test_affiliates_and_error_codes_are_taken_in_any_case_where_they_are_known(typed: str, meant: str) -> None:
    registry = FakeRegistry()
    registry.integrations["loja", "MLC"] = Integration("MLC", "Mercado Livre")
    freshness = FakeFreshness(FakeLog([entry_document([make_event(affiliate="Stranger")])]))
    async with await visitor(services(registry=registry, freshness=freshness), "read") as client:
        answer = await client.get(f"/logs/order?{typed}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/logs/order?{meant}")


async def test_a_typed_field_at_fault_does_not_cost_the_rest_of_the_filter() -> None:
    async with await visitor(services(), "read") as client:
        refused = await client.get("/logs/order?typed_affiliate=a+b&status=error", headers={"Accept-Language": "pt"})
    assert refused.status_code == 422
    assert "Campo Afiliado: precisa ter de 1 a 64 letras" in refused.text
    assert 'href="/logs/order?status=error"' in refused.text


@pytest.mark.parametrize(
    ("address", "links"),
    [
        ("/logs/order?q=ord-sla&affiliate=AMZ", ["/logs/order?affiliate=AMZ&error_code=ORD-SLA"]),
        ("/logs/product?q=ORD-SLA", ["/logs/order?error_code=ORD-SLA"]),
        ("/logs/order?q=EOI002", ["/logs/order?error_code=EOI002"]),
        ("/logs/order?q=AUTORIZACAO+vencida", ["/logs/order?error_code=AUT-TOKEN"]),
        ("/logs/order?q=nothing+has+this", []),
        ("/logs/order?status=success&q=%26", []),
    ],
)
async def test_a_search_for_an_error_that_found_nothing_offers_the_filter(address: str, links: list[str]) -> None:
    log = FakeLog()
    async with await visitor(services(log=log), "read") as client:
        page = await client.get(address, headers={"Accept-Language": "pt"})
    assert page.status_code == 200
    offered = [link for link in unescape(page.text).split('<li><a href="')[1:] if "error_code=" in link.split('"')[0]]
    assert [link.split('"')[0] for link in offered] == links
    assert ("Você quis filtrar por um erro?" in page.text) == bool(links)


async def test_a_search_without_a_word_says_that_no_message_was_looked_at() -> None:
    async with await visitor(services(log=FakeLog()), "read") as client:
        for q, is_told in (("x", True), ("%26%26", True), ("R%26D", False), ("xy", False)):
            page = await client.get(f"/logs/order?q={q}", headers={"Accept-Language": "pt"})
            assert ("palavras de duas letras ou mais" in page.text) is is_told, q


async def test_the_counts_are_left_out_where_a_search_narrows_what_a_status_leads_to() -> None:
    async with await visitor(services(), "read") as client:
        plain, searched = await client.get("/logs/order"), await client.get("/logs/order?q=2000")
    assert "<strong>1</strong> com erro" in " ".join(plain.text.split())
    assert 'href="/logs/order?status=error&amp;q=2000"' in searched.text
    assert "<strong>1</strong> com erro" not in " ".join(searched.text.split())


async def test_marketplaces_stand_by_name_and_not_by_affiliate() -> None:
    named = {"AAA": "Zoom", "BBB": "amazon", "CCC": "Água Viva", "DDD": "Carrefour"}
    registry = FakeRegistry()
    registry.integrations = {("loja", affiliate): Integration(affiliate, name) for affiliate, name in named.items()}
    async with await visitor(services(registry=registry), "read") as client:
        filtered = await client.get("/logs/order?affiliate=BRB")
        listed = await client.get("/integrations")
    shown = re.findall(r'type="checkbox" name="affiliate" value="(\w+)"', filtered.text)
    assert shown == ["CCC", "BBB", "BRB", "DDD", "AAA"]
    assert re.findall(r'href="/integrations/([A-Z]{3})"', listed.text) == ["CCC", "BBB", "DDD", "AAA"]

from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from services.query.core.integration import Integration
from services.query.entrypoints.pages.integration_form import form_of, read_form
from shared.contracts.names import KINDS
from tests.support.fakes.query import FakeAudit, FakeRegistry
from tests.support.panel_over_fakes import FROM_PANEL, services, visitor

NOW = datetime(2026, 11, 23, tzinfo=UTC)
MLC = Integration("MLC", "Mercado <b>Livre", emails=("ana@loja.com.br",), updated_at=NOW, updated_by="Ana", revision=3)
FIELDS: dict[str, Any] = {"marketplace": "ML", "kinds": ["order", "price"], "revision": "3"}
PATH = "/integrations/MLC"


@pytest.fixture
def registry() -> FakeRegistry:
    known = FakeRegistry()
    known.integrations["loja", "MLC"] = MLC
    known.integrations["vizinha", "VIZ"] = Integration("VIZ", "Segredo")
    return known


async def test_who_may_only_read_sees_no_form_and_no_whole_address(registry: FakeRegistry) -> None:
    async with await visitor(services(registry=registry), "read") as client:
        listed, one = await client.get("/integrations"), await client.get(PATH)
        assert (await client.get("/new-integration")).status_code == 403
        for path in ("/integrations", PATH, f"{PATH}/pause", f"{PATH}/resume", f"{PATH}/remove"):
            assert (await client.post(path, data={"affiliate": "NEW", **FIELDS}, headers=FROM_PANEL)).status_code == 403
        assert (await client.get("/integrations/VIZ")).status_code == 404
    assert "Mercado &lt;b&gt;Livre" in listed.text
    assert "Segredo" not in listed.text
    assert "***@loja.com.br" in one.text
    assert "ana@" not in one.text
    assert f'action="{PATH}' not in one.text
    assert registry.integrations["loja", "MLC"] == MLC


async def test_a_form_of_another_site_changes_no_integration(registry: FakeRegistry) -> None:
    async with await visitor(services(registry=registry), "read", "admin") as client:
        for path in (PATH, f"{PATH}/remove"):
            forged = await client.post(path, data=FIELDS, headers={"Origin": "https://evil.example"})
            assert forged.status_code == 403
    assert registry.integrations["loja", "MLC"] == MLC


async def test_a_change_from_the_panel_is_in_the_audit_with_its_reason(registry: FakeRegistry) -> None:
    audit = FakeAudit()
    async with await visitor(services(registry=registry, audit=audit), "read", "admin") as client:
        saved = await client.post(PATH, data={**FIELDS, "reason": "nome novo"}, headers=FROM_PANEL)
        stale = await client.post(f"{PATH}/pause", data={"revision": "3"}, headers=FROM_PANEL)
        again = await client.post("/integrations", data={**FIELDS, "affiliate": "MLC"}, headers=FROM_PANEL)
        missing = await client.post(f"{PATH}/pause", headers=FROM_PANEL)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{PATH}?done=changed")
    assert (stale.status_code, again.status_code, missing.status_code) == (412, 422, 422)
    assert "já está cadastrado" in again.text
    assert [(line.action, line.reason) for line in audit.lines if line.target == "loja|MLC"] == [
        ("integration.changed", "nome novo")
    ]


async def test_a_form_that_is_sent_twice_is_no_contradiction(registry: FakeRegistry) -> None:
    forms = (
        ("/integrations", {**FIELDS, "affiliate": "NEW"}, "/integrations/NEW?done=created"),
        (PATH, FIELDS, f"{PATH}?done=changed"),
        (f"{PATH}/pause", {"revision": "4"}, f"{PATH}?done=paused"),
        (f"{PATH}/remove", {"revision": "5"}, f"{PATH}?done=removed"),
    )
    audit = FakeAudit()
    async with await visitor(services(registry=registry, audit=audit), "read", "admin") as client:
        for path, fields, told in forms:
            answers = [await client.post(path, data=fields, headers=FROM_PANEL) for _ in "12"]
            assert [(one.status_code, one.headers.get("Location")) for one in answers] == [(303, told)] * 2
    assert registry.integrations["loja", "MLC"].revision == 6
    assert len([line for line in audit.lines if line.target.startswith("loja|")]) == len(forms)


async def test_what_was_typed_is_kept_where_somebody_else_was_faster(registry: FakeRegistry) -> None:
    typed = {**FIELDS, "emails": "ana@loja.com.br", "minutes-order": "60", "reason": "nome novo", "revision": "2"}
    async with await visitor(services(registry=registry), "read", "admin") as client:
        told = await client.post(PATH, data=typed, headers=FROM_PANEL)
        page = unescape(told.text)
        again = await client.post(PATH, data={**typed, "revision": "3"}, headers=FROM_PANEL)
        removed = await client.post(f"{PATH}/remove", data={"revision": "2", "reason": "fim"}, headers=FROM_PANEL)
    assert told.status_code == 412
    assert "o que você digitou está abaixo" in page
    for kept in ('name="marketplace" value="ML"', 'name="minutes-order" value="60"', 'name="reason" value="nome novo"'):
        assert kept in page, kept
    assert 'name="revision" value="3"' in page
    differing = page.partition("O que está salvo agora")[2].partition("</dl>")[0]
    assert "<dd>Mercado <b>Livre</dd>" in differing
    assert "<dd>Pedidos, Produtos, Rastreio, Preço, Estoque</dd>" in differing
    assert "Notícias esperadas" in differing
    assert "E-mails" not in differing
    assert again.status_code == 303
    assert registry.integrations["loja", "MLC"].marketplace == "ML"
    assert removed.status_code == 412
    assert 'name="reason" value="fim"' in removed.text
    assert "Nada foi salvo: veja abaixo como está agora" in removed.text


async def test_a_reason_is_kept_with_the_fields_beside_the_one_at_fault(registry: FakeRegistry) -> None:
    async with await visitor(services(registry=registry), "read", "admin") as client:
        told = await client.post(PATH, data={**FIELDS, "emails": "?", "reason": "novo"}, headers=FROM_PANEL)
    assert told.status_code == 422
    assert 'name="reason" value="novo"' in told.text


def test_a_form_reads_back_what_it_shows() -> None:
    whole = Integration(
        "MLC",
        "ML",
        kinds=("order", "stock"),
        minimum_availability=0,
        emails=("a@b.co", "c@d.ef"),
        freshness_seconds={"order": 90, "price": 86400},
        mask_at_write=True,
    )
    form = form_of(whole)
    sent = {
        "marketplace": [form.marketplace],
        "kinds": [kind for kind in KINDS if kind in form.kinds],
        "minimum_availability": [form.minimum],
        "emails": [form.emails],
        **{f"minutes-{kind}": [text] for kind, text in form.minutes.items()},
        "mask_at_write": ["1"],
        "automatic_retries": ["1"],
    }
    said, errors = read_form(sent, "MLC")
    assert errors == frozenset()
    assert Integration("MLC", **said) == whole


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"marketplace": [" "]}, "marketplace"),
        ({"kinds": []}, "kinds"),
        ({"minimum_availability": ["5,5"]}, "minimum_availability"),
        ({"minimum_availability": ["²"]}, "minimum_availability"),
        pytest.param(
            {"minimum_availability": ["9" * 5_000]}, "minimum_availability", id="more digits than Python reads"
        ),
        pytest.param({"minutes-order": ["9" * 5_000]}, "freshness_seconds", id="more minutes than Python reads"),
        ({"emails": ["ana@loja"]}, "emails"),
        ({"minutes-order": ["x"]}, "freshness_seconds"),
        ({"minutes-order": ["1e999"]}, "freshness_seconds"),
        ({"minutes-order": ["nan"]}, "freshness_seconds"),
        ({"minutes-order": ["0,5"]}, "freshness_seconds"),
    ],
)
def test_a_field_that_cannot_be_is_named(changes: dict[str, list[str]], field: str) -> None:
    sent = {"marketplace": ["A"], "kinds": ["order"], **changes}
    assert read_form(sent, "MLC") == ({}, frozenset({field}))

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.query.core.actions import ACTIONS
from services.query.core.keys import ApiKey
from services.query.core.permissions import SCOPES, Caller
from services.query.entrypoints.pages.audit_line import line_of
from services.query.entrypoints.pages.language import words_of
from services.query.handlers.auditing import AuditLine
from shared.contracts.catalogue import LANGUAGES, Language
from tests.support.builders import RECEIVED_AT
from tests.support.fakes.query import FakeAudit
from tests.support.panel_over_fakes import services, visitor

ADMIN = Caller("loja", "id", "Ana", frozenset(SCOPES))
ENTRY = "loja|order|MLC|a|b/c"


def make_line(action: str = "key.created", target: str = "k1", **changes: Any) -> AuditLine:
    said = {"account": "loja", "at": RECEIVED_AT, "key_id": "id", "key_name": "Ana", "by_session": True, "reason": ""}
    return AuditLine(**{**said, "action": action, "target": target, **changes})


@pytest.fixture
def audit() -> FakeAudit:
    known = FakeAudit()
    known.lines = [
        make_line("entry.revealed", ENTRY, reason="<i>chamado 7", request_id="req-1", by_session=False),
        make_line("key.revoked", "k2", at=RECEIVED_AT - timedelta(hours=1), key_id="oidc:bia", key_name="Bia"),
        make_line("view.created", "v1", at=RECEIVED_AT - timedelta(hours=2)),
        make_line("key.created", "segredo", account="vizinha"),
    ]
    return known


def rows(page: str) -> list[str]:
    """The lines of a page, in order, by what was done."""
    return re.findall(r'<th role="rowheader" scope="row">(.*?)</th>', page)


@pytest.mark.parametrize("scopes", [("read",), ("read", "export", "reprocess")])
async def test_the_audit_is_for_admins_alone(audit: FakeAudit, scopes: tuple[str, ...]) -> None:
    async with await visitor(services(audit=audit), *scopes) as client:
        for path in ("/audit", "/audit?action=", "/audit?target=k2"):
            assert (await client.get(path)).status_code == 403
        assert 'href="/audit"' not in (await client.get("/logs/order")).text


async def test_lines_are_told_in_words_newest_first_with_reason_and_request(audit: FakeAudit) -> None:
    async with await visitor(services(audit=audit), *SCOPES) as client:
        page = await client.get("/audit")
        english = await client.get("/audit", headers={"Accept-Language": "en"})
    told = [one for one in rows(page.text) if one != "Entrou no painel"]
    assert told == ["Viu dados pessoais do item", "Revogou uma chave", "Salvou uma visão"]
    assert "Saw personal data of the item" in english.text
    assert "&lt;i&gt;chamado 7" in page.text
    assert "req-1" in page.text
    assert "segredo" not in page.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_has_its_words(language: Language) -> None:
    t = words_of(language)
    assert [action for action in ACTIONS if not t.has(f"audit.action.{action}")] == []


def test_an_action_of_an_older_version_is_told_as_it_was_called() -> None:
    shown = line_of(make_line("gadget.turned", "x"), ADMIN, words_of("pt"))
    assert (shown.action, shown.name, shown.href) == ("gadget.turned", "x", "")


@pytest.mark.parametrize(
    ("action", "target", "name", "href", "scope"),
    [
        ("entry.revealed", ENTRY, "Pedido a|b/c · MLC", "/logs/order/MLC/a%7Cb%2Fc", "read"),
        ("diff.revealed", ENTRY, "Pedido a|b/c · MLC", "/logs/order/MLC/a%7Cb%2Fc", "read"),
        ("entry.revealed", "loja|gone|X|1", "loja|gone|X|1", "", "read"),
        ("dead_letter.revealed", "t:0:1:a", "t:0:1:a", "/dead-letters/t%3A0%3A1%3Aa", "read"),
        ("reprocess.requested", "j/1", "j/1", "/reprocess/j%2F1", "read"),
        ("replay.requested", "j1", "j1", "/dead-letters/replays/j1", "reprocess"),
        ("export.requested", "j1", "j1", "/exports/j1", "export"),
        ("integration.paused", "loja|MLC", "MLC", "/integrations/MLC", "read"),
        ("key.rotated", "k1", "k1", "/keys/k1", "admin"),
        ("session.opened", "k1", "k1", "/keys/k1", "admin"),
        ("view.removed", "v1", "v1", "", "admin"),
    ],
)
def test_a_line_leads_to_what_it_is_about_where_its_reader_may_go(
    action: str, target: str, name: str, href: str, scope: str
) -> None:
    line, t = make_line(action, target), words_of("pt")
    without = Caller("loja", "id", "Ana", frozenset({*SCOPES} - {scope}))
    shown, narrower = line_of(line, ADMIN, t), line_of(line, without, t)
    assert (shown.name, shown.href) == (name, href)
    assert (narrower.name, narrower.href) == (name, "")


def test_a_key_is_told_by_its_name() -> None:
    key = ApiKey("k1", "loja", "vitrine", frozenset(), "ponte_abcdef", RECEIVED_AT)
    shown = line_of(make_line("key.revoked", "k1"), ADMIN, words_of("pt"), {"k1": key})
    assert (shown.name, shown.href) == ("vitrine · ponte_abcdef…", "/keys/k1")


def test_who_signed_in_with_a_token_has_no_key_to_look_at() -> None:
    shown = line_of(make_line("session.opened", "oidc:bia", by_token=True), ADMIN, words_of("pt"))
    assert (shown.name, shown.href) == ("oidc:bia", "")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("actor=oidc:bia", ["Revogou uma chave"]),
        ("action=view.created&action=key.revoked", ["Revogou uma chave", "Salvou uma visão"]),
        (f"target={ENTRY}", ["Viu dados pessoais do item"]),
        ("target=k2&action=view.created", []),
    ],
)
async def test_a_filter_is_an_address(audit: FakeAudit, query: str, wanted: list[str]) -> None:
    async with await visitor(services(audit=audit), *SCOPES) as client:
        page = await client.get(f"/audit?{query}")
    assert rows(page.text) == wanted
    for name, values in parse_qs(query).items():
        for value in values:
            kept = f'name="{name}" value="{value}" checked', f'<option value="{value}" selected', f'value="{value}" list="actors"', f'name="{name}" value="{value}"'  # fmt: skip
            assert any(one in page.text for one in kept), (name, value)
    assert ("Nenhuma linha com este filtro." in page.text) == (not wanted)


async def test_a_period_is_typed_in_the_visitors_zone_and_kept_whole(audit: FakeAudit) -> None:
    written = {"action": "", "actor": " oidc:bia ", "target": "", "from": "2026-11-23T09:00", "to": "", "zone": "America/Sao_Paulo"}  # fmt: skip
    async with await visitor(services(audit=audit), *SCOPES) as client:
        tidied = await client.get("/audit", params=written)
        page = await client.get(tidied.headers["location"])
    assert tidied.status_code == 303
    assert parse_qs(urlsplit(tidied.headers["location"]).query) == {
        "actor": ["oidc:bia"],
        "from": ["2026-11-23T12:00:00.000Z"],
    }
    assert 'name="from" value="2026-11-23T09:00"' in page.text
    assert 'name="from_shown" value="2026-11-23T12:00:00.000Z"' in page.text


async def test_names_of_keys_are_read_where_one_is_typed_or_shown_and_not_to_tidy_an_address(audit: FakeAudit) -> None:
    made = services(audit=audit)
    read, list_keys = [], made.credentials.list_keys

    async def counted(*told: Any, **more: Any) -> Any:
        read.append(told)
        return await list_keys(*told, **more)

    made.credentials.list_keys = counted  # type: ignore[method-assign]
    async with await visitor(made, *SCOPES) as client:
        seen = [len(read)]
        for address in ("/audit?action=&actor=", "/audit?action=&actor=ANA", "/audit"):
            await client.get(address)
            seen.append(len(read))
    assert seen == [0, 0, 1, 2]


async def test_a_key_may_be_typed_by_its_name(audit: FakeAudit) -> None:
    async with await visitor(services(audit=audit), *SCOPES) as client:
        tidied = await client.get("/audit", params={"actor": " ANA", "action": ""})
        unknown = await client.get("/audit", params={"actor": "oidc:bia", "action": ""})
    assert [answer.headers["location"] for answer in (tidied, unknown)] == [
        "/audit?actor=id",
        "/audit?actor=oidc%3Abia",
    ]


async def test_what_cannot_be_is_told_with_a_way_on(audit: FakeAudit) -> None:
    async with await visitor(services(audit=audit), *SCOPES) as client:
        for query, told in (
            ("action=key.eaten&target=k2", "/audit?target=k2"),
            ("from=x&target=k2", "/audit?target=k2"),
        ):
            answer = await client.get(f"/audit?{query}")
            assert answer.status_code == 422
            assert f'href="{told}"' in answer.text
        assert (await client.get("/audit?cursor=made-up")).status_code == 400


async def test_older_lines_are_a_page_on_with_the_filter_kept(audit: FakeAudit) -> None:
    audit.lines += [
        make_line("view.removed", f"v{n}", at=RECEIVED_AT - timedelta(days=1, seconds=n)) for n in range(60)
    ]
    async with await visitor(services(audit=audit), *SCOPES) as client:
        first = await client.get("/audit?action=view.removed")
        onward = re.search('rel="next" href="([^"]*)"', first.text)
        assert onward is not None
        older = await client.get(unescape(onward[1]))
        other = await client.get(unescape(onward[1]).replace("view.removed", "view.created"))
    assert (len(rows(first.text)), len(rows(older.text))) == (50, 10)
    assert ">v0<" in first.text
    assert ">v59<" in older.text
    assert other.status_code == 400

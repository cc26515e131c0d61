import re
from typing import Any

import httpx
import pytest

from services.query.handlers.auditing import AuditLine
from shared.contracts.entries import attempt_document
from shared.contracts.errors import StoreUnavailable
from shared.contracts.records import Address
from tests.support.builders import make_event
from tests.support.fakes.query import FakeAudit, FakeLog
from tests.support.panel_over_fakes import FROM_PANEL, services, visitor
from tests.support.seed import entry_document

ITEM = "/logs/order/MLC/2000004567"
REVEALED = f"{ITEM}/revealed"
ASKED = {"reason": "chamado 7"}
PERSONAL = ("ana@example.com", "bia@example.com", "529.982.247-25")
CAUSE = {"code": "ORD-SLA", "message": "No sla for ana@example.com", "evidence": {"request": {"cpf": PERSONAL[2]}}}
OLDER = {"code": "ORD-SLA", "message": "No sla for bia@example.com"}


def log_of(*changes: dict[str, Any], **mark: Any) -> FakeLog:
    events = [make_event(processed_at=f"2026-11-23T10:00:0{n}Z", **told) for n, told in enumerate(changes)]
    history = [attempt_document(event, Address("t", 0, n)) for n, event in enumerate(events)]
    return FakeLog([entry_document(events, **mark)], history)


def personal(**mark: Any) -> FakeLog:
    payload = {"customer": {"email": "ana@example.com"}}
    return log_of({"causes": [OLDER]}, {"causes": [CAUSE], "payload": payload}, **mark)


class BrokenAudit(FakeAudit):
    async def record(self, line: AuditLine) -> None:
        if line.action != "session.opened":
            raise StoreUnavailable("away")


def looks(audit: FakeAudit) -> list[tuple[str, str, str, bool]]:
    lines = [line for line in audit.lines if line.action != "session.opened"]
    return [(line.action, line.target, line.reason, line.by_session) for line in lines]


async def test_an_admin_who_says_why_sees_the_page_unmasked_and_it_is_written_down() -> None:
    audit = FakeAudit()
    async with await visitor(services(log=personal(), audit=audit), "read", "admin") as client:
        masked = await client.get(f"{ITEM}?behind=/logs/order%3Fq%3D2")
        address = re.search(r'<form class="fold-body" method="post" action="([^"]+)"', masked.text)
        assert address is not None
        assert looks(audit) == []
        page = await client.post(address[1], data=ASKED, headers=FROM_PANEL)
    assert not any(text in masked.text for text in PERSONAL)
    assert page.status_code == 200
    assert all(text in page.text for text in PERSONAL)
    target = "loja|order|MLC|2000004567"
    assert looks(audit) == [(f"{what}.revealed", target, "chamado 7", True) for what in ("entry", "attempts")]
    assert f'<a href="{ITEM}?behind=/logs/order%3Fq%3D2">Ocultar de novo</a>' in page.text
    assert "ficou registrado na auditoria" in page.text


async def test_what_is_revealed_is_kept_by_nobody_and_renewed_by_nothing() -> None:
    log = personal(reprocess={"id": "job-1", "state": "sent"})
    async with await visitor(services(log=log), "read", "reprocess", "admin") as client:
        masked = await client.get(ITEM)
        page = await client.post(REVEALED, data=ASKED, headers=FROM_PANEL)
        asked_again = await client.get(REVEALED)
        part = await client.get(ITEM, headers={"X-Ponte-Fragment": "1"})
    assert "data-poll" in masked.text
    for absent in ("data-poll", "http-equiv", "data-load", "chamado 7", "/revealed"):
        assert absent not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert (asked_again.status_code, asked_again.headers["location"]) == (303, ITEM)
    assert "/revealed" not in part.text
    assert not any(text in part.text for text in PERSONAL)


async def test_a_page_with_a_reason_to_be_typed_never_renews_itself_but_where_a_script_keeps_it() -> None:
    log = personal(reprocess={"id": "job-1", "state": "sent"})
    async with await visitor(services(log=log), "read", "admin") as client:
        offered = await client.get(ITEM)
        refused = await client.post(REVEALED, data={"reason": "x" * 501}, headers=FROM_PANEL)
    for page in (offered, refused):
        assert 'name="reason"' in page.text
        assert "http-equiv" not in page.text
        assert f'<p class="without-script"><a class="button is-small" href="{ITEM}">Atualizar</a>' in page.text
    async with await visitor(services(log=log), "read") as client:
        assert 'http-equiv="refresh"' in (await client.get(ITEM)).text


@pytest.mark.parametrize("scopes", [("read",), ("read", "export", "reprocess")], ids=len)
async def test_who_lacks_the_scope_is_offered_nothing_and_sees_nothing(scopes: tuple[str, ...]) -> None:
    audit = FakeAudit()
    async with await visitor(services(log=personal(), audit=audit), *scopes) as client:
        offered = await client.get(ITEM)
        refused = await client.post(REVEALED, data=ASKED, headers=FROM_PANEL)
    assert "/revealed" not in offered.text
    assert refused.status_code == 403
    assert not any(text in refused.text for text in PERSONAL)
    assert looks(audit) == []


async def test_a_form_of_another_site_reveals_nothing() -> None:
    audit = FakeAudit()
    async with await visitor(services(log=personal(), audit=audit), "read", "admin") as client:
        forged = await client.post(REVEALED, data=ASKED, headers={"Origin": "https://evil.example"})
    assert forged.status_code == 403
    assert looks(audit) == []


async def test_nothing_is_revealed_that_could_not_be_written_down() -> None:
    async with await visitor(services(log=personal(), audit=BrokenAudit()), "read", "admin") as client:
        refused = await client.post(REVEALED, data=ASKED, headers=FROM_PANEL)
    assert refused.status_code == 503
    assert not any(text in refused.text for text in PERSONAL)


@pytest.mark.parametrize("reason", [" ", "x" * 501, "a\x07b"], ids=["blank", "long", "control character"])
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("pt", "Diga, em 1 a 500 caracteres"),
        ("en", "Say in 1 to 500 characters"),
        ("es", "Diga, en 1 a 500 caracteres"),
    ],
)
async def test_a_reason_that_says_nothing_is_told_at_its_field_and_what_was_typed_stays(
    language: str, words: str, reason: str
) -> None:
    audit, sent = FakeAudit(), {**FROM_PANEL, "Accept-Language": language}
    async with await visitor(services(log=personal(), audit=audit), "read", "admin") as client:
        refused = await client.post(REVEALED, data={"reason": reason}, headers=sent)
    assert refused.status_code == 422
    assert words in refused.text
    assert 'aria-describedby="reveal-reason-hint reveal-reason-error" aria-invalid="true"' in refused.text
    assert f'name="reason" value="{reason.strip()}"' in refused.text
    assert not any(text in refused.text for text in PERSONAL)
    assert looks(audit) == []


@pytest.mark.parametrize(
    ("log", "is_offered"),
    [
        (log_of({"payload": {"email": "ana@example.com"}}), True),
        (log_of({"causes": [CAUSE]}), True),
        (log_of({"causes": [OLDER]}, {"payload": {}}), True),
        (log_of({"status": "success", "causes": [], "log": {"message": "to ana@example.com"}}), True),
        (log_of({"payload": {"sku": "1"}}), False),
    ],
    ids=["content", "evidence", "history", "what was said", "nothing"],
)
async def test_it_is_offered_where_something_is_masked(log: FakeLog, *, is_offered: bool) -> None:
    async with await visitor(services(log=log), "read", "admin") as client:
        page = await client.get(ITEM)
    assert (f'action="{REVEALED}"' in page.text) is is_offered


async def test_what_was_masked_before_it_was_stored_is_not_offered() -> None:
    document = entry_document([make_event(payload={"email": "***@example.com"})])
    document["state"]["payload_masked"] = True
    async with await visitor(services(log=FakeLog([document])), "read", "admin") as client:
        page = await client.get(ITEM)
    assert "/revealed" not in page.text


async def test_an_older_page_of_the_history_is_revealed_as_that_page() -> None:
    log = log_of(*({"causes": [{"code": "X", "message": f"n{n:02} ana@example.com"}]} for n in range(9)))
    async with await visitor(services(log=log), "read", "admin") as client:
        cursor = await older_than_newest(client)
        page = await client.get(f"{ITEM}?cursor={cursor}")
        address = re.search(r'action="([^"]+/revealed[^"]*)"', page.text)
        assert address is not None
        shown = await client.post(address[1].replace("&amp;", "&"), data=ASKED, headers=FROM_PANEL)
    assert "n07 ana@example.com" in shown.text
    assert shown.text.count("n08 ana@example.com") == page.text.count("n08 ***@example.com")


async def older_than_newest(client: httpx.AsyncClient) -> str:
    history = await client.get(f"/v1{ITEM}/attempts?limit=1", headers=FROM_PANEL)
    return str(history.json()["next_cursor"])


async def test_an_item_that_does_not_exist_reveals_nothing() -> None:
    async with await visitor(services(), "read", "admin") as client:
        missing = await client.post("/logs/order/MLC/1/revealed", data=ASKED, headers=FROM_PANEL)
    assert missing.status_code == 404

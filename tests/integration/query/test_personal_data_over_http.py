from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.contracts.names import AUDIT, LOG_ENTRIES
from shared.mongo.client import Database
from tests.integration.query.conftest import client_of
from tests.support.builders import make_event
from tests.support.seed import seed_entry, seed_key

ENTRY = "/v1/logs/order/MLC/2000004567"
PERSON = {"clientProfileData": {"firstName": "Ana", "email": "ana@example.com", "document": "12345678909"}}
MASKED = {"clientProfileData": {"firstName": "A***", "email": "***@example.com", "document": "***.***.***-09"}}


@pytest.fixture
async def entry(database: Database, account: str) -> None:
    cause = {"code": "X", "message": "CPF 123.456.789-09 is not ana@example.com"}
    await seed_entry(database, make_event(account=account, payload=PERSON, causes=[cause]))


async def lines(database: Database) -> list[dict[str, Any]]:
    return await database[AUDIT].find({}, {"_id": 0, "at": 0, "key_id": 0, "request_id": 0}).to_list()


@pytest.mark.usefixtures("entry")
async def test_entry_history_and_list_are_masked_for_everyone(
    api: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    for client in (api, reader):
        shown = (await client.get(ENTRY)).json()
        (attempt,) = (await client.get(f"{ENTRY}/attempts")).json()["items"]
        (listed,) = (await client.get("/v1/logs/order")).json()["items"]
        assert shown["payload"] == attempt["payload"] == MASKED
        assert (shown["payload_truncated"], shown["payload_bytes"], shown["payload_preview"]) == (False, None, None)
        for row in (shown, attempt, listed):
            assert row["causes"][0]["message"] == "CPF ***.***.***-09 is not ***@example.com"


async def test_secrets_of_letters_and_the_field_of_a_cause_are_masked_everywhere(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    request = "GET / HTTP/1.1\r\nX-VTEX-API-AppToken: EHNFGJDK\r\nCookie: VtexIdclientAutCookie=abcdefgh\r\n"
    cause = {
        "code": "X",
        "field": "529.982.247-25",
        "message": "senha: segredo",
        "evidence": {"request": request, "response": {"vtexidclientautcookie": "abcdefgh", "at": "https://u:p@h/x"}},
    }
    await seed_entry(database, make_event(account=account, status="error", causes=[cause]))

    shown = [(await api.get(path)).text for path in (ENTRY, f"{ENTRY}/attempts", "/v1/logs/order", "/v1/groups")]

    assert ["***.***.***-25" in text for text in shown] == [True, True, True, False]  # root causes tell no fields
    for text in shown:
        assert [told for told in ("529.982", "segredo", "EHNFGJDK", "abcdefgh", "u:p@") if told in text] == []
    assert "X-VTEX-API-AppToken: ***" in shown[1]


async def test_what_was_exchanged_in_a_success_is_told_of_entry_and_attempt_and_masked_unless_revealed(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    said: dict[str, Any] = {"message": "Sent for ana@example.com", "operation": "SendOrder", "direction": "Out"}
    evidence = {"request": PERSON, "response": '{"document":"12345678909"}'}
    event = make_event(account=account, status="success", causes=[], log={**said, "id": "7", "evidence": evidence})
    await seed_entry(database, event)
    asked = {"reveal": "true", "reason": "the buyer called"}

    for path in (ENTRY, f"{ENTRY}/attempts"):
        masked, revealed = [(await api.get(path, params=params)).json() for params in ({}, asked)]
        (masked,), (revealed,) = masked.get("items", [masked]), revealed.get("items", [revealed])
        assert revealed["log"] == {**said, "evidence": evidence}
        assert masked["log"] == {
            **said,
            "message": "Sent for ***@example.com",
            "evidence": {"request": MASKED, "response": '{"document":"***.***.***-09"}'},
        }


@pytest.mark.usefixtures("entry")
async def test_an_admin_with_a_reason_sees_it_and_is_written_down(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    asked = {"reveal": "true", "reason": "the buyer called"}

    shown = (await api.get(ENTRY, params=asked)).json()
    (attempt,) = (await api.get(f"{ENTRY}/attempts", params=asked)).json()["items"]

    assert shown["payload"] == attempt["payload"] == PERSON
    assert "ana@example.com" in shown["causes"][0]["message"]
    written = {
        "account": account,
        "target": f"{account}|order|MLC|2000004567",
        "key_name": "first",
        "by_session": False,
        "by_token": False,
        "reason": "the buyer called",
    }
    found = await lines(database)
    assert [{**line, "key_name": "first"} for line in found] == [
        {**written, "action": "entry.revealed"},
        {**written, "action": "attempts.revealed"},
    ]


@pytest.mark.usefixtures("entry")
async def test_nobody_else_and_nobody_without_a_reason_sees_it(
    app: FastAPI, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    scopes = await seed_key(database, account, "read", "export", "reprocess")
    async with client_of(app, scopes) as client:
        for path in (ENTRY, f"{ENTRY}/attempts"):
            assert (await client.get(path, params={"reveal": "true", "reason": "curious"})).status_code == 403
    for path in (ENTRY, f"{ENTRY}/attempts"):
        refused = await api.get(path, params={"reveal": "true", "reason": " "})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["reason"]
    assert await lines(database) == []


async def test_a_payload_that_was_too_long_says_so(api: httpx.AsyncClient, database: Database, account: str) -> None:
    marks = {
        "payload_truncated": True,
        "payload_bytes": 99_999,
        "payload_preview": '{"email":"***@b.co"',
    }
    await seed_entry(database, make_event(account=account, payload=None))
    await database[LOG_ENTRIES].update_one({}, {"$set": {f"state.{name}": value for name, value in marks.items()}})

    shown = (await api.get(ENTRY)).json()
    page = await api.get("/logs/order/MLC/2000004567", headers={"Accept-Language": "en"})

    assert {name: shown[name] for name in marks} == marks
    assert shown["payload"] is None
    assert "99,999" in page.text
    assert "***@b.co" in page.text


async def test_masking_at_write_is_switched_by_admins_and_survives_a_renaming(api: httpx.AsyncClient) -> None:
    async def put(**said: object) -> httpx.Response:
        return await api.put("/v1/integrations/MLC", json=said, headers=newest)

    newest: dict[str, str] = {}
    assert (await put(marketplace="A")).json()["mask_at_write"] is False
    newest = {"If-Match": "*"}
    assert (await put(marketplace="A", mask_at_write=True)).json()["mask_at_write"] is True
    renamed = (await put(marketplace="B")).json()
    assert (renamed["marketplace"], renamed["mask_at_write"]) == ("B", True)
    assert (await put(marketplace="B", mask_at_write="yes")).status_code == 422
    assert (await put(marketplace="B", mask_at_write=False)).json()["mask_at_write"] is False

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.query.core.keys import ApiKey
from services.query.core.permissions import SCOPES
from services.query.handlers.signing_in import find_caller_by_key
from shared.contracts.stored_secrets import digest_of
from tests.support.builders import RECEIVED_AT
from tests.support.fakes.query import FakeAudit, FakeCredentials
from tests.support.panel_over_fakes import FROM_PANEL, services, visitor

FRONT = ApiKey("front", "loja", "<b>Loja", frozenset({"read"}), "ponte_abcdef", RECEIVED_AT, created_by="id")
SECRET = re.compile(r"ponte_[\w-]{43}")


@pytest.fixture
async def keys() -> FakeCredentials:
    known = FakeCredentials()
    await known.add_key(FRONT, digest_of("front"))
    await known.add_key(ApiKey("hers", "vizinha", "Segredo", frozenset(), "seg", RECEIVED_AT), digest_of("hers"))
    return known


def form(**fields: Any) -> dict[str, Any]:
    """A form of a new key as a page holds it."""
    return {"id": uuid4().hex, "name": "vitrine", "scopes": ["read", "export"], **fields}


def of(keys: FakeCredentials, name: str) -> list[ApiKey]:
    return [key for key in keys.keys.values() if key.name == name]


def told(answer: httpx.Response) -> list[str]:
    return SECRET.findall(answer.text)


@pytest.mark.parametrize("scopes", [("read",), ("read", "export", "reprocess")])
async def test_keys_are_for_admins_alone(keys: FakeCredentials, scopes: tuple[str, ...]) -> None:
    async with await visitor(services(credentials=keys), *scopes) as client:
        for path in ("/keys", "/new-key", "/keys/front"):
            assert (await client.get(path)).status_code == 403
        for path in ("/keys", "/keys/front/rotate", "/keys/front/revoke"):
            assert (await client.post(path, data=form(), headers=FROM_PANEL)).status_code == 403
        assert 'href="/keys"' not in (await client.get("/logs/order")).text
    assert keys.keys[digest_of("front")] == FRONT
    assert of(keys, "vitrine") == []


async def test_the_list_tells_the_accounts_keys_and_which_one_is_the_visitors(keys: FakeCredentials) -> None:
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        page, neighbour = await client.get("/keys"), await client.get("/keys/hers")
        start = await client.get("/logs/order")
    assert "&lt;b&gt;Loja" in page.text
    assert "ponte_abcdef…" in page.text
    assert "Segredo" not in page.text.replace("Começo do segredo", "")
    assert page.text.count("você entrou com esta") == 1
    assert neighbour.status_code == 404
    assert 'href="/keys"' in start.text


async def test_a_secret_is_shown_by_the_answer_that_makes_the_key_and_by_no_page_after_it(
    keys: FakeCredentials,
) -> None:
    audit = FakeAudit()
    made = services(credentials=keys, audit=audit)
    async with await visitor(made, *SCOPES) as client:
        answer = await client.post("/keys", data=form(reason="nova vitrine"), headers=FROM_PANEL)
        (key,) = of(keys, "vitrine")
        after = [await client.get(path) for path in ("/keys", f"/keys/{key.id}")]
    (secret,) = told(answer)
    caller = await find_caller_by_key(keys, secret, now=made.now)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (caller.account, caller.scopes, key.created_by) == ("loja", {"read", "export"}, "id")
    assert [told(page) for page in after] == [[], []]
    assert [(line.action, line.reason) for line in audit.lines if line.target == key.id] == [
        ("key.created", "nova vitrine")
    ]


async def test_a_form_that_is_sent_twice_makes_one_key_and_is_answered_alike(keys: FakeCredentials) -> None:
    sent = form()
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        first, again = [await client.post("/keys", data=sent, headers=FROM_PANEL) for _ in "12"]
        other = await client.post("/keys", data={**sent, "name": "outra"}, headers=FROM_PANEL)
        bare = await client.post("/keys", data=form(id="x"), headers=FROM_PANEL)
    assert told(first) == told(again) != []
    assert len(of(keys, "vitrine")) == 1
    assert (other.status_code, bare.status_code) == (422, 422)
    assert "já foi enviado uma vez" in other.text
    assert 'name="name" value="outra"' in other.text
    assert sent["id"] not in other.text
    assert of(keys, "outra") == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"expires_at": "amanhã"}, "expires-at"),
        ({"expires_at": "2020-01-01T00:00"}, "expires-at"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
async def test_what_cannot_be_is_told_beside_its_field_and_the_rest_is_kept(
    keys: FakeCredentials, changes: dict[str, Any], field: str
) -> None:
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        answer = await client.post("/keys", data=form(reason="porque sim") | changes, headers=FROM_PANEL)
    assert answer.status_code == 422
    assert re.findall(r'class="field-error" id="([\w-]+)-error"', answer.text) == [field]
    for kept in ('name="name" value="vitrine"', 'name="reason" value="porque sim"', 'value="export" checked'):
        name = kept.partition('"')[2].partition('"')[0]
        assert name in changes or "scopes" in changes or kept in answer.text, kept
    assert len(keys.keys) == 3


async def test_an_end_is_read_in_the_zone_that_the_form_showed(keys: FakeCredentials) -> None:
    sent = form(expires_at="2099-12-31T23:00", zone="Asia/Tokyo")
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        await client.post("/keys", data=sent, headers=FROM_PANEL)
        refused = await client.post("/keys", data=form(**{**sent, "name": ""}), headers=FROM_PANEL)
    (key,) = of(keys, "vitrine")
    assert key.expires_at is not None
    assert key.expires_at.isoformat() == "2099-12-31T14:00:00+00:00"
    assert 'value="2099-12-31T23:00"' in refused.text
    assert "Asia/Tokyo" in refused.text


async def test_nobody_is_offered_or_given_more_than_they_hold(keys: FakeCredentials) -> None:
    everything = ApiKey("all", "loja", "todas", frozenset(SCOPES), "ponte_tudo", RECEIVED_AT)
    await keys.add_key(everything, digest_of("all"))
    async with await visitor(services(credentials=keys), "admin") as client:
        offered = await client.get("/new-key")
        beyond = await client.post("/keys", data=form(), headers=FROM_PANEL)
        page = await client.get("/keys/all")
        rotated = await client.post("/keys/all/rotate", data=form(overlap_seconds="0"), headers=FROM_PANEL)
    assert re.findall(r'name="scopes" value="(\w+)"', offered.text) == ["admin"]
    assert (beyond.status_code, rotated.status_code) == (403, 403)
    assert "/keys/all/rotate" not in page.text
    assert "Ver, Exportar, Reprocessar." in unescape(page.text)


async def test_a_key_is_replaced_once_and_its_secret_told_once(keys: FakeCredentials) -> None:
    audit, sent = FakeAudit(), form(overlap_seconds="3600", reason="anual")
    async with await visitor(services(credentials=keys, audit=audit), *SCOPES) as client:
        first, again = [await client.post("/keys/front/rotate", data=sent, headers=FROM_PANEL) for _ in "12"]
        late = await client.post("/keys/front/rotate", data=form(overlap_seconds="0"), headers=FROM_PANEL)
        page = await client.get("/keys/front")
    old = keys.keys[digest_of("front")]
    assert told(first) == told(again) != []
    assert old.expires_at == RECEIVED_AT + timedelta(hours=1)
    assert f'href="/keys/{old.replaced_by}"' in page.text
    assert "/keys/front/rotate" not in page.text
    assert (late.status_code, told(late)) == (409, [])
    assert "já foi trocada ou não vale mais" in late.text
    assert [line.reason for line in audit.lines if line.action == "key.rotated"] == ["anual"]


async def test_a_replacement_that_cannot_be_is_told_beside_its_field(keys: FakeCredentials) -> None:
    sent = form(overlap_seconds="9" * 5_000, expires_at="2020-01-01T00:00", reason="anual")
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        answer = await client.post("/keys/front/rotate", data=sent, headers=FROM_PANEL)
        missing = await client.post("/keys/none/rotate", data=form(overlap_seconds="0"), headers=FROM_PANEL)
    assert (answer.status_code, missing.status_code) == (422, 404)
    assert 'id="overlap-error"' in answer.text
    assert 'value="2020-01-01T00:00"' in answer.text
    assert 'name="reason" value="anual"' in answer.text
    assert keys.keys[digest_of("front")] == FRONT


async def test_a_key_is_revoked_with_its_reason_and_again_changes_nothing(keys: FakeCredentials) -> None:
    audit = FakeAudit()
    async with await visitor(services(credentials=keys, audit=audit), *SCOPES) as client:
        long = await client.post("/keys/front/revoke", data={"reason": "x" * 501}, headers=FROM_PANEL)
        answers = [await client.post("/keys/front/revoke", data={"reason": "vazou"}, headers=FROM_PANEL) for _ in "12"]
        page = await client.get(answers[0].headers["location"])
    assert (long.status_code, 'id="revoke-reason-error"' in long.text) == (422, True)
    assert [(one.status_code, one.headers["location"]) for one in answers] == [(303, "/keys/front?done=revoked")] * 2
    assert keys.keys[digest_of("front")].revoked_at == RECEIVED_AT
    assert "Chave revogada." in page.text
    assert "/keys/front/revoke" not in page.text
    assert [line.reason for line in audit.lines if line.action == "key.revoked"] == ["vazou"]


async def test_who_would_end_their_own_session_is_told_so_and_led_to_the_sign_in(keys: FakeCredentials) -> None:
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        own, other = (await client.get("/keys/id")).text, (await client.get("/keys/front")).text
        gone = await client.post("/keys/id/revoke", headers=FROM_PANEL)
        after = await client.get(gone.headers["location"])
    for words in ("Você entrou com esta chave.", "a sua sessão termina na hora", "a sua também, terminam"):
        assert (words in unescape(own), words in unescape(other)) == (True, False), words
    assert after.status_code == 303
    assert after.headers["location"].startswith("/sign-in")


async def test_a_form_of_another_site_makes_replaces_and_revokes_no_key(keys: FakeCredentials) -> None:
    before = dict(keys.keys)
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        for path in ("/keys", "/keys/front/rotate", "/keys/front/revoke"):
            forged = await client.post(path, data=form(), headers={"Origin": "https://evil.example"})
            assert forged.status_code == 403
    assert {key.id for key in keys.keys.values()} == {*(key.id for key in before.values()), "id"}
    assert keys.keys[digest_of("front")] == FRONT


async def test_older_keys_are_a_page_on(keys: FakeCredentials) -> None:
    for number in range(60):
        key = ApiKey(f"k{number:02}", "loja", f"chave {number:02}", frozenset(), "p", RECEIVED_AT - timedelta(1))
        await keys.add_key(key, digest_of(key.id))
    async with await visitor(services(credentials=keys), *SCOPES) as client:
        first = await client.get("/keys")
        onward = re.search('rel="next" href="([^"]*)"', first.text)
        assert onward is not None
        older = await client.get(unescape(onward[1]))
    assert ("chave 59" in first.text, "chave 00" in first.text) == (True, False)
    assert ("chave 59" in older.text, "chave 00" in older.text) == (False, True)

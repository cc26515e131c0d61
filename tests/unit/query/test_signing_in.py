from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from services.query.core.keys import ApiKey
from services.query.core.permissions import SCOPES, Caller, CredentialRefused
from services.query.handlers.keys import revoke_key, rotate_key
from services.query.handlers.signing_in import (
    create_sign_in_code,
    ensure_first_key,
    exchange_sign_in_code,
    find_caller_by_key,
    find_caller_by_session,
    is_still_good,
    sign_in_with_key,
    sign_out,
)
from services.query.settings import Settings
from shared.contracts.errors import NotPermitted
from shared.contracts.stored_secrets import digest_of
from tests.support.api_contract import NOWHERE
from tests.support.fakes.query import FakeAudit, FakeCredentials
from tests.support.fakes.reprocessor import FakeClock

KEY = "0123456789abcdef0123456789abcdef"


class Door:
    """The first key, and what opens with it."""

    def __init__(self) -> None:
        self.credentials, self.audit, self.clock = FakeCredentials(), FakeAudit(), FakeClock()

    async def admin(self, **changes: object) -> Caller:
        await ensure_first_key(self.credentials, "loja", KEY, now=self.clock)
        self.key = replace(self.credentials.keys[digest_of(KEY)], **changes)
        self.credentials.keys[digest_of(KEY)] = self.key
        return await find_caller_by_key(self.credentials, KEY, now=self.clock)

    async def session(self) -> str:
        return (await sign_in_with_key(self.credentials, self.audit, f" {KEY} ", now=self.clock)).secret

    async def code(self, caller: Caller) -> str:
        return (await create_sign_in_code(self.credentials, self.audit, caller, now=self.clock)).secret

    async def enter(self, code: str) -> str:
        return (await exchange_sign_in_code(self.credentials, self.audit, code, now=self.clock)).secret

    async def visitor(self, token: str) -> Caller | None:
        return await find_caller_by_session(self.credentials, token, now=self.clock)


@pytest.fixture
def door() -> Door:
    return Door()


async def test_a_sign_in_link_works_once_and_for_ten_minutes(door: Door) -> None:
    admin = await door.admin()
    first, late = await door.code(admin), await door.code(admin)

    token = await door.enter(first)
    with pytest.raises(NotPermitted):
        await door.enter(first)
    door.clock.advance(minutes=10)
    with pytest.raises(NotPermitted):
        await door.enter(late)

    assert await door.visitor(token) == replace(admin, by_session=True)
    door.clock.advance(hours=12)
    assert await door.visitor(token) is None


async def test_a_key_signs_in_and_its_session_ends_on_leaving(door: Door) -> None:
    holder = await door.admin()
    token = await door.session()
    await sign_out(door.credentials, token)

    assert (holder.account, holder.scopes) == ("loja", frozenset(SCOPES))
    assert await door.visitor(token) is None
    for wrong in ("short", "wrong" * 10):
        with pytest.raises(CredentialRefused):
            await sign_in_with_key(door.credentials, door.audit, wrong, now=door.clock)


async def test_only_an_admin_makes_sign_in_links(door: Door) -> None:
    with pytest.raises(NotPermitted):
        await door.code(replace(await door.admin(), scopes=frozenset({"read"})))


async def test_a_session_ends_when_its_key_is_revoked(door: Door) -> None:
    admin = await door.admin()
    token, code = await door.session(), await door.code(admin)

    await revoke_key(door.credentials, door.audit, admin, door.key.id, now=door.clock)

    assert await door.visitor(token) is None
    with pytest.raises(NotPermitted):
        await door.enter(code)
    with pytest.raises(CredentialRefused, match="revoked"):
        await door.session()


async def test_a_session_ends_when_its_key_expires(door: Door) -> None:
    await door.admin(expires_at=door.clock() + timedelta(hours=1))
    token = await door.session()

    door.clock.advance(minutes=59)
    assert await door.visitor(token) is not None
    door.clock.advance(minutes=1)
    assert await door.visitor(token) is None


async def test_a_session_ends_when_the_overlap_of_its_replaced_key_does(door: Door) -> None:
    admin = await door.admin()
    token = await door.session()

    await rotate_key(door.credentials, door.audit, admin, door.key.id, overlap=timedelta(minutes=5), now=door.clock)

    assert await door.visitor(token) is not None
    door.clock.advance(minutes=5)
    assert await door.visitor(token) is None


async def test_what_a_token_opened_ends_with_the_token(door: Door) -> None:
    person = Caller(
        "loja", "oidc:ana", "Ana", frozenset(SCOPES), by_token=True, good_until=door.clock() + timedelta(hours=1)
    )
    token = await door.enter(await door.code(person))

    assert (await door.visitor(token) or person).key_id == "oidc:ana"
    assert await is_still_good(door.credentials, person, now=door.clock)
    door.clock.advance(hours=1)
    assert await door.visitor(token) is None
    assert not await is_still_good(door.credentials, person, now=door.clock)


async def test_coming_in_is_written_down(door: Door) -> None:
    admin = await door.admin()
    await door.enter(await door.code(admin))
    await door.session()

    told = [(line.action, line.key_id, line.by_session) for line in door.audit.lines]
    assert told == [
        ("sign_in_code.created", admin.key_id, False),
        ("session.opened", admin.key_id, True),
        ("session.opened", admin.key_id, True),
    ]


async def test_a_first_key_that_was_revoked_stays_so_over_a_restart(door: Door) -> None:
    admin = await door.admin()
    await revoke_key(door.credentials, door.audit, admin, door.key.id, now=door.clock)

    await ensure_first_key(door.credentials, "loja", KEY, now=door.clock)

    with pytest.raises(CredentialRefused):
        await find_caller_by_key(door.credentials, KEY, now=door.clock)


async def test_a_first_key_of_another_account_stays_there_and_that_is_said(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    await door.admin()
    assert caplog.records == []
    await ensure_first_key(door.credentials, "acme", KEY, now=door.clock)

    assert (await find_caller_by_key(door.credentials, KEY, now=door.clock)).account == "loja"
    (said,) = caplog.records
    assert said.message == "key.of_another_account"
    assert "loja" in said.facts["why"]  # type: ignore[attr-defined]
    assert "acme" in said.facts["why"]  # type: ignore[attr-defined]


async def test_a_use_that_cannot_be_noted_refuses_nobody(door: Door) -> None:
    await door.admin()

    async def fail(*_: object, **__: object) -> None:
        raise NotPermitted("no")

    door.credentials.keys = {digest_of(KEY): replace(door.key, last_used_at=None)}
    door.credentials.note_use = fail  # type: ignore[method-assign]
    assert isinstance(door.key, ApiKey)
    assert (await find_caller_by_key(door.credentials, KEY, now=door.clock)).account == "loja"


@pytest.mark.parametrize("written", ["", "https://ponte.example", " https://ponte.example/ ", "http://10.0.0.7:8080"])
def test_links_begin_with_an_address_without_its_last_slash(written: str) -> None:
    assert Settings(**NOWHERE, query_public_url=written).query_public_url == written.strip().removesuffix("/")


@pytest.mark.parametrize(
    "written",
    [
        "ponte.example",
        "https://ponte.example/panel",
        "https://ponte.example?x",
        "javascript:alert(1)",
        "https://a@b.example",
    ],
)
def test_what_no_link_can_begin_with_is_refused_at_the_start(written: str) -> None:
    with pytest.raises(ValidationError, match="no address that links can begin with"):
        Settings(**NOWHERE, query_public_url=written)

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.query.core.permissions import SCOPES, Caller, CredentialRefused
from services.query.handlers.keys import NewKey, create_key, get_key, list_keys, revoke_key, rotate_key
from services.query.handlers.signing_in import find_caller_by_key
from shared.contracts.errors import InvalidCursor, InvalidField, NotEligible, NotFound, NotPermitted, StoreUnavailable
from tests.support.fakes.query import FakeAudit, FakeCredentials
from tests.support.fakes.reprocessor import FakeClock

ADMIN = Caller("loja", "k1", "first", frozenset(SCOPES), request_id="r-1")
NEIGHBOUR = replace(ADMIN, account="vizinha")
DAY = timedelta(days=1)


class Ring:
    """The keys of an account."""

    def __init__(self) -> None:
        self.keys, self.audit, self.clock = FakeCredentials(), FakeAudit(), FakeClock()

    async def create(self, *scopes: str, caller: Caller = ADMIN, **wishes: object) -> NewKey:
        chosen = scopes or ("read",)
        return await create_key(
            self.keys, self.audit, caller, name="front", scopes=set(chosen), now=self.clock, **wishes
        )

    async def rotate(
        self, key_id: str, *, overlap: timedelta = DAY, caller: Caller = ADMIN, **wishes: object
    ) -> NewKey:
        return await rotate_key(self.keys, self.audit, caller, key_id, overlap=overlap, now=self.clock, **wishes)

    async def revoke(self, key_id: str, caller: Caller = ADMIN) -> None:
        await revoke_key(self.keys, self.audit, caller, key_id, reason="leaked", now=self.clock)

    async def caller(self, secret: str) -> Caller:
        return await find_caller_by_key(self.keys, secret, now=self.clock)


@pytest.fixture
def ring() -> Ring:
    return Ring()


async def test_a_new_key_opens_its_account_and_its_secret_is_nowhere(ring: Ring) -> None:
    new = await ring.create("read", "export")

    caller = await ring.caller(new.secret)
    assert (caller.account, caller.scopes, caller.name) == ("loja", {"read", "export"}, "front")
    assert re.fullmatch(r"ponte_[\w-]{43}", new.secret)
    assert new.key.prefix == new.secret[:12]
    assert new.secret not in repr(ring.keys.keys)
    assert (await ring.create()).secret != new.secret


async def test_an_operation_that_is_tried_again_makes_one_key_and_the_secret_nobody_was_told_is_good_no_more(
    ring: Ring,
) -> None:
    lost = await ring.create(operation="op-1")
    told = await ring.create(operation="op-1")
    other = await ring.create(operation="op-2")

    assert {key.id for key in ring.keys.keys.values()} == {told.key.id, other.key.id}
    assert (lost.key.id, (await ring.caller(told.secret)).key_id) == (told.key.id, told.key.id)
    with pytest.raises(CredentialRefused):
        await ring.caller(lost.secret)


async def test_nobody_makes_a_key_that_is_more_than_they_are(ring: Ring) -> None:
    for caller in (replace(ADMIN, scopes=frozenset({"read"})), replace(ADMIN, scopes=frozenset({"admin"}))):
        with pytest.raises(NotPermitted):
            await ring.create("read", "reprocess", caller=caller)
    strong = await ring.create(*SCOPES)
    with pytest.raises(NotPermitted, match="lacks"):
        await ring.rotate(strong.key.id, caller=replace(ADMIN, scopes=frozenset({"admin", "read"})))
    assert [line.action for line in ring.audit.lines] == ["key.created"]


async def test_a_key_works_until_it_expires(ring: Ring) -> None:
    new = await ring.create(expires_at=ring.clock() + DAY)
    assert (await ring.caller(new.secret)).good_until == ring.clock() + DAY
    ring.clock.advance(days=1)
    with pytest.raises(CredentialRefused, match="expired since"):
        await ring.caller(new.secret)
    with pytest.raises(InvalidField):
        await ring.create(expires_at=ring.clock())


async def test_a_revoked_key_works_no_more_and_stays_revoked(ring: Ring) -> None:
    new = await ring.create()
    await ring.revoke(new.key.id)
    when = ring.clock()
    ring.clock.advance(hours=1)
    await ring.revoke(new.key.id)

    with pytest.raises(CredentialRefused, match="revoked since"):
        await ring.caller(new.secret)
    assert (await get_key(ring.keys, ADMIN, new.key.id)).revoked_at == when


async def test_two_keys_work_while_one_replaces_the_other(ring: Ring) -> None:
    old = await ring.create("read", "export")
    new = await ring.rotate(old.key.id, overlap=timedelta(hours=2))

    assert (new.key.name, new.key.scopes) == (old.key.name, old.key.scopes)
    ring.clock.advance(hours=1)
    assert (await ring.caller(old.secret)).key_id == old.key.id
    assert (await ring.caller(new.secret)).key_id == new.key.id
    ring.clock.advance(hours=1)
    with pytest.raises(CredentialRefused):
        await ring.caller(old.secret)
    assert (await get_key(ring.keys, ADMIN, old.key.id)).replaced_by == new.key.id
    assert await ring.caller(new.secret)


async def test_an_overlap_never_makes_a_key_last_longer(ring: Ring) -> None:
    old = await ring.create(expires_at=ring.clock() + timedelta(hours=1))
    new = await ring.rotate(old.key.id, overlap=DAY)

    assert (await get_key(ring.keys, ADMIN, old.key.id)).expires_at == old.key.expires_at
    assert new.key.expires_at == ring.clock() + timedelta(hours=1), "as long as the one before was to last"
    for wrong in (timedelta(seconds=-1), timedelta(days=31)):
        with pytest.raises(InvalidField):
            await ring.rotate(new.key.id, overlap=wrong)


async def test_a_key_has_one_successor(ring: Ring) -> None:
    old, over = await ring.create(), await ring.create()
    await ring.rotate(old.key.id)
    await ring.revoke(over.key.id)
    for key in (old, over):
        with pytest.raises(NotEligible):
            await ring.rotate(key.key.id)


@pytest.mark.parametrize("died_after", ["the new key", "the old one named it"])
async def test_a_rotation_that_is_tried_again_makes_one_successor_whose_secret_is_told(
    ring: Ring, died_after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, rename = await ring.create("read", expires_at=ring.clock() + 7 * DAY), ring.keys.replace_key

    async def die(*_: object, **wishes: Any) -> None:
        if died_after == "the old one named it":
            await rename("loja", old.key.id, **wishes)
        raise StoreUnavailable("gone")

    monkeypatch.setattr(ring.keys, "replace_key", die)
    with pytest.raises(StoreUnavailable):
        await ring.rotate(old.key.id, overlap=timedelta(0), operation="op")
    monkeypatch.undo()
    ring.clock.advance(seconds=1)
    new = await ring.rotate(old.key.id, overlap=timedelta(0), operation="op")

    kept = await get_key(ring.keys, ADMIN, old.key.id)
    assert kept.replaced_by == new.key.id
    assert (await ring.caller(new.secret)).key_id == new.key.id
    assert len((await list_keys(ring.keys, ADMIN)).items) == 2
    assert new.key.expires_at is not None
    assert new.key.expires_at > ring.clock() + 6 * DAY
    with pytest.raises(NotEligible):
        await ring.rotate(old.key.id, operation="another")
    await ring.revoke(new.key.id)
    with pytest.raises(NotEligible):
        await ring.rotate(old.key.id, overlap=timedelta(0), operation="op")


async def test_of_two_who_replace_a_key_at_once_one_gets_a_key(ring: Ring) -> None:
    old = await ring.create()
    find = ring.keys.find_key_by_id

    async def see_late(account: str, key_id: str) -> object:
        found = await find(account, key_id)
        return None if found is None else replace(found, replaced_by=None)

    await ring.rotate(old.key.id)
    ring.keys.find_key_by_id = see_late  # type: ignore[assignment, method-assign]
    ring.keys.replace_key = lost  # type: ignore[method-assign]
    with pytest.raises(NotEligible):
        await ring.rotate(old.key.id)

    active = [key for key in ring.keys.keys.values() if key.state_at(ring.clock()) == "active"]
    assert len(active) == 2


async def lost(*_: object, **__: object) -> None:
    return None


async def test_keys_of_another_account_are_not_there(ring: Ring) -> None:
    new = await ring.create()
    for attempt in (ring.rotate(new.key.id, caller=NEIGHBOUR), ring.revoke(new.key.id, NEIGHBOUR)):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(NotFound):
        await get_key(ring.keys, NEIGHBOUR, new.key.id)
    assert (await list_keys(ring.keys, NEIGHBOUR)).items == []
    assert await ring.caller(new.secret)


async def test_all_keys_are_listed_once_newest_first_a_page_at_a_time_both_ways(ring: Ring) -> None:
    made = []
    for number in range(5):
        made.append((await ring.create()).key)
        ring.clock.advance(seconds=number % 2)
    forward = [await list_keys(ring.keys, ADMIN, limit=2)]
    while cursor := forward[-1].next_cursor:
        forward.append(await list_keys(ring.keys, ADMIN, cursor=cursor, limit=2))
        with pytest.raises(InvalidCursor):
            await list_keys(ring.keys, NEIGHBOUR, cursor=cursor)
    back = [forward[-1]]
    while cursor := back[-1].previous_cursor:
        back.append(await list_keys(ring.keys, ADMIN, cursor=cursor, limit=2))

    told = [key for page in forward for key in page.items]
    assert told == sorted(made, key=lambda key: (key.created_at, key.id), reverse=True)
    assert [page.items for page in back] == [page.items for page in reversed(forward)]


async def test_what_is_done_with_keys_is_written_down(ring: Ring) -> None:
    old = await ring.create(reason="new shop")
    await ring.rotate(old.key.id, reason="yearly")
    await ring.revoke(old.key.id)

    told = [(line.action, line.target, line.reason, line.key_id, line.request_id) for line in ring.audit.lines]
    assert told == [
        ("key.created", old.key.id, "new shop", "k1", "r-1"),
        ("key.rotated", old.key.id, "yearly", "k1", "r-1"),
        ("key.revoked", old.key.id, "leaked", "k1", "r-1"),
    ]


async def test_keys_are_the_business_of_admins(ring: Ring) -> None:
    other = replace(ADMIN, scopes=frozenset(SCOPES) - {"admin"})
    new = await ring.create()
    for attempt in (
        ring.create(caller=other),
        ring.rotate(new.key.id, caller=other),
        ring.revoke(new.key.id, other),
        get_key(ring.keys, other, new.key.id),
        list_keys(ring.keys, other),
    ):
        with pytest.raises(NotPermitted):
            await attempt


async def test_a_key_that_lasts_to_the_end_of_the_calendar_can_be_replaced(ring: Ring) -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    old = await ring.create(expires_at=never)
    ring.clock.advance(days=1)

    assert (await ring.rotate(old.key.id)).key.expires_at == never

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.query.core.cursor import Position
from services.query.core.keys import ApiKey
from services.query.core.permissions import Caller
from services.query.handlers.auditing import Audit, AuditFilter, AuditLine
from services.query.handlers.keys import KeyStore
from services.query.handlers.signing_in import Credentials

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = ApiKey(
    id="k1",
    account="loja",
    name="front",
    scopes=frozenset({"read", "admin"}),
    prefix="ponte_abc",
    created_at=NOW,
    created_by="k0",
    expires_at=NOW + timedelta(days=1),
)
LINE = AuditLine(
    account="loja",
    at=NOW,
    action="entry.revealed",
    target="loja|order|MLC|1",
    key_id="k1",
    key_name="front",
    by_session=True,
    reason="$where: the buyer called",
    by_token=True,
    request_id="r-1",
    id="a1",
)


class KeyStoreSuite:
    async def test_a_key_is_found_by_its_hash_and_by_its_accounts_id(self, keys: KeyStore) -> None:
        await keys.add_key(KEY, "hash")
        assert await keys.find_key("hash") == KEY
        assert await keys.find_key_by_id("loja", "k1") == KEY
        assert await keys.find_key("other") is None
        assert await keys.find_key_by_id("vizinha", "k1") is None

    async def test_a_key_stored_again_stays_as_it_is(self, keys: KeyStore) -> None:
        await keys.add_key(KEY, "hash")
        await keys.revoke_key("loja", "k1", at=NOW)
        await keys.add_key(replace(KEY, name="other"), "hash")
        assert await keys.find_key("hash") == replace(KEY, revoked_at=NOW)

    async def test_a_key_put_in_the_place_of_another_is_the_only_one_of_its_id(self, keys: KeyStore) -> None:
        await keys.put_key(KEY, "first")
        assert await keys.find_key("first") == KEY
        await keys.put_key(replace(KEY, prefix="ponte_other"), "second")
        assert await keys.find_key("first") is None
        assert await keys.find_key("second") == replace(KEY, prefix="ponte_other")
        assert await keys.list_keys("loja", after=None, limit=9) == [replace(KEY, prefix="ponte_other")]

    async def test_a_key_is_revoked_at_once_and_for_its_account_only(self, keys: KeyStore) -> None:
        await keys.add_key(KEY, "hash")
        assert await keys.find_key("hash") == KEY
        assert await keys.revoke_key("vizinha", "k1", at=NOW) is None
        assert await keys.revoke_key("loja", "k1", at=NOW) == replace(KEY, revoked_at=NOW)
        assert await keys.revoke_key("loja", "k1", at=NOW + SECOND) == replace(KEY, revoked_at=NOW)
        for found in (await keys.find_key("hash"), await keys.find_key_by_id("loja", "k1")):
            assert found == replace(KEY, revoked_at=NOW)

    async def test_an_active_key_gets_one_successor(self, keys: KeyStore) -> None:
        await keys.add_key(KEY, "hash")
        assert await keys.find_key("hash") == KEY
        changed = replace(KEY, expires_at=NOW + SECOND, replaced_by="k2")
        assert await keys.replace_key("vizinha", "k1", by="k2", until=NOW + SECOND, now=NOW) is None
        assert await keys.replace_key("loja", "k1", by="k2", until=NOW + SECOND, now=NOW) == changed
        assert await keys.find_key("hash") == changed
        assert await keys.replace_key("loja", "k1", by="k3", until=NOW + SECOND, now=NOW) is None

    async def test_a_key_that_is_over_gets_no_successor(self, keys: KeyStore) -> None:
        await keys.add_key(replace(KEY, expires_at=NOW), "expired")
        await keys.add_key(replace(KEY, id="k2", revoked_at=NOW), "revoked")
        await keys.add_key(replace(KEY, id="k3", expires_at=None), "good")
        for key_id, is_replaced in (("k1", False), ("k2", False), ("k3", True)):
            found = await keys.replace_key("loja", key_id, by="k9", until=NOW + SECOND, now=NOW)
            assert (found is not None) == is_replaced

    async def test_a_use_is_noted_unless_one_is_known(self, keys: KeyStore) -> None:
        async def used() -> datetime | None:
            (key,) = await keys.list_keys("loja", after=None, limit=9)
            return key.last_used_at

        await keys.add_key(KEY, "hash")
        await keys.note_use("k1", at=NOW, unless_since=NOW - SECOND)
        assert await used() == NOW
        await keys.note_use("k1", at=NOW + SECOND, unless_since=NOW - SECOND)
        assert await used() == NOW
        await keys.note_use("k1", at=NOW + SECOND, unless_since=NOW)
        assert await used() == NOW + SECOND

    async def test_a_use_is_known_to_whoever_finds_the_key_next(self, keys: KeyStore) -> None:
        await keys.add_key(KEY, "hash")
        assert await keys.find_key("hash") == KEY
        await keys.note_use("k1", at=NOW, unless_since=NOW - SECOND)
        assert await keys.find_key("hash") == replace(KEY, last_used_at=NOW)

    async def test_an_accounts_keys_are_listed_newest_first(self, keys: KeyStore) -> None:
        made = [replace(KEY, id=f"k{n}", created_at=NOW + (n // 2) * SECOND) for n in range(4)]
        for key in (*made, replace(KEY, id="x", account="vizinha")):
            await keys.add_key(key, f"hash {key.id}")
        wanted = [made[3], made[2], made[1], made[0]]
        assert await keys.list_keys("loja", after=None, limit=9) == wanted
        for at, key in enumerate(wanted):
            place = Position(key.created_at, key.id)
            assert await keys.list_keys("loja", after=place, limit=2) == wanted[at + 1 : at + 3]
            newer = await keys.list_keys("loja", after=place, ascending=True, limit=2)
            assert newer == wanted[max(0, at - 2) : at][::-1]


class CredentialsSuite:
    holder = Caller("loja", "k1", "first", frozenset({"read", "admin"}), by_token=True, good_until=NOW)

    async def test_a_code_is_taken_once_and_in_time(self, credentials: Credentials) -> None:
        await credentials.save_code("good", self.holder, expires_at=NOW + timedelta(minutes=10))
        await credentials.save_code("late", self.holder, expires_at=NOW)
        assert await credentials.take_code("good", now=NOW) == self.holder
        assert await credentials.take_code("good", now=NOW) is None
        assert await credentials.take_code("late", now=NOW) is None

    async def test_a_session_lasts_until_it_is_over_or_ended(self, credentials: Credentials) -> None:
        await credentials.save_session("s", self.holder, expires_at=NOW + timedelta(hours=1))
        assert await credentials.find_session("s", now=NOW) == replace(self.holder, by_session=True)
        assert await credentials.find_session("s", now=NOW + timedelta(hours=1)) is None
        await credentials.end_session("s")
        assert await credentials.find_session("s", now=NOW) is None


class AuditSuite:
    async def test_a_line_is_read_as_it_was_written_by_its_account_only(self, audit: Audit) -> None:
        await audit.record(LINE)
        assert await audit.list_lines("loja", AuditFilter(), after=None, limit=9) == [LINE]
        assert await audit.list_lines("vizinha", AuditFilter(), after=None, limit=9) == []

    async def test_lines_are_told_by_who_what_to_what_and_when(self, audit: Audit) -> None:
        other = replace(LINE, id="a2", key_id="oidc:ana", action="key.revoked", target="k9", at=NOW + SECOND)
        for line in (LINE, other):
            await audit.record(line)
        for rows, found in (
            (AuditFilter(), [other, LINE]),
            (AuditFilter(actor=("k1",)), [LINE]),
            (AuditFilter(actor=("k1", "oidc:ana")), [other, LINE]),
            (AuditFilter(action=("key.revoked",)), [other]),
            (AuditFilter(target=("k9",)), [other]),
            (AuditFilter(target=("k9",), actor=("k1",)), []),
            (AuditFilter(action=("entry.revealed",), actor=("k1",)), [LINE]),
            (AuditFilter(from_at=NOW + SECOND), [other]),
            (AuditFilter(to_at=NOW + SECOND), [LINE]),
            (AuditFilter(from_at=NOW, to_at=NOW), []),
            (AuditFilter(actor=("$ne",)), []),
        ):
            assert await audit.list_lines("loja", rows, after=None, limit=9) == found

    async def test_each_line_is_told_once_however_many_share_an_instant(self, audit: Audit) -> None:
        made = [replace(LINE, id=f"a{n}", at=NOW + (n // 3) * SECOND) for n in range(7)]
        for line in made:
            await audit.record(line)
        for ascending in (False, True):
            seen: list[AuditLine] = []
            while True:
                after = Position(seen[-1].at, seen[-1].id) if seen else None
                rows = AuditFilter(from_at=NOW)
                page = await audit.list_lines("loja", rows, after=after, ascending=ascending, limit=2)
                if not page:
                    break
                seen += page
            assert seen == (made if ascending else made[::-1])

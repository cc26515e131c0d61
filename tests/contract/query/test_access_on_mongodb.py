from datetime import timedelta

import pytest

from services.query.adapters.mongo_audit import MongoAudit
from services.query.adapters.mongo_keys import REMEMBERED_FOR, MongoKeys
from services.query.adapters.mongo_sessions import MongoCredentials
from services.query.core.cursor import Position
from services.query.handlers.auditing import AuditFilter
from shared.contracts.names import API_KEYS, AUDIT
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.contract.query.access_suites import (
    KEY,
    LINE,
    NOW,
    SECOND,
    AuditSuite,
    CredentialsSuite,
    KeyStoreSuite,
)
from tests.support.fakes.reprocessor import FakeClock

LIMIT_MS = 5000


class TestMongoKeys(KeyStoreSuite):
    @pytest.fixture
    def keys(self, database: Database) -> MongoKeys:
        return MongoKeys(database, time_limit_ms=LIMIT_MS, now=now)


class TestMongoCredentials(CredentialsSuite):
    @pytest.fixture
    def credentials(self, database: Database) -> MongoCredentials:
        return MongoCredentials(database, time_limit_ms=LIMIT_MS, now=now)


class TestMongoAudit(AuditSuite):
    @pytest.fixture
    def audit(self, database: Database) -> MongoAudit:
        return MongoAudit(database, time_limit_ms=LIMIT_MS)


async def test_a_key_revoked_by_another_process_works_for_seconds_more(database: Database) -> None:
    clock = FakeClock()
    here, there = (MongoKeys(database, time_limit_ms=LIMIT_MS, now=clock) for _ in range(2))
    await here.add_key(KEY, "hash")
    assert await here.find_key("hash") == KEY

    await there.revoke_key("loja", "k1", at=NOW)

    assert await here.find_key("hash") == KEY
    clock.advance(seconds=REMEMBERED_FOR / timedelta(seconds=1))
    assert getattr(await here.find_key("hash"), "revoked_at", None) == NOW


async def test_a_busy_key_costs_one_look_up_and_many_processes_one_write(database: Database) -> None:
    await MongoKeys(database, time_limit_ms=LIMIT_MS, now=now).add_key(KEY, "hash")
    processes = [MongoKeys(database, time_limit_ms=LIMIT_MS, now=now) for _ in range(3)]
    assert [await keys.find_key("hash") for keys in processes] == [KEY] * 3
    for at, keys in enumerate(processes):
        await keys.note_use("k1", at=NOW + timedelta(seconds=at), unless_since=NOW - timedelta(minutes=1))
    stored = await database[API_KEYS].find_one({"_id": "k1"})
    assert stored is not None
    assert stored["last_used_at"] == NOW

    await database[API_KEYS].delete_many({})
    assert [getattr(await keys.find_key("hash"), "id", None) for keys in processes] == ["k1"] * 3


async def test_keys_stored_by_an_older_version_are_good(database: Database) -> None:
    old = {
        "account": "loja",
        "key_id": "k1",
        "name": "first",
        "scopes": ["read"],
        "hash": "h",
        "prefix": "abc",
        "created_at": NOW,
    }
    await database[API_KEYS].insert_one({"_id": "k1", **old})

    found = await MongoKeys(database, time_limit_ms=LIMIT_MS, now=now).find_key("h")

    assert found is not None
    assert (found.state_at(NOW), found.replaced_by) == ("active", None)


async def test_lines_written_by_an_older_version_are_read(database: Database) -> None:
    old = {
        "account": "loja",
        "at": NOW,
        "action": "entry.revealed",
        "entry": LINE.target,
        "key_id": "k1",
        "key_name": "front",
        "by_session": False,
        "reason": "why",
    }
    await database[AUDIT].insert_one(old)

    (line,) = await MongoAudit(database, time_limit_ms=LIMIT_MS).list_lines("loja", AuditFilter(), after=None, limit=9)

    assert (line.target, line.request_id) == (LINE.target, "")


@pytest.mark.parametrize(
    "rows",
    [AuditFilter(), AuditFilter(actor=("k1",)), AuditFilter(action=("a",)), AuditFilter(target=("t",), from_at=NOW)],
)
@pytest.mark.parametrize(("after", "ascending"), [(None, False), (150, False), (150, True)])
async def test_a_page_of_the_audit_reads_no_more_than_it_shows(
    database: Database, rows: AuditFilter, after: int | None, *, ascending: bool
) -> None:
    told = {"account": "loja", "key_id": "k1", "action": "a", "target": "t"}
    lines = [{"_id": f"a{n:03}", "at": NOW + n * SECOND, **told} for n in range(300)]
    await database[AUDIT].insert_many([{**line, "key_name": "", "by_session": False, "reason": ""} for line in lines])
    audit = MongoAudit(database, time_limit_ms=LIMIT_MS)
    await database.command("profile", 2)

    place = None if after is None else Position(NOW + after * SECOND, f"a{after:03}")
    assert len(await audit.list_lines("loja", rows, after=place, ascending=ascending, limit=10)) == 10

    await database.command("profile", 0)
    seen = await database["system.profile"].find_one({"ns": f"{database.name}.{AUDIT}", "op": "query"})
    assert seen is not None
    assert seen["keysExamined"] <= 12
    assert not seen.get("hasSortStage", False)

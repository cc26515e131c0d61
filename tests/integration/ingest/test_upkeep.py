from typing import Any

import pytest

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from services.ingest.adapters.mongo_integrations import REMEMBERED_SECONDS, MongoIntegrations
from services.ingest.adapters.mongo_old_content import MongoOldContent
from shared.contracts.errors import StoreUnavailable
from shared.contracts.names import ATTEMPTS, COLLECTIONS, INTEGRATIONS, LOG_ENTRIES
from shared.mongo.client import Database

DAY = 24 * 3600


async def expiry(database: Database) -> Any:
    return (await database[ATTEMPTS].index_information())["expiry"]["expireAfterSeconds"]


async def test_a_changed_setting_holds_for_all_attempts_and_outlives_provisioning(
    database: Database, servers: Servers
) -> None:
    assert await expiry(database) == 90 * DAY

    await MongoOldContent(database).keep_attempts(30)
    provision_collections(servers.mongo.uri, database.name, COLLECTIONS)
    assert await expiry(database) == 30 * DAY

    await MongoOldContent(database).keep_attempts(0)
    assert await expiry(database) == 2**31 - 1


async def test_indexes_that_nobody_reads_any_more_are_dropped(servers: Servers, database: Database) -> None:
    entries = database[LOG_ENTRIES]
    await entries.create_index([("account", 1), ("kind", 1), ("code", 1), ("_id", 1)], name="by_code")
    await entries.create_index([("somebody", 1)], name="of_an_operator")

    provision_collections(servers.mongo.uri, database.name, COLLECTIONS)

    names = set(await entries.index_information())
    wanted = {index.name for spec in COLLECTIONS if spec.name == LOG_ENTRIES for index in spec.indexes}
    assert names == {"_id_", "of_an_operator", *wanted}


async def test_an_unprovisioned_database_is_told_and_no_reason_to_die(database: Database) -> None:
    await database[ATTEMPTS].drop()

    with pytest.raises(StoreUnavailable, match=r"deploy\.provision"):
        await MongoOldContent(database).keep_attempts(30)


async def test_the_rules_of_integrations_are_remembered_for_half_a_minute(database: Database) -> None:
    at = 0.0
    integrations = MongoIntegrations(database, seconds=lambda: at)
    assert await integrations.list_masked() == frozenset()
    await database[INTEGRATIONS].insert_many(
        {"_id": f"loja|{name}", "account": "loja", "affiliate": name, "marketplace": name, **said}
        for name, said in (
            ("MLC", {"mask_at_write": True, "minimum_availability": None}),
            ("AMZ", {"mask_at_write": False, "minimum_availability": 0}),
            ("OLD", {}),
        )
    )

    assert await integrations.list_masked() == frozenset()
    at += REMEMBERED_SECONDS

    assert await integrations.list_masked() == {("loja", "MLC")}
    assert [integrations.minimum_availability("loja", name) for name in ("MLC", "AMZ", "OLD")] == [None, 0, None]

"""`ponte up` looks up a key as query stored it, and imports nothing of query."""

from deploy.kept_key import account_of, new_key
from deploy.local.servers import Servers
from services.query.adapters.mongo_sessions import MongoCredentials
from services.query.handlers.signing_in import ensure_first_key
from shared.mongo.client import Database
from shared.runtime.clock import now


async def test_the_account_of_a_key_is_found_where_query_stored_it(
    servers: Servers, database_name: str, database: Database
) -> None:
    key = new_key()
    assert account_of(key, servers.mongo.uri, database_name) is None

    await ensure_first_key(MongoCredentials(database, time_limit_ms=5000, now=now), "acme", key, now=now)
    assert account_of(key, servers.mongo.uri, database_name) == "acme"

"""Fixtures only: servers once a session, a fresh database and fresh topics for each test that asks."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import settings
from pymongo import MongoClient

from deploy.local.servers import Servers, start_servers
from deploy.provision import provision_collections, provision_topics
from shared.contracts.names import COLLECTIONS, TOPICS
from shared.mongo.client import Database, connect

# An example of a property may take its time: how long says something about the machine. All else is as Hypothesis has it, in CI too.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

# mongod keeps a dropped collection's files, open, for as long as a snapshot may still read it: half an hour of tests' databases,
# some sixty files each, is more than the usual 20,000 a process may have, and mongod then aborts.
_SNAPSHOT_SECONDS: Final = "30"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Real Kafka and real MongoDB: given by environment, in Docker, or embedded. All topics are there."""
    told: list[str] = []
    parameters = {"minSnapshotHistoryWindowInSeconds": _SNAPSHOT_SECONDS}
    with start_servers(None, environ=os.environ, report=told.append, mongo_parameters=parameters) as running:
        provision_topics(running.kafka.bootstrap, TOPICS)
        yield running
    assert [line for line in told if "ended by itself" in line] == []  # else whatever failed meanwhile has one cause


@pytest.fixture
def database_name(servers: Servers) -> Iterator[str]:
    """A provisioned database of this test's own, dropped afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    provision_collections(servers.mongo.uri, name, COLLECTIONS)
    yield name
    with MongoClient(servers.mongo.uri) as client:
        client.drop_database(name)


@pytest.fixture
async def database(servers: Servers, database_name: str) -> AsyncIterator[Database]:
    """The same database through the product's own client."""
    async with connect(servers.mongo.uri, service="test") as client:
        yield client[database_name]


@pytest.fixture
def account() -> str:
    """An account of this test's own: topics are shared by all tests."""
    return f"loja-{uuid4().hex[:10]}"

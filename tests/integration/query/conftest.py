"""The API of a test's own: the real application in this process, over the real servers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.local.servers import Servers
from services.query.app import build
from services.query.settings import Settings
from shared.mongo.client import Database
from tests.support.seed import seed_key

Client = Callable[..., Awaitable[httpx.AsyncClient]]
FIRST_KEY = "first-key-of-the-tests-0123456789abcdef"


@pytest.fixture
async def app(servers: Servers, database_name: str, account: str) -> AsyncIterator[FastAPI]:
    settings = Settings(
        kafka_bootstrap=servers.kafka.bootstrap,
        mongo_uri=SecretStr(servers.mongo.uri),
        mongo_database=database_name,
        account=account,
        api_key=SecretStr(FIRST_KEY),
        query_rate_per_second=100_000,
        query_stream_seconds=0.3,  # clients here read an answer to its end
    )
    application = build(settings)
    async with application.router.lifespan_context(application):
        yield application


def revision_of(answer: httpx.Response) -> int:
    """Return the revision that the ETag of an answer begins with."""
    return int(answer.headers["etag"].strip('"').partition("-")[0])


def client_of(app: FastAPI, key: str | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(transport=transport, base_url="http://ponte.test", headers=headers)


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The first key's client: every scope."""
    async with client_of(app, FIRST_KEY) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """No key at all."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def neighbour(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A key with every scope, of another account."""
    key = await seed_key(database, "vizinha", "read", "export", "reprocess", "admin")
    async with client_of(app, key) as client:
        yield client


@pytest.fixture
async def reader(app: FastAPI, database: Database, account: str) -> AsyncIterator[httpx.AsyncClient]:
    """A key of the same account that may only read."""
    async with client_of(app, await seed_key(database, account, "read")) as client:
        yield client

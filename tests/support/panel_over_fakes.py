"""The panel and the API over fakes, and a visitor who is signed in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
from pydantic import SecretStr

from services.query.core.keys import ApiKey
from services.query.entrypoints.dependencies import Services
from services.query.entrypoints.http import create_app
from services.query.handlers.signing_in import sign_in_with_key
from services.query.settings import Settings
from shared.contracts.stored_secrets import digest_of
from shared.runtime.health import Health
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.fakes.query import (
    FakeAnswers,
    FakeAudit,
    FakeCommands,
    FakeCredentials,
    FakeFileStore,
    FakeFreshness,
    FakeJobs,
    FakeLetters,
    FakeLog,
    FakeRegistry,
    FakeReturnedFiles,
    FakeViews,
    counts_of,
)
from tests.support.fakes.streams import hub_over
from tests.support.seed import entry_document

FROM_PANEL = {"Origin": "http://ponte.test"}
SETTINGS = Settings(kafka_bootstrap="nowhere:1", mongo_uri=SecretStr("mongodb://nowhere"))


def services(**changes: Any) -> Services:
    """Return everything that is plugged in, with one order in error; `changes` take the place of what they name."""
    log = FakeLog([entry_document([make_event()])])
    jobs = FakeJobs()
    made = Services(
        settings=SETTINGS, now=lambda: RECEIVED_AT, log=log, stories=log, counts=counts_of(log), groups=log, entries=log, outcomes=log, reprocesses=jobs, exports=FakeJobs(), imports=FakeJobs(),
        letters=FakeLetters(), replays=FakeJobs(),
        files=FakeFileStore(), returned=FakeReturnedFiles(), commands=FakeCommands(), registry=FakeRegistry(), views=FakeViews(), freshness=FakeFreshness(), answers=FakeAnswers(), credentials=FakeCredentials(), audit=FakeAudit(),
        health=Health({}), streams=hub_over(),
    )  # fmt: skip
    return replace(made, **changes)


async def visitor(made: Services, *scopes: str) -> httpx.AsyncClient:
    """Return a browser's session of a key with these scopes."""
    key = await _add_key(made, scopes)
    issued = await sign_in_with_key(made.credentials, made.audit, key, now=made.now)
    return _client(made, cookies={"ponte_session": issued.secret})


async def program(made: Services, *scopes: str) -> httpx.AsyncClient:
    """Return a client of the API that has a key with these scopes."""
    return _client(made, headers={"Authorization": f"Bearer {await _add_key(made, scopes)}"})


async def _add_key(made: Services, scopes: Sequence[str]) -> str:
    key = "k" * 40
    stored = ApiKey("id", "loja", "Ana", frozenset(scopes), prefix=key[:6], created_at=RECEIVED_AT)
    await made.credentials.add_key(stored, digest_of(key))
    return key


def _client(made: Services, **proof: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(made)), base_url="http://ponte.test", **proof)

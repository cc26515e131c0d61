"""What is plugged into what."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI

from services.query.adapters.kafka_commands import KafkaCommands
from services.query.adapters.log.mongo_entry_finder import MongoEntryFinder
from services.query.adapters.log.mongo_groups import MongoGroups
from services.query.adapters.log.mongo_log_reader import MongoLogReader
from services.query.adapters.log.mongo_stories import MongoStories
from services.query.adapters.mongo_answers import MongoAnswers
from services.query.adapters.mongo_audit import MongoAudit
from services.query.adapters.mongo_change_feed import MongoChangeFeed
from services.query.adapters.mongo_changed_entries import MongoChangedEntries
from services.query.adapters.mongo_counts import MongoLogCounts
from services.query.adapters.mongo_files import MongoFileStore
from services.query.adapters.mongo_freshness import MongoFreshness
from services.query.adapters.mongo_letter_reader import MongoLetterReader
from services.query.adapters.mongo_outcomes import MongoOutcomes
from services.query.adapters.mongo_registry import MongoRegistry
from services.query.adapters.mongo_returned_files import MongoReturnedFiles
from services.query.adapters.mongo_rolled_counts import MongoRolledCounts
from services.query.adapters.mongo_sessions import MongoCredentials
from services.query.adapters.mongo_views import MongoViews
from services.query.adapters.oidc_key_set import KeySet
from services.query.adapters.oidc_tokens import OidcTokens
from services.query.core.claims import ClaimRules
from services.query.entrypoints.dependencies import Services
from services.query.entrypoints.event_stream import SseWriter
from services.query.entrypoints.http import create_app
from services.query.entrypoints.serving import KEPT_IDLE_SECONDS, Server, allow_many_connections, give_up_on_the_silent
from services.query.handlers.insights import Counts
from services.query.handlers.recent_groups import RecentGroups
from services.query.handlers.registry import Registry
from services.query.handlers.signing_in import ensure_first_key
from services.query.handlers.stream.hub import StreamHub
from services.query.handlers.stream.ports import Bounds
from services.query.handlers.stream.windows import WindowMaker
from services.query.settings import Settings
from shared.contracts.names import EXPORTS, IMPORTS, REPLAY_REQUESTS, REPROCESS_REQUESTS
from shared.kafka.producer import Publisher
from shared.mongo.client import Database, connect
from shared.mongo.errors import translated
from shared.mongo.jobs import Jobs
from shared.runtime import clock
from shared.runtime.ending import end_tasks
from shared.runtime.health import Health, HealthServer
from shared.runtime.listening import listen, listen_for_health
from shared.runtime.logging import configure_logging, get_logger
from shared.runtime.retry import until_done
from shared.runtime.settings import read_settings
from shared.runtime.start import start

log = get_logger(__name__)

FIRST_KEY_SECONDS = 3.0
"""So long the start waits for the first key to be stored; then the service is live, and ready once MongoDB answers."""
OUTCOME_TIME_LIMIT_MS = 2_000
"""An outcome is asked for again and again while a job runs: one that takes longer is told as unknown."""
FRESHNESS_TIME_LIMIT_MS = 2_000
"""Each look takes milliseconds; beyond this the index is not there, and nobody should wait for it."""
SERVICE = "query"


def build(settings: Settings, *, health_listener: socket.socket | None = None, **overrides: Any) -> FastAPI:
    """Return the application. `health_listener`: where health is told, by default what the settings say, taken at the start.

    `overrides` replace single fields of `Services`, for tests.
    """
    client = connect(settings.mongo_uri.get_secret_value(), service=SERVICE)
    database = client[settings.mongo_database]
    publisher = Publisher(settings.kafka_bootstrap, service=SERVICE, timeout_seconds=settings.query_publish_seconds)
    limit, long_limit = settings.query_time_limit_ms, settings.query_summary_time_limit_ms

    async def check_mongo() -> None:
        with translated():
            await client.admin.command("ping")

    ports: dict[str, Any] = {
        "settings": settings,
        "now": clock.now,
        "log": MongoLogReader(database, time_limit_ms=limit, now=clock.now),
        "stories": MongoStories(database, time_limit_ms=limit),
        "counts": Counts(
            MongoLogCounts(database, time_limit_ms=long_limit),
            MongoRolledCounts(database, time_limit_ms=long_limit),
            clock.now,
        ),
        "groups": RecentGroups(MongoGroups(database, time_limit_ms=limit), now=clock.now),
        "entries": MongoEntryFinder(database, time_limit_ms=long_limit),
        "outcomes": MongoOutcomes(database, time_limit_ms=min(limit, OUTCOME_TIME_LIMIT_MS)),
        "reprocesses": Jobs(database, REPROCESS_REQUESTS),
        "exports": Jobs(database, EXPORTS),
        "imports": Jobs(database, IMPORTS),
        "letters": MongoLetterReader(database, time_limit_ms=limit),
        "replays": Jobs(database, REPLAY_REQUESTS),
        "files": MongoFileStore(database),
        "returned": MongoReturnedFiles(database, now=clock.now),
        "commands": KafkaCommands(publisher),
        "registry": MongoRegistry(database, time_limit_ms=limit, now=clock.now),
        "views": MongoViews(database, time_limit_ms=limit),
        "answers": MongoAnswers(database, time_limit_ms=limit),
        "freshness": MongoFreshness(database, time_limit_ms=min(limit, FRESHNESS_TIME_LIMIT_MS)),
        "credentials": MongoCredentials(database, time_limit_ms=limit, now=clock.now),
        "tokens": _tokens(settings),
        "audit": MongoAudit(database, time_limit_ms=limit),
        "health": Health({"mongo": check_mongo}),
    }
    ports["streams"] = _streams(settings, database, ports["registry"])
    services = Services(**{**ports, **overrides})

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        server = HealthServer(services.health, health_listener or listen_for_health(settings))
        log.info("health.listening", extra={"facts": {"port": server.port}})
        tasks = [asyncio.create_task(_prepare(services)), asyncio.create_task(services.health.watch())]
        await asyncio.wait(tasks[:1], timeout=FIRST_KEY_SECONDS)
        try:
            yield
        finally:
            await services.streams.close()
            await end_tasks(tasks)
            await publisher.close()
            await client.close()
            await asyncio.to_thread(server.stop)

    return create_app(services, lifespan=lifespan)


def _tokens(settings: Settings) -> OidcTokens | None:
    if not settings.query_oidc_issuer:
        return None
    issuer = settings.query_oidc_issuer
    return OidcTokens(
        KeySet(issuer, timeout_seconds=settings.query_oidc_timeout_seconds, now=clock.now),
        issuer=issuer,
        audience=settings.query_oidc_audience,
        algorithms=settings.query_oidc_algorithms.split(","),
        leeway_seconds=settings.query_oidc_leeway_seconds,
        rules=ClaimRules(
            account=settings.query_oidc_account,
            account_claim=settings.query_oidc_account_claim,
            scope_claim=settings.query_oidc_scope_claim,
            roles=settings.query_oidc_roles,
        ),
    )


def _streams(settings: Settings, database: Database, registry: Registry) -> StreamHub:
    entries = MongoChangedEntries(database, time_limit_ms=settings.query_time_limit_ms)
    bounds = Bounds(
        streams=settings.query_streams,
        streams_per_key=settings.query_streams_per_key,
        seconds=settings.query_stream_seconds,
        events_per_second=settings.query_stream_events_per_second,
        entries_per_second=settings.query_stream_entries_per_second,
    )
    return StreamHub(MongoChangeFeed(database), WindowMaker(entries, registry, SseWriter()), bounds, now=clock.now)


async def _prepare(services: Services) -> None:
    settings = services.settings
    if settings.api_key is None:
        log.warning(
            "key.absent", extra={"facts": {"why": "PONTE_API_KEY is unset: only keys already stored are known"}}
        )
        return
    key = settings.api_key.get_secret_value()
    await until_done(
        lambda: ensure_first_key(services.credentials, settings.account, key, now=services.now),
        what="storing the first key",
    )


def main() -> None:
    """Serve until SIGTERM or SIGINT; exits the process."""
    start(_serve)


def _serve() -> None:
    settings = read_settings(Settings)
    configure_logging(SERVICE, settings.log_level)
    listener = listen(settings.query_host, settings.http_port, settings=("PONTE_QUERY_HOST", "PONTE_HTTP_PORT"))
    health_listener = listen_for_health(settings)
    give_up_on_the_silent(listener)
    allow_many_connections()
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn drains on either, then raises the signal once more: to be asked to stop and to stop is no failure.
        signal.signal(number, lambda *_: sys.exit(0))
    facts = {"port": listener.getsockname()[1], "settings": settings.summary()}
    log.info("service.started", extra={"facts": facts})
    application = build(settings, health_listener=health_listener)
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEPT_IDLE_SECONDS,
        timeout_graceful_shutdown=settings.query_drain_seconds,
    )
    Server(config, application.state.services.streams).run(sockets=[listener])

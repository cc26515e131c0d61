"""What routes and pages stand on: one typed object, built by app.py and kept in `app.state.services`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.query.core.permissions import Caller
from services.query.entrypoints.quick_route import at_once
from services.query.handlers.auditing import Audit
from services.query.handlers.commanding import Commands, JobStore
from services.query.handlers.dead_letters import LetterReader
from services.query.handlers.files import FileStore
from services.query.handlers.freshness import FreshnessReader
from services.query.handlers.grouping import GroupReader
from services.query.handlers.importing import ReturnedFiles
from services.query.handlers.insights import Counts
from services.query.handlers.outcomes import OutcomeCounter
from services.query.handlers.previewing import EntryFinder
from services.query.handlers.reading import LogReader
from services.query.handlers.registry import Registry
from services.query.handlers.repeating import AnswerStore
from services.query.handlers.signing_in import Credentials
from services.query.handlers.stream.hub import StreamHub
from services.query.handlers.telling import StoryReader
from services.query.handlers.tokens import TokenVerifier
from services.query.handlers.views import ViewStore
from services.query.settings import Settings
from shared.runtime.clock import Clock
from shared.runtime.health import Health


@dataclass(frozen=True, slots=True)
class Services:
    """The ports, each filled with its adapter, the settings and the clock."""

    settings: Settings
    now: Clock
    log: LogReader
    stories: StoryReader
    counts: Counts
    groups: GroupReader
    entries: EntryFinder
    outcomes: OutcomeCounter
    reprocesses: JobStore
    exports: JobStore
    imports: JobStore
    letters: LetterReader
    replays: JobStore
    files: FileStore
    returned: ReturnedFiles
    commands: Commands
    registry: Registry
    views: ViewStore
    freshness: FreshnessReader
    credentials: Credentials
    audit: Audit
    answers: AnswerStore
    health: Health
    streams: StreamHub
    tokens: TokenVerifier | None = None  # None: no identity provider is set


def services_of(request: Request) -> Services:
    """Return the services of the application that took the request."""
    services: Services = request.app.state.services
    return services


def caller_of(request: Request) -> Caller | None:
    """Return who asks, by API key or by session; None for a stranger. The gate in auth.py found it out."""
    caller: Caller | None = request.scope.get("state", {}).get("caller")
    return caller


@at_once(services_of)
async def given_services(request: Request) -> Services:
    """Return the services, at once: FastAPI hands what is not async to a thread, which costs more than all that it does."""
    return services_of(request)


async def given_caller(request: Request) -> Caller | None:
    """Return who asks, at once."""
    return caller_of(request)


ServicesDep = Annotated[Services, Depends(given_services)]
MaybeCaller = Annotated[Caller | None, Depends(given_caller)]

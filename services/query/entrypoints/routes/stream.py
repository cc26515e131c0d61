"""`/v1/stream`: entries as they change, as server-sent events."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from services.query.core.permissions import Caller
from services.query.core.stream.channel import Wish
from services.query.core.stream.position import Position
from services.query.entrypoints.answers import in_language
from services.query.entrypoints.auth import ReadCaller, is_still_good
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.event_stream import EventStream
from services.query.entrypoints.parameters import LanguageDep, rows_of
from services.query.entrypoints.schemas.stream import LastEventId, StreamAsked, stream_responses
from services.query.handlers.stream.hub import StreamHub
from services.query.handlers.stream.ports import StillAllowed
from services.query.handlers.stream.streaming import follow_stream, parse_since

router = APIRouter(prefix="/v1", tags=["stream"])


@router.get(
    "/stream",
    status_code=200,
    response_class=EventStream,
    responses=stream_responses(),
    summary="Entries as they change: server-sent events, by the filter of the lists",
)
async def stream_changes(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    asked: Annotated[StreamAsked, Query()],
    last_event_id: Annotated[
        LastEventId, Header(alias="Last-Event-ID", description="go on after this event; browsers send it by themselves")
    ] = "",
) -> Response:
    """Open the stream first, then read the list: what changes from then on comes as `changed`, each entry as it stands last.

    A stream that broke off goes on with `Last-Event-ID`. Where events had to be left out a `resync` says so: read the list again.
    """
    rows = rows_of(request)
    since = parse_since(last_event_id or asked.last_event_id, caller.account)
    wish = Wish(caller.account, rows, language)

    async def still_allowed() -> bool:
        return await is_still_good(request, caller)

    return in_language(EventStream(lambda: _opened(services.streams, wish, caller, since, still_allowed)), language)


@asynccontextmanager
async def _opened(
    hub: StreamHub, wish: Wish, caller: Caller, since: Position | None, still_allowed: StillAllowed
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Give what goes over the wire; the stream is left however it ends."""
    async with (
        hub.joined(wish, caller.key_id, since) as stream,
        aclosing(follow_stream(hub, stream, still_allowed)) as told,
    ):
        yield told

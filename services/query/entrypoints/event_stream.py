"""Server-sent events on the wire: how each one is written, and the answer that lasts."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.query.core.integration import Marketplaces
from services.query.entrypoints.answers import item_json
from services.query.entrypoints.problems import problem, problem_of
from services.query.handlers.stream.ports import ClosingReason, KeyFull, ProcessFull, ResyncReason
from shared.contracts.catalogue import Language
from shared.contracts.entries import LogEntry
from shared.contracts.errors import PonteError
from shared.contracts.events import split_entry_id
from shared.runtime.logging import get_logger

log = get_logger(__name__)

MEDIA_TYPE: Final = "text/event-stream"
RETRY_MS: Final = 2_000
SPREAD_MS: Final = 3_000
"""Streams that end together come back spread over this time."""
SEND_SECONDS: Final = 30.0
"""A client that takes nothing for so long is cut off."""
FULL_RETRY_SECONDS: Final = 30

RESYNC_DETAIL: Final[dict[ResyncReason, str]] = {
    "too_old": "the last event is older than what is remembered: read the list again",
    "too_many": "more changed than a stream carries: read the list again, or narrow the filter",
    "slow": "events were taken too slowly and are dropped: connect again, then read the list again",
    "interrupted": "changes may have been missed while the database was away: read the list again",
}
CLOSING_DETAIL: Final[dict[ClosingReason, str]] = {
    "stopping": "the service stops: connect again",
    "renewal": "a stream does not last for ever: connect again",
    "credential": "the key or session is no longer good: connect with another one",
}


class SseWriter:
    """The port EventWriter."""

    def opening(self, event_id: str) -> bytes:
        """Return the first block."""
        retry = RETRY_MS + random.randrange(SPREAD_MS)  # noqa: S311  # spreads load, no secret
        return f": open\nretry: {retry}\nid: {event_id}\n\n".encode()

    def changed(
        self, event_id: str, entry: LogEntry, *, matches: bool, names: Marketplaces, language: Language
    ) -> bytes:
        """Return an entry as a list shows it, and whether the filter lets it pass."""
        return _event("changed", {**item_json(entry, names, language), "matches": matches}, event_id)

    def removed(self, event_id: str, entry_id: str) -> bytes:
        """Return which entry is no more."""
        _, kind, affiliate, code = split_entry_id(entry_id)
        return _event("removed", {"kind": kind, "affiliate": affiliate, "code": code}, event_id)

    def resync(self, event_id: str, reason: ResyncReason) -> bytes:
        """Return that events were left out."""
        return _event("resync", {"reason": reason, "detail": RESYNC_DETAIL[reason]}, event_id)

    def closing(self, reason: ClosingReason) -> bytes:
        """Return that the stream ends."""
        return _event("closing", {"reason": reason, "detail": CLOSING_DETAIL[reason]})

    def heartbeat(self, event_id: str) -> bytes:
        """Return a comment; the id beside it is kept by clients though no event comes of it."""
        return f": alive\nid: {event_id}\n\n".encode()


def _event(name: str, data: dict[str, Any], event_id: str = "") -> bytes:
    # One line of JSON: orjson escapes every control character, so nothing in it can end the line.
    head = f"event: {name}\nid: {event_id}\ndata: " if event_id else f"event: {name}\ndata: "
    return head.encode() + orjson.dumps(data) + b"\n\n"


class EventStream(Response):
    """The answer: it opens its stream, sends what comes, and leaves when the client does."""

    media_type = MEDIA_TYPE

    def __init__(self, open_stream: Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]) -> None:
        super().__init__(headers={"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._open_stream = open_stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until either side ends; a problem where the stream cannot be opened."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                chunks = await stack.enter_async_context(self._open_stream())
            except PonteError as error:
                await _refusal(error, scope)(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _first_to_end(_send_all(chunks, send), _gone(receive))


def _refusal(error: PonteError, scope: Scope) -> Response:
    if not isinstance(error, KeyFull | ProcessFull):
        return problem_of(error, scope)
    status = 429 if isinstance(error, KeyFull) else 503
    return problem(scope, status, str(error), headers={"Retry-After": str(FULL_RETRY_SECONDS)})


async def _send_all(chunks: AsyncIterator[bytes], send: Send) -> None:
    async for chunk in chunks:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_to_end(sending: Coroutine[Any, Any, None], gone: Coroutine[Any, Any, None]) -> None:
    """Return when one of them ends, the other cancelled. Cancelled itself, it cancels both."""
    tasks = [asyncio.create_task(sending), asyncio.create_task(gone)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(outcomes[0], TimeoutError):
        log.info("stream.cut", extra={"facts": {"why": f"nothing was taken for {SEND_SECONDS:g} s"}})
    elif isinstance(outcomes[0], Exception):
        raise outcomes[0]

"""The story of one live stream: opened, told what it missed, then every change as it comes, until someone ends it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from services.query.core.stream.backlog import Backlog, Window
from services.query.core.stream.budget import Budget
from services.query.core.stream.changes import place_of
from services.query.core.stream.channel import Channel
from services.query.core.stream.position import Position, event_id, parse_event_id
from services.query.handlers.stream.hub import StreamHub
from services.query.handlers.stream.open_stream import OpenStream
from services.query.handlers.stream.ports import StillAllowed
from shared.contracts.errors import Transient

HEARTBEAT_SECONDS: Final = 15.0
CHECK_SECONDS: Final = 20.0
"""A key that was revoked ends its streams within this time and the one for which a key is remembered."""
MOST_MISSED: Final = 1_000
"""Changed entries that a stream is told of afterwards; where there are more, reading the list costs less."""
FORGOTTEN: Final = Position(0)
"""Before everything that is remembered."""


def parse_since(last_event_id: str, account: str) -> Position | None:
    """Return after what to go on, None for a stream that starts now. Raise InvalidCursor for a text that is no id of `account`."""
    if not last_event_id:
        return None
    known = parse_event_id(last_event_id, account)
    return FORGOTTEN if known is None else known


async def follow_stream(hub: StreamHub, stream: OpenStream, still_allowed: StillAllowed) -> AsyncGenerator[bytes, None]:
    """Yield what goes over the wire, in pieces of whole events, until the stream is over."""
    clock = asyncio.get_running_loop().time
    write, account = hub.windows.write, stream.channel.wish.account
    opened_at = checked_at = spoke_at = clock()
    yield write.opening(event_id(stream.since, account))
    for chunk in await _missed(hub, stream):
        yield chunk
    while not stream.is_finished:
        due_at = min(spoke_at + HEARTBEAT_SECONDS, checked_at + CHECK_SECONDS, opened_at + hub.bounds.seconds)
        for chunk in await stream.take(max(due_at - clock(), 0)):
            yield chunk
            spoke_at = clock()
        if clock() >= spoke_at + HEARTBEAT_SECONDS:
            yield write.heartbeat(event_id(max(hub.pump.passed_on, stream.since), account))
            spoke_at = clock()
        if clock() >= checked_at + CHECK_SECONDS:
            checked_at = clock()
            if not await _is_allowed(still_allowed):
                stream.end(write.closing("credential"), at_once=True)
        if clock() >= opened_at + hub.bounds.seconds:
            stream.end(write.closing("renewal"))


async def _missed(hub: StreamHub, stream: OpenStream) -> list[bytes]:
    """Return what changed between the id that the stream came with and the moment it joined."""
    channel, at = stream.channel, stream.joined_at
    if stream.missed is None:
        return [hub.audience.resync_frame(channel, at, "too_old")]
    owed = [change for change in stream.missed if channel.may_want(place_of(change))]
    if len(owed) > MOST_MISSED:
        return [hub.audience.resync_frame(channel, at, "too_many")]
    judge = Channel(channel.wish, Budget(MOST_MISSED))  # its own: what the others were told is not what this one was
    [(_, frames)] = await hub.windows.make([(judge, owed)])
    backlog = Backlog()
    if frames:
        backlog.put(Window(frames))
    return backlog.take() if backlog else []


async def _is_allowed(still_allowed: StillAllowed) -> bool:
    """Say whether the credential is still good; while nobody can tell it is, and there is nothing to stream either."""
    try:
        return await still_allowed()
    except Transient:
        return True

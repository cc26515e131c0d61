"""Waiting without losing the membership: the partitions are paused, and the client goes on being polled."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Message

from shared.kafka.client_thread import ClientThread
from shared.kafka.member import Member

POLL_SECONDS = 0.5


class Patience:
    """Waits for `member`, whose calls belong to `thread`. `keep` gets what comes meanwhile; `stopping` cuts every wait short: a
    worker that is asked to stop waits `drain_seconds` for what it is about, and no longer.
    """

    def __init__(
        self,
        thread: ClientThread,
        member: Member,
        *,
        keep: Callable[[Message], None],
        stopping: asyncio.Event,
        drain_seconds: float,
    ) -> None:
        self._thread = thread
        self._member = member
        self._keep = keep
        self._stopping = stopping
        self._drain_seconds = drain_seconds

    async def see_through(self, handling: "asyncio.Future[Any]") -> bool:
        """Return True when it is done, False if it cannot be within the time that a stopping worker has."""
        if not (await asyncio.wait({handling}, timeout=POLL_SECONDS))[0]:
            await self._wait_paused(handling)
        return handling.done()

    async def rest(self) -> None:
        """Take nothing in for a moment."""
        await self._thread.call(self._member.pause)
        await self._thread.call(self._poll)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), POLL_SECONDS)
        await self._thread.call(self._member.resume)

    async def _wait_paused(self, handling: "asyncio.Future[Any]") -> None:
        await self._thread.call(self._member.pause)
        stop_at: float | None = None
        while not handling.done():
            if self._stopping.is_set():
                stop_at = stop_at or time.monotonic() + self._drain_seconds
                if time.monotonic() > stop_at:
                    return
            await self._thread.call(self._poll)
            await asyncio.wait({handling}, timeout=POLL_SECONDS)
        await self._thread.call(self._member.resume)

    def _poll(self) -> None:
        # Partitions assigned during this very call are not paused yet: what they bring must not be dropped.
        if (message := self._member.poll_paused()) is not None:
            self._keep(message)
            self._member.pause()
        self._member.tend()

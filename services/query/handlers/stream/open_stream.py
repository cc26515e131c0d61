"""One open stream as the hub sees it: whose it is, what waits to be sent on it, and whether it is to end."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.query.core.stream.backlog import Backlog, Window
from services.query.core.stream.changes import Change
from services.query.core.stream.channel import Channel
from services.query.core.stream.position import Position

NO_ENTRY: Final = ""
"""Where an event that is of no entry stands in a window."""


@dataclass(eq=False, slots=True)
class OpenStream:
    """Changes after `joined_at` come by windows. `missed`: those after `since` and before that; None: some of them are forgotten."""

    channel: Channel
    since: Position
    joined_at: Position
    missed: Sequence[Change] | None
    is_over: bool = False
    _backlog: Backlog = field(default_factory=Backlog)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_finished(self) -> bool:
        """Whether everything was taken, the last event too."""
        return self.is_over and not self._backlog

    def put(self, window: Window) -> bool:
        """Let the window be sent. False: the stream is too far behind, and what waited is dropped."""
        if self.is_over:
            return True
        self._wake.set()
        return self._backlog.put(window)

    def put_instead(self, frame: bytes) -> None:
        """Let `frame` be sent instead of everything that waits."""
        if not self.is_over:
            self._backlog.clear()
            self._backlog.put(Window({NO_ENTRY: frame}))
            self._wake.set()

    def end(self, frame: bytes, *, at_once: bool = False) -> None:
        """Let `frame` be the last to be sent: after what waits, or `at_once` instead of it."""
        if self.is_over:
            return
        if at_once:
            self._backlog.clear()
        self._backlog.put(Window({NO_ENTRY: frame}))
        self.is_over = True
        self._wake.set()

    async def take(self, patience: float) -> list[bytes]:
        """Return what waits, as soon as something does; nothing after `patience` seconds."""
        if not self._backlog:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._wake.wait()
        self._wake.clear()
        return self._backlog.take() if self._backlog else []

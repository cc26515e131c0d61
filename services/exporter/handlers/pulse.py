"""Work under a heartbeat: it goes on for as long as the heart says so, and is stopped, wholly, when it does not."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from services.exporter.handlers.ports import Signal
from shared.contracts.errors import Transient
from shared.runtime.ending import end_tasks

T = TypeVar("T")


class Stopped(Exception):  # nothing went wrong: somebody said stop
    """The work was stopped before its end; `signal` says why."""

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal)
        self.signal = signal


async def under_pulse(work: Coroutine[Any, Any, T], beat: Callable[[], Awaitable[Signal]], *, every: float) -> T:
    """Return what `work` returns, asking `beat` each `every` seconds. Raise Stopped when it says so; the work has then ended.

    A heartbeat that raises Transient is skipped: whoever lost his lease meanwhile is told at the end, by the store.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            signal = await _one(beat)
            if signal != "go on":
                raise Stopped(signal)
        return task.result()
    finally:
        await end_tasks([task])


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Return what `function` returns, run beside the event loop. Cancelled, it still waits: the thread owns its objects."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({running})
        raise


async def _one(beat: Callable[[], Awaitable[Signal]]) -> Signal:
    try:
        return await beat()
    except Transient:
        return "go on"

"""Where everything of a process stands: for the last line of one that does not go on, or does not end."""

import asyncio
import contextlib
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any

Stacks = dict[str, list[str]]


def whereabouts(loop: asyncio.AbstractEventLoop) -> dict[str, Stacks]:
    """Return what every thread, and every task of `loop`, is doing: name → calls, the outermost first. Callable in any thread."""
    return {"threads": _threads(), "tasks": _tasks(loop)}


def _threads() -> Stacks:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames()  # noqa: SLF001  # the way that the standard library offers
    return {names.get(ident, str(ident)): _lines(traceback.extract_stack(frame)) for ident, frame in frames.items()}


def _lines(stack: traceback.StackSummary) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack]


def _tasks(loop: asyncio.AbstractEventLoop) -> Stacks:
    found: Stacks = {}
    with contextlib.suppress(RuntimeError):  # the set changes while another thread reads it
        for task in asyncio.all_tasks(loop):
            found[task.get_name()] = list(_awaited(task.get_coro()))
    return found


def _awaited(coroutine: Any) -> Iterator[str]:
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
        coroutine = coroutine.cr_await

"""Tasks that end when they are cancelled. PyMongo loses a cancel that meets its answer, and whoever waits for the end waits for ever.

A task's own loop sees to it where it pauses with `rest`, or calls `heed`. Whoever ends tasks calls `end_tasks`, which does not rely on that.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

CANCEL_AGAIN_SECONDS: Final = 0.5


def heed() -> None:
    """Raise CancelledError where the task was cancelled before and went on."""
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


async def rest(seconds: float) -> None:
    """Sleep. Raise CancelledError at once where the task was cancelled before and went on."""
    heed()
    await asyncio.sleep(seconds)


async def end_tasks(
    tasks: Iterable["asyncio.Task[Any] | None"], *, again_seconds: float = CANCEL_AGAIN_SECONDS
) -> None:
    """Cancel `tasks`, again where it was lost, and return once all are done. What they ended with stays with them: nothing is raised.

    `again_seconds` is what a task has for tidying up.
    """
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=again_seconds)

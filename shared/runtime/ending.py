"""Tasks that end when they are cancelled. PyMongo loses a cancel that meets its answer, and whoever waits for the end waits for ever.

A task that tidies up sees to it by itself: its loop pauses with `rest`. One that has nothing to tidy up is ended with `end_tasks`.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

CANCEL_AGAIN_SECONDS: Final = 0.5


async def rest(seconds: float) -> None:
    """Sleep. Raise CancelledError at once where the task was cancelled before and went on."""
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(seconds)


async def end_tasks(tasks: Iterable["asyncio.Task[Any] | None"]) -> None:
    """Cancel `tasks`, again where it was lost, and return once all are done. What they ended with stays with them: nothing is raised."""
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)

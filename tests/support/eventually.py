"""Wait for a fact, with a deadline and a message that tells what was seen last."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 30.0
PAUSE_SECONDS = 0.05


def eventually(ask: Callable[[], T], is_so: Callable[[T], bool] = bool, *, within: float = DEADLINE_SECONDS) -> T:
    """Return the first answer of `ask` for which `is_so` holds."""
    deadline = time.monotonic() + within
    while True:
        seen = ask()
        if is_so(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within} s; last seen: {seen!r}")
        time.sleep(PAUSE_SECONDS)


async def eventually_async(
    ask: Callable[[], Awaitable[T]], is_so: Callable[[T], bool] = bool, *, within: float = DEADLINE_SECONDS
) -> T:
    """Return the first answer of `ask` for which `is_so` holds."""
    deadline = time.monotonic() + within
    while True:
        seen = await ask()
        if is_so(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within} s; last seen: {seen!r}")
        await asyncio.sleep(PAUSE_SECONDS)

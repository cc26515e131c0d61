"""Again, later: exponential backoff with full jitter, for errors that say of themselves that they may pass."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.contracts.errors import Transient
from shared.runtime.ending import rest
from shared.runtime.logging import get_logger

log = get_logger(__name__)

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0

T = TypeVar("T")


def delay_before(attempt: int) -> float:
    """Return the seconds to wait before try number `attempt` (1 is the first repeat)."""
    ceiling = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(attempt - 1, 16))
    return ceiling * (0.5 + random.random() / 2)  # noqa: S311  # jitter, no secret


async def until_done(
    operation: Callable[[], Awaitable[T]], *, what: str, on_failure: Callable[[Transient], None] | None = None
) -> T:
    """Return what `operation` returns, repeating it for as long as it raises Transient. It must be safe to repeat."""
    attempt = 0
    while True:
        try:
            return await operation()
        except Transient as error:
            attempt += 1
            if on_failure is not None:
                on_failure(error)
            delay = delay_before(attempt)
            log.warning(
                "operation.postponed",
                extra={
                    "facts": {"what": what, "attempt": attempt, "delay_seconds": round(delay, 2), "why": str(error)}
                },
            )
            await rest(delay)

"""What the clock asks of the exporter: old files go, orphans are swept."""

from collections.abc import Awaitable, Callable
from typing import Final

from shared.contracts.errors import Transient
from shared.runtime.ending import rest
from shared.runtime.logging import get_logger

log = get_logger(__name__)

EXPIRE_EVERY_SECONDS: Final = 60.0
SWEEP_EVERY_SECONDS: Final = 3600.0


async def every(seconds: float, what: str, chore: Callable[[], Awaitable[int]]) -> None:
    """Do `chore` now and then every so many seconds, for ever; a store that is away is for the next time."""
    while True:
        try:
            if done := await chore():
                log.info(what, extra={"facts": {"files": done}})
        except Transient as error:
            log.warning("chore.postponed", extra={"facts": {"what": what, "why": str(error)}})
        await rest(seconds)

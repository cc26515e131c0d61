"""Commands on `integration.reprocess`: stored as jobs, then acknowledged. The work itself is the runner's."""

from collections.abc import Awaitable, Callable

from services.reprocessor.handlers.accepting import accept_command
from services.reprocessor.handlers.ports import Jobs
from shared.contracts.commands import ReprocessCommand, named, parse_command, read_command
from shared.contracts.records import Record
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)


def command_taker(jobs: Jobs, clock: Clock, wake: Callable[[], None]) -> Callable[[Record], Awaitable[None]]:
    """Return what the agent does with each record: store it as a job and wake the runners. Raises Invalid or NotEligible."""

    async def take(record: Record) -> None:
        command = parse_command(ReprocessCommand, named(read_command(record), record))
        await accept_command(command, jobs, clock)
        log.info("command.stored", extra={"facts": {"account": command.account, "id": command.id}})
        wake()

    return take

"""Commands on `integration.reprocess`: stored as jobs, then acknowledged. The work itself is the runner's."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.reprocessor.handlers.accepting import accept_command
from services.reprocessor.handlers.ports import Jobs
from shared.contracts.commands import ReprocessCommand, parse_command
from shared.contracts.errors import InvalidCommand
from shared.contracts.records import Record
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger
from shared.runtime.worker import json_of

log = get_logger(__name__)


def command_taker(jobs: Jobs, clock: Clock, wake: Callable[[], None]) -> Callable[[Record], Awaitable[None]]:
    """Return what the agent does with each record: store it as a job and wake the runners. Raises Invalid or NotEligible."""

    async def take(record: Record) -> None:
        command = command_of(record)
        await accept_command(command, jobs, clock)
        log.info("command.stored", extra={"facts": {"account": command.account, "id": command.id}})
        wake()

    return take


def command_of(record: Record) -> ReprocessCommand:
    """Return the command that a record carries, plain or in a CloudEvent. Raise InvalidCommand or Invalid.

    One without an id is named after its address, so that a redelivery is the same job and a second wish is another.
    """
    raw: Any = json_of(record)
    if not isinstance(raw, dict):
        raise InvalidCommand("body", "a command is a JSON object, or the data of a CloudEvent")
    return parse_command(ReprocessCommand, {"id": _id_of(record), **raw})


def _id_of(record: Record) -> str:
    address = record.address
    return f"{address.topic}:{address.partition}:{address.offset}:{int(record.timestamp.timestamp() * 1000)}"

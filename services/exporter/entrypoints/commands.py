"""Export commands from the topic: remembered as jobs, then acknowledged. The runner does the work."""

from collections.abc import Awaitable, Callable

from services.exporter.handlers.housekeeping import take_in
from services.exporter.handlers.ports import ExportStore
from shared.contracts.commands import ExportCommand, parse_command
from shared.contracts.errors import InvalidCommand
from shared.contracts.records import Record
from shared.runtime.logging import get_logger
from shared.runtime.worker import json_of

log = get_logger(__name__)


def on_command(store: ExportStore, wake: Callable[[], None]) -> Callable[[Record], Awaitable[None]]:
    """Return what handles one record of `integration.exports`: raises Invalid (a dead letter) or Transient (again later)."""

    async def handle(record: Record) -> None:
        body = json_of(record)
        if not isinstance(body, dict):
            raise InvalidCommand("body", "an export command is a JSON object")
        command = parse_command(ExportCommand, {"id": id_of(record), **body})
        is_new = await take_in(command, store)
        facts = {"account": command.account, "job": command.id, "address": str(record.address), "new": is_new}
        log.info("export.taken_in", extra={"facts": facts})
        wake()

    return handle


def id_of(record: Record) -> str:
    """Return the id of a command that names none: its address, so that the same record is the same job when it comes again."""
    address = record.address
    return f"{address.topic}-{address.partition}-{address.offset}"

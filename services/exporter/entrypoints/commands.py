"""Export commands from the topic: remembered as jobs, then acknowledged. The runner does the work."""

from collections.abc import Awaitable, Callable

from services.exporter.handlers.housekeeping import take_in
from services.exporter.handlers.ports import ExportStore
from shared.contracts.commands import ExportCommand, named, parse_command, read_command
from shared.contracts.records import Record
from shared.runtime.logging import get_logger

log = get_logger(__name__)


def on_command(store: ExportStore, wake: Callable[[], None]) -> Callable[[Record], Awaitable[None]]:
    """Return what handles one record of `integration.exports`: raises Invalid (a dead letter) or Transient (again later)."""

    async def handle(record: Record) -> None:
        command = parse_command(ExportCommand, named(read_command(record), record))
        is_new = await take_in(command, store)
        facts = {"account": command.account, "job": command.id, "address": str(record.address), "new": is_new}
        log.info("export.taken_in", extra={"facts": facts})
        wake()

    return handle

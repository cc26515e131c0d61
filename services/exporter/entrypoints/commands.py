"""Commands from the topic, exports and imports: remembered as jobs, then acknowledged. The runners do the work."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.exporter.handlers.housekeeping import take_in
from services.exporter.handlers.ports import JobStore
from shared.contracts.commands import Command, ExportCommand, named, parse_command, read_command
from shared.contracts.imports import ImportCommand, is_import
from shared.contracts.records import Record
from shared.runtime.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taker:
    """Where jobs of one kind are remembered, and whom to wake for them."""

    store: JobStore
    wake: Callable[[], None]


def on_command(exports: Taker, imports: Taker) -> Callable[[Record], Awaitable[None]]:
    """Return what handles one record of `integration.exports`: raises Invalid (a dead letter) or Transient (again later)."""

    async def handle(record: Record) -> None:
        raw = named(read_command(record), record)
        model: type[Command] = ImportCommand if is_import(raw) else ExportCommand
        command = parse_command(model, raw)
        taker, event = (imports, "import.taken_in") if model is ImportCommand else (exports, "export.taken_in")
        is_new = await take_in(command, taker.store)
        facts = {"account": command.account, "job": command.id, "address": str(record.address), "new": is_new}
        log.info(event, extra={"facts": facts})
        taker.wake()

    return handle

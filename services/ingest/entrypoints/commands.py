"""Records of `integration.replay` → one letter sent back at once, or a job for the runner."""

from collections.abc import Callable

from services.ingest.core.replay import names_many
from services.ingest.handlers.ports import DeadLetterShelf
from services.ingest.handlers.replaying import ReplayPlugs, accept, mark_one, replay
from shared.contracts.commands import named, read_command
from shared.contracts.records import Record
from shared.runtime.worker import Handle


def replay_commands(shelf: DeadLetterShelf, plugs: ReplayPlugs, *, operator: str, wake: Callable[[], None]) -> Handle:
    """Return what Faust calls with each command."""

    async def on_command(record: Record) -> None:
        raw = read_command(record)
        if names_many(raw):
            await accept(named(raw, record), plugs.jobs, clock=plugs.clock)
            wake()
            return
        letter = await replay(raw, shelf, plugs.topics)
        await mark_one(raw, letter, plugs.book, operator=operator, clock=plugs.clock)

    return on_command

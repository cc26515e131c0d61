"""Records of `integration.replay` → one letter sent back at once, or a job for the runner."""

from collections.abc import Callable
from typing import Any

from services.ingest.core.replay import names_many
from services.ingest.handlers.ports import DeadLetterShelf
from services.ingest.handlers.replaying import ReplayPlugs, accept, mark_one, replay
from shared.contracts.records import Record
from shared.runtime.worker import Handle, json_of


def replay_commands(shelf: DeadLetterShelf, plugs: ReplayPlugs, *, operator: str, wake: Callable[[], None]) -> Handle:
    """Return what Faust calls with each command."""

    async def on_command(record: Record) -> None:
        raw = json_of(record)
        if names_many(raw):
            await accept(_named(raw, record), plugs.jobs, clock=plugs.clock)
            wake()
            return
        letter = await replay(raw, shelf, plugs.topics)
        await mark_one(raw, letter, plugs.book, operator=operator, clock=plugs.clock)

    return on_command


def _named(raw: Any, record: Record) -> Any:
    # Without an id it is named after its address, so that a redelivery is the same job and a second wish is another.
    address = record.address
    moment = int(record.timestamp.timestamp() * 1000)
    return {"id": f"{address.topic}:{address.partition}:{address.offset}:{moment}", **raw}

"""Records of `integration.replay` → the story of a replay."""

from services.ingest.handlers.ports import DeadLetterShelf, Topics
from services.ingest.handlers.replaying import replay
from shared.contracts.records import Record
from shared.runtime.worker import Handle, json_of


def replay_commands(shelf: DeadLetterShelf, topics: Topics) -> Handle:
    """Return what Faust calls with each command."""

    async def on_command(record: Record) -> None:
        await replay(json_of(record), shelf, topics)

    return on_command

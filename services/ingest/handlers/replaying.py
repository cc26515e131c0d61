"""The story of a replay: one dead letter goes back to the topic it came from, byte for byte.

Safe to repeat: if it is taken this time, a second delivery of the same event is a duplicate.
"""

from typing import Any

from services.ingest.core.replay import original_topic, parse_replay, without_our_headers
from services.ingest.handlers.ports import DeadLetterShelf, Topics
from shared.contracts.errors import InvalidCommand


async def replay(raw: Any, shelf: DeadLetterShelf, topics: Topics) -> None:
    """Republish the dead letter that the command `raw` names. Raise InvalidCommand or Transient."""
    command = parse_replay(raw)
    letter = await shelf.get(command.partition, command.offset)
    if letter is None:
        raise InvalidCommand(
            "offset", f"no dead letter stands at partition {command.partition}, offset {command.offset}"
        )
    await topics.republish(original_topic(letter), without_our_headers(letter))

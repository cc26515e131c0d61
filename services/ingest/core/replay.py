"""A replay command, and what of a dead letter goes back to its topic."""

from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.contracts.commands import JobId
from shared.contracts.errors import InvalidCommand
from shared.contracts.names import (
    EVENTS_TOPICS,
    EXPORTS_TOPIC,
    HEADER_ERROR_CLASS,
    HEADER_ERROR_MESSAGE,
    HEADER_ORIGINAL_OFFSET,
    HEADER_ORIGINAL_PARTITION,
    HEADER_ORIGINAL_TOPIC,
    REPROCESS_TOPIC,
)
from shared.contracts.records import Record

REPLAYABLE: Final = (*EVENTS_TOPICS, REPROCESS_TOPIC, EXPORTS_TOPIC)
"""Topics a dead letter may go back to. Not the replay topic itself: a bad replay command would go round for ever."""

_OURS: Final = {
    HEADER_ORIGINAL_TOPIC,
    HEADER_ORIGINAL_PARTITION,
    HEADER_ORIGINAL_OFFSET,
    HEADER_ERROR_CLASS,
    HEADER_ERROR_MESSAGE,
}


class ReplayCommand(BaseModel):
    """Names one dead letter by its place on `integration.deadletter`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    id: JobId | None = None
    partition: Annotated[int, Field(ge=0, lt=2**31)]
    offset: Annotated[int, Field(ge=0, lt=2**63)]
    requested_by: Annotated[str, Field(max_length=200)] = ""


def parse_replay(raw: Any) -> ReplayCommand:
    """Return the checked command. Raise InvalidCommand naming the first field at fault."""
    try:
        return ReplayCommand.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidCommand(".".join(map(str, first["loc"])) or "body", first["msg"]) from error


def original_topic(letter: Record) -> str:
    """Return the topic that a dead letter came from. Raise InvalidCommand if it cannot go back there."""
    topic = next((value for name, value in letter.headers if name == HEADER_ORIGINAL_TOPIC and value), b"").decode(
        errors="replace"
    )
    if topic not in REPLAYABLE:
        raise InvalidCommand("offset", f"the dead letter came from {topic!r}; replayed are only those of", REPLAYABLE)
    return topic


def without_our_headers(letter: Record) -> Record:
    """Return the record as it was before it became a dead letter."""
    return replace(letter, headers=[(name, value) for name, value in letter.headers if name not in _OURS])

"""A replay command, and what of a dead letter goes back to its topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ingest.core.letters import parted_headers
from shared.contracts.commands import JobId
from shared.contracts.dead_letters import REPLAYABLE, Letter, LetterFilter, ReplayCommand
from shared.contracts.errors import InvalidCommand
from shared.contracts.field_faults import reason
from shared.contracts.names import HEADER_ORIGINAL_TOPIC, HEADER_REPLAYED_LETTER
from shared.contracts.records import Record


class ReplayOfOne(BaseModel):
    """Names one dead letter by its place on `integration.deadletter`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    id: JobId | None = None
    partition: Annotated[int, Field(ge=0, lt=2**31)]
    offset: Annotated[int, Field(ge=0, lt=2**63)]
    requested_by: Annotated[str, Field(max_length=200)] = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """The open letters of one job, and how far it has come: `ids` in their order, or `rows` in (received_at, id)'s."""

    account: str
    ids: Sequence[str] | None
    rows: LetterFilter
    last_id: str = ""
    last_at: datetime | None = None


def names_many(raw: Any) -> bool:
    """Say whether a command is one for a job: it names letters by id, or a filter."""
    return isinstance(raw, dict) and ("letters" in raw or "filter" in raw)


def parse_replay(raw: Any) -> ReplayOfOne:
    """Return the checked command. Raise InvalidCommand naming the first field at fault."""
    try:
        return ReplayOfOne.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidCommand(".".join(map(str, first["loc"])) or "body", reason(first)) from error


def walk_of(command: ReplayCommand, progress: Mapping[str, Any], *, asked_at: datetime) -> Walk:
    """Return where the job of `command` goes on.

    What came after the job was asked for is not its own: letters that fail again would go round with it for ever.
    """
    rows = command.log_filter() or LetterFilter(state=("open",))
    until = min(rows.to_at, asked_at) if rows.to_at else asked_at
    return Walk(
        account=command.account,
        ids=sorted(set(command.letters)) if command.letters else None,
        rows=replace(rows, to_at=until),
        last_id=progress.get("last_id", ""),
        last_at=progress.get("last_at"),
    )


def original_topic(letter: Record) -> str:
    """Return the topic that a dead letter came from. Raise InvalidCommand if it cannot go back there."""
    own, _ = parted_headers(letter)
    topic = own.get(HEADER_ORIGINAL_TOPIC, "")
    if topic not in REPLAYABLE:
        raise InvalidCommand("offset", f"the dead letter came from {topic!r}; replayed are only those of", REPLAYABLE)
    return topic


def without_our_headers(letter: Record) -> Record:
    """Return the record as it was before it became a dead letter."""
    _, theirs = parted_headers(letter)
    return letter._replace(headers=theirs)


def refusal(letter: Letter) -> str | None:
    """Return why an open letter cannot be sent back: `not_replayable`, `cut`; None when it can."""
    if not letter.may_go_back:
        return "not_replayable"
    return "cut" if len(letter.value or b"") < letter.size else None


def record_of(letter: Letter) -> Record:
    """Return what goes back: key, bytes and headers as they were, and one header that names the letter.

    By that header a letter that fails again is linked to this one, and a bulk replay that comes too early does not count
    towards the limit that stops ingest.
    """
    mark = (HEADER_REPLAYED_LETTER, letter.id.encode())
    return Record(letter.original, letter.key, letter.value, [*letter.headers, mark], letter.received_at)

"""Dead letters as JSON: in as the schema tells it, out by plain dicts; a test compares."""

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from services.query.core.jobs import Job
from services.query.core.letters import Content, Encoding, ShownLetter
from services.query.entrypoints.answers import total_json
from services.query.entrypoints.parameters import Asked, Body, Cursor, DropEmpty, NothingAsked
from services.query.entrypoints.schemas.base import Answer, Instant
from services.query.entrypoints.schemas.entries import TotalAnswer
from services.query.entrypoints.schemas.filters import ErrorClasses, InstantText, LetterFilterJson, LetterTopics
from services.query.entrypoints.schemas.jobs import JobAnswer
from services.query.handlers.dead_letters import ClassCount, LetterPage
from services.query.handlers.leafing import DEFAULT_LIMIT, MAX_LIMIT
from shared.contracts.commands import MAX_ITEMS, JobId
from shared.contracts.dead_letters import LETTER_TOPICS, Letter, LetterId, LetterState
from shared.contracts.events import Name
from shared.contracts.letter_classes import ERROR_CLASSES
from shared.contracts.names import Kind
from shared.contracts.said import Reason, RequestedBy
from shared.contracts.times import format_instant

Json = dict[str, Any]
EXAMPLE_ID: Final = "integration.events.order:2:1741:5f0c2f9a1b77"


class LetterFilterAsked(Asked):
    """The filter of dead letters; `LetterFilter.parse` reads and checks the raw values."""

    error_class: Annotated[
        ErrorClasses,
        Field(
            default_factory=list,
            description=f"several values are alternatives, of {', '.join(ERROR_CLASSES)}",
            examples=[["InvalidJson"]],
        ),
    ]
    topic: Annotated[
        LetterTopics,
        Field(
            default_factory=list,
            description=f"where the record stood first: {', '.join(LETTER_TOPICS)}",
            examples=[["integration.events.order"]],
        ),
    ]
    state: Annotated[list[LetterState], DropEmpty, Field(default_factory=list, examples=[["open"]])]
    from_: Annotated[
        InstantText, Field(alias="from", description="RFC 3339 with a zone, inclusive, on received_at")
    ] = ""
    to: Annotated[InstantText, Field(description="RFC 3339 with a zone, exclusive")] = ""


class ReasonAsked(NothingAsked):
    """Why somebody needs to see personal data."""

    reason: Annotated[Reason, Field(examples=["ticket 4711"])]


class LettersAsked(LetterFilterAsked):
    """A page of dead letters."""

    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class ReplayBody(Body):
    """A replay: exactly one of `letters` and `filter` (error_class, topic, from, to)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"letters": [EXAMPLE_ID]},
                {"filter": {"error_class": ["UnknownAccount"], "topic": ["integration.events.order"]}, "dry_run": True},
            ]
        }
    )
    id: JobId | None = None
    account: Name | None = None
    letters: Annotated[list[LetterId], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    filter: LetterFilterJson | None = None
    requested_by: RequestedBy | None = None
    dry_run: bool = False


class LetterItem(Answer):
    """A dead letter as a list shows it. `previous` was replayed and came back as this one; `came_back_as` the other way round."""

    id: str = Field(examples=[EXAMPLE_ID])
    kind: Kind | None
    topic: str = Field(examples=["integration.events.order"])
    partition: int
    offset: int
    error_class: str = Field(examples=["InvalidJson"])
    error_message: str
    received_at: Instant
    key: str | None
    size: int
    state: LetterState
    replayed_at: Instant | None
    replayed_by: str | None
    replay_id: str | None
    previous: str | None
    came_back_as: str | None


class HeaderAnswer(Answer):
    """One header of the record, masked as the letter is; `withheld` where bytes that are not text cannot be masked."""

    name: str
    value: str | None
    encoding: Encoding | None


class LetterAnswer(LetterItem):
    """One dead letter with its content. A tombstone has neither value nor encoding; a value that is `withheld` is null."""

    masked: bool = Field(description="personal data is masked, unless it was revealed")
    value: str | None = Field(description="masked JSON is written anew, without its blanks")
    value_encoding: Encoding | None = Field(
        description="`withheld`: bytes that are not text cannot be masked; reveal them, or download them"
    )
    headers: list[HeaderAnswer]


class LetterPageAnswer(Answer):
    """A page of dead letters, newest first."""

    items: list[LetterItem]
    next_cursor: str | None
    previous_cursor: str | None
    total: TotalAnswer


class ClassCountAnswer(Answer):
    """Letters of one error class."""

    error_class: str
    open: int
    replayed: int


class LetterSummary(Answer):
    """Dead letters by error class, most open ones first."""

    items: list[ClassCountAnswer]
    open: int
    replayed: int


class ReplayAnswer(JobAnswer):
    """A replay job. Counts are null until its worker wrote them."""

    letters: list[str] | None
    filter: dict[str, Any] | None
    matched: int | None
    sent: int | None
    failed: int | None
    skipped: dict[str, int] = Field(examples=[{"not_open": 2, "not_replayable": 1}])


def letters_json(page: LetterPage) -> Json:
    """Return a page of dead letters."""
    return {
        "items": [letter_item(letter) for letter in page.items],
        "next_cursor": page.next_cursor,
        "previous_cursor": page.previous_cursor,
        "total": total_json(page.total),
    }


def letter_item(letter: Letter) -> Json:
    """Return a dead letter as a list shows it."""
    return {
        "id": letter.id,
        "kind": letter.kind,
        "topic": letter.original.topic,
        "partition": letter.original.partition,
        "offset": letter.original.offset,
        "error_class": letter.error_class,
        "error_message": letter.error_message,
        "received_at": format_instant(letter.received_at),
        "key": None if letter.key is None else letter.key.decode(errors="replace"),
        "size": letter.size,
        "state": letter.state,
        "replayed_at": format_instant(letter.replayed_at) if letter.replayed_at else None,
        "replayed_by": letter.replayed_by,
        "replay_id": letter.replay_id,
        "previous": letter.previous,
        "came_back_as": letter.came_back_as,
    }


def letter_json(shown: ShownLetter) -> Json:
    """Return one dead letter with its content."""
    return {
        **letter_item(shown.letter),
        "masked": shown.is_masked,
        "value": shown.value.text,
        "value_encoding": shown.value.encoding,
        "headers": [_header(name, content) for name, content in shown.headers],
    }


def classes_json(found: list[ClassCount]) -> Json:
    """Return the counts by error class."""
    return {
        "items": [{"error_class": one.error_class, "open": one.open, "replayed": one.replayed} for one in found],
        "open": sum(one.open for one in found),
        "replayed": sum(one.replayed for one in found),
    }


def replay_json(job: Job, told: Json) -> Json:
    """Return a replay job; `told` is what every job tells."""
    command, progress = job.command, job.progress
    return {
        **told,
        "letters": command.get("letters"),
        "filter": command.get("filter"),
        "matched": progress.get("matched"),
        "sent": progress.get("sent"),
        "failed": progress.get("failed"),
        "skipped": progress.get("skipped") or {},
    }


def _header(name: str, content: Content) -> Json:
    return {"name": name, "value": content.text, "encoding": content.encoding}

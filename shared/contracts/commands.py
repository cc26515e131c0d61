"""What ops and the API ask of the workers, and the job that remembers it.

A command arrives as plain JSON or as a CloudEvent's data. Both fixed topics carry the same models that the API takes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, TypeVar, get_args
from uuid import uuid4
from zoneinfo import ZoneInfo

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.contracts.cloudevents import read_message
from shared.contracts.errors import Invalid, InvalidCommand, InvalidFilter
from shared.contracts.events import Code, Name
from shared.contracts.field_faults import reason
from shared.contracts.filter_values import refuse_blank
from shared.contracts.filters import LogFilter
from shared.contracts.names import Kind
from shared.contracts.read_json import read_json
from shared.contracts.records import Record
from shared.contracts.said import JobReason, RequestedBy

JobState = Literal["queued", "running", "paused", "done", "failed", "cancelled", "expired"]
JOB_STATES: Final[tuple[JobState, ...]] = get_args(JobState)
FINAL_STATES: Final = frozenset({"done", "failed", "cancelled", "expired"})

JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
MAX_ITEMS: Final = 10_000
"""Items of one command; more is what a filter is for."""

Format = Literal["xlsx", "csv", "jsonl"]
Language = Literal["pt", "en", "es"]


class Command(BaseModel):
    """What every command says. `account` is checked by the taker: over HTTP it must be the credential's."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    id: JobId = Field(default_factory=lambda: uuid4().hex)
    account: Name
    requested_by: RequestedBy = ""

    def log_filter(self) -> object:
        """Return the command's filter, None when rows are named. Raise InvalidFilter."""
        return None


class Item(BaseModel):
    """One entry within a kind."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    affiliate: Name
    code: Code


class ReprocessCommand(Command):
    """Republish failed items to their retry topic: exactly one of `items` and `filter` (a LogFilter as JSON)."""

    kind: Kind
    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    filter: dict[str, Any] | None = None
    reason: JobReason = ""
    max_per_second: Annotated[int, Field(ge=1, le=100_000)] | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> "ReprocessCommand":
        if (self.items is None) == (self.filter is None):
            msg = "give exactly one of `items` and `filter`"
            raise ValueError(msg)
        return self

    def log_filter(self) -> LogFilter | None:
        """Return the filter, bound to the command's kind; None when items are named."""
        return None if self.filter is None else _bound(self.filter, [self.kind])


OF_THE_MACHINE: Final = re.compile(r"localtime|posixrules|Factory|(posix|right)/.*", re.ASCII)
"""Files beside the time zones: what the first ones say is another thing on each machine, and `right/` counts leap seconds."""


def _known_time_zone(name: str) -> str:
    if OF_THE_MACHINE.fullmatch(name) or not _is_known(name):
        msg = f"{name!r} is no time zone; write one such as America/Sao_Paulo or UTC"
        raise ValueError(msg)
    return name


def _is_known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # what zoneinfo raises for unknown, malformed and directory names
        return False
    return True


class ExportCommand(Command):
    """Write a report of the rows that `filter` lets pass. `kind` or `kinds`; none means all five."""

    kind: Kind | None = None
    kinds: Annotated[list[Kind], Field(min_length=1)] | None = None
    filter: dict[str, Any] = Field(default_factory=dict)
    format: Format = "xlsx"
    language: Language = "pt"
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_known_time_zone)] = "America/Sao_Paulo"

    def log_filter(self) -> LogFilter:
        """Return the filter, bound to the kinds asked for."""
        return _bound(self.filter, [self.kind] if self.kind else list(self.kinds or ()))

    @model_validator(mode="after")
    def _one_way_to_name_kinds(self) -> "ExportCommand":
        if self.kind is not None and self.kinds is not None:
            msg = "give `kind` or `kinds`, not both"
            raise ValueError(msg)
        return self


def _bound(asked: Mapping[str, Any], kinds: Sequence[str]) -> LogFilter:
    """Return the filter, narrowed to `kinds` if there are any. Raise InvalidFilter, also when it asks for rows of another kind."""
    refuse_blank(asked)
    rows = LogFilter.parse(asked)
    if kinds and not set(rows.kind) <= set(kinds):
        raise InvalidFilter("kind", "names a kind that the command does not", kinds)
    return replace(rows, kind=rows.kind or tuple(dict.fromkeys(kinds)))


def read_command(record: Record) -> dict[str, Any]:
    """Return the JSON of a command's record, plain or the data of a CloudEvent. Raise Invalid."""
    try:
        body = read_json(record.value or b"")
    except orjson.JSONDecodeError as error:
        msg = f"a command is JSON in UTF-8: {error}"
        raise Invalid(msg) from error
    raw = read_message(record.value or b"", body, record.headers).data
    if not isinstance(raw, dict):
        raise InvalidCommand("body", "a command is a JSON object, or the data of a CloudEvent")
    return raw


def named(raw: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return a command with an id. One that says none, or null as the API takes it, is named after its record's place and moment.

    So a redelivery is the same job and a second wish is another, also on a topic that was made anew and counts from 0 again.
    """
    if raw.get("id") is not None:
        return dict(raw)
    moment = int(record.timestamp.timestamp() * 1000)
    address = record.address
    return {**raw, "id": f"{address.topic}:{address.partition}:{address.offset}:{moment}"}


C = TypeVar("C", bound=Command)


def parse_command(model: type[C], raw: Mapping[str, Any]) -> C:
    """Return the checked command. Raise InvalidCommand naming the first field at fault."""
    try:
        command = model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidCommand(".".join(map(str, first["loc"])) or "body", reason(first)) from error
    try:
        command.log_filter()
    except InvalidFilter as error:
        raise InvalidCommand(f"filter.{error.field}", error.reason, error.allowed) from error
    except RecursionError as error:
        raise InvalidCommand("filter", "is nested too deeply") from error
    return command


def job_document_id(account: str, job_id: str) -> str:
    """Return the `_id` of a job: ids are the caller's, so each account has its own."""
    return f"{account}|{job_id}"

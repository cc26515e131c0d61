"""What requests may say: parameters of addresses, and bodies. Unknown names are refused, never ignored."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from services.query.core.languages import choose_language
from services.query.core.sorting import DEFAULT_SORT, Sort
from services.query.entrypoints.middleware.paths import DecodedSegment
from services.query.entrypoints.quick_route import at_once
from services.query.entrypoints.schemas.filters import Groups, InstantText, LogFilterJson, Names, SearchText, Texts
from services.query.handlers.grouping import DEFAULT_GROUPS, MOST_SHOWN
from services.query.handlers.leafing import DEFAULT_LIMIT, MAX_LIMIT
from shared.contracts.catalogue import Language
from shared.contracts.catalogue.model import RetryAdvice
from shared.contracts.commands import MAX_ITEMS, Format, Item, JobId
from shared.contracts.errors import InvalidField
from shared.contracts.events import Code, Name, Status
from shared.contracts.filters import MAX_ATTEMPTS, PARAMETERS, DateAxis, LogFilter
from shared.contracts.imports import FileName, RowState
from shared.contracts.names import Kind
from shared.contracts.said import JobReason, Reason, RequestedBy

KindPath = Annotated[Kind, Path(description="which tab")]
STEPS_NOTE: Final = "; `.` and `..`, which browsers take out of an address, with `%09` before them"
AffiliatePath = Annotated[Name, Path(description=f"the marketplace connection{STEPS_NOTE}", examples=["MLC"])]
CodePath = Annotated[
    Code,
    DecodedSegment,
    Path(description=f"one percent-encoded segment, `%2F` included{STEPS_NOTE}", examples=["2000004567"]),
]
ItemIdPath = Annotated[
    Code,
    DecodedSegment,
    Path(
        description=f"an order id, a SKU, or any other code or alias: one percent-encoded segment, `%2F` included{STEPS_NOTE}",
        examples=["SKU-31042"],
    ),
]
Cursor = Annotated[str | None, Field(description="next_cursor or previous_cursor of a page of the same list")]
JobPath = Annotated[JobId, Path(description="the id that the 202 gave")]


class Asked(BaseModel):
    """What every query string may say."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)
    lang: Annotated[
        Language | None,
        Field(
            description="language of titles and guidance; else by Accept-Language; `Content-Language` says which it is"
        ),
    ] = None


def without_empty(listed: object) -> object:
    """Return a list of parameter values without the empty ones: a form sends `status=` for a field that nobody filled in."""
    return [value for value in listed if value] if isinstance(listed, list) else listed


DropEmpty = BeforeValidator(without_empty)


class FilterAsked(Asked):
    """The filter, as the schema shows it; `LogFilter.parse` reads and checks the raw values."""

    affiliate: Annotated[Names, Field(description="several values are alternatives", examples=[["MLC"]])] = []
    status: Annotated[list[Status], DropEmpty, Field(examples=[["error"]])] = []
    error_code: Annotated[Texts, Field(examples=[["ORD-SLA"]])] = []
    group: Annotated[
        Groups, Field(description="root causes: the `group` of a cause", examples=[["5f0c1a9be2d47788"]])
    ] = []
    retry: Annotated[
        list[RetryAdvice],
        DropEmpty,
        Field(description="what the catalogue advises for a cause of an item that failed", examples=[["auto"]]),
    ] = []
    reprocess_id: Annotated[Texts, Field(description="the newest reprocess job that took the item")] = []
    q: Annotated[
        SearchText,
        Field(
            description="a code or alias, exact or by prefix; or whole words of a message: of two letters and more, or of single ones that signs hold together (`R&D`)"
        ),
    ] = ""
    from_: Annotated[
        InstantText, Field(alias="from", description="RFC 3339 with a zone, inclusive, on `date_axis`")
    ] = ""
    to: Annotated[InstantText, Field(description="RFC 3339 with a zone, exclusive, on `date_axis`")] = ""
    date_axis: Annotated[
        DateAxis,
        BeforeValidator(lambda value: value or "processed_at"),
        Field(description="the date that `from` and `to` are about: when it happened, or when we heard of it"),
    ] = "processed_at"
    attempts_min: Annotated[
        Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] | None,
        BeforeValidator(lambda value: value or None),
        Field(description="tried at least so often"),
    ] = None
    stale_since: Annotated[InstantText, Field(description="RFC 3339 with a zone: not processed since then")] = ""


class ListAsked(FilterAsked):
    """A page of a list."""

    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    sort: Annotated[Sort, Field(description="ties by the entry id; a minus is descending")] = DEFAULT_SORT
    fields: Annotated[
        list[str],
        Field(description="show only these members of each item; repeated, or with commas", examples=[["code,status"]]),
    ] = []


class RevealAsked(Asked):
    """One entry; `reveal` shows personal data to the scope `admin`, and is written down with its reason."""

    reveal: Annotated[bool, Field(description="show personal data unmasked: needs the scope admin and a reason")] = (
        False
    )
    reason: Reason = ""


class HistoryAsked(RevealAsked):
    """A page of an entry's history."""

    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class StoryAsked(Asked):
    """A page of a story."""

    kind: Annotated[list[Kind], DropEmpty, Field(description="entries of these kinds alone")] = []
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="attempts on the time line")] = DEFAULT_LIMIT


class SummaryAsked(FilterAsked):
    """Counts."""

    kind: Annotated[list[Kind], DropEmpty] = []
    bucket: Annotated[Literal["hour", "day"] | None, Field(description="of the time series; else by the period")] = None


class GroupsAsked(FilterAsked):
    """Root causes."""

    kind: Annotated[list[Kind], DropEmpty] = []
    limit: Annotated[int, Field(ge=1, le=MOST_SHOWN)] = DEFAULT_GROUPS


class NothingAsked(BaseModel):
    """No parameter is known."""

    model_config = ConfigDict(extra="forbid")


class CancelAsked(BaseModel):
    """A job's end, or a key's."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason = ""


class JobsAsked(BaseModel):
    """A page of jobs."""

    model_config = ConfigDict(extra="forbid")
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class ReprocessesAsked(JobsAsked):
    """A page of reprocess jobs."""

    automatic: Annotated[
        bool, Field(description="the automatic retries of the last days instead of what somebody asked for")
    ] = False


class ImportAsked(BaseModel):
    """A report that comes back."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[FileName, Field(description="its file's name, for people")] = ""


class ImportRowsAsked(JobsAsked):
    """A page of an import's rows."""

    state: Annotated[list[RowState], DropEmpty, Field(description="rows in these states alone")] = []


class Body(BaseModel):
    """What every body is: strict, nothing unknown."""

    model_config = ConfigDict(strict=True, extra="forbid")


class ReprocessBody(Body):
    """A reprocess: exactly one of `items` and `filter`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "order", "items": [{"affiliate": "MLC", "code": "2000004567"}], "reason": "stock is back"},
                {"kind": "price", "filter": {"status": ["error"], "error_code": ["NET-THROTTLE"]}, "dry_run": True},
            ]
        }
    )
    id: JobId | None = None
    account: Name | None = None
    kind: Kind
    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    filter: LogFilterJson | None = None
    reason: JobReason = ""
    requested_by: RequestedBy | None = None
    max_per_second: Annotated[int, Field(ge=1, le=100_000)] | None = None
    dry_run: bool = False


def known_time_zone(name: str) -> str:
    """Return the name of a time zone. Raise ValueError for one that the tz database lacks."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = "must be an IANA time zone, such as America/Sao_Paulo"
        raise ValueError(msg) from error
    return name


class ExportBody(Body):
    """A report of the rows that `filter` lets pass."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "order", "filter": {"status": ["error"]}, "format": "xlsx"}]}
    )
    id: JobId | None = None
    account: Name | None = None
    requested_by: RequestedBy | None = None
    kind: Kind | None = None
    kinds: list[Kind] | None = None
    filter: LogFilterJson = Field(default_factory=dict)
    format: Format = "xlsx"
    language: Language = "pt"
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(known_time_zone)] = "America/Sao_Paulo"


class ImportReprocessBody(Body):
    """Which rows of an import are sent: all that can be, or those with these numbers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the stock is back"}]})
    kind: Annotated[Kind | None, Field(description="needed where the rows to send are of several kinds")] = None
    numbers: Annotated[
        list[int] | None,
        Field(
            min_length=1, max_length=MAX_ITEMS, description="rows that are `eligible`, or `never`", examples=[[1, 2]]
        ),
    ] = None
    reason: JobReason = ""
    max_per_second: Annotated[int, Field(ge=1, le=100_000)] | None = None


def language_of(request: Request) -> Language:
    """Return the language of the answer."""
    return choose_language(request.query_params.get("lang"), request.headers.get("accept-language", ""))


@at_once(language_of)
async def given_language(request: Request) -> Language:
    """Return the language of the answer, at once."""
    return language_of(request)


def rows_of(request: Request, **fixed: Any) -> LogFilter:
    """Return the filter that the address writes; `fixed` comes from its path. Raise InvalidFilter."""
    asked = request.query_params
    return LogFilter.parse({**{name: asked.getlist(name) for name in PARAMETERS if name in asked}, **fixed})


def fields_of(asked: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Return the names in `fields`, written apart or with commas, in the order of the answer. Raise InvalidField."""
    named = {name.strip() for text in asked for name in text.split(",")} - {""}
    if unknown := sorted(named.difference(allowed)):
        raise InvalidField("fields", f"{unknown[0]!r} is not a member of an item", allowed)
    return [name for name in allowed if name in named]


LanguageDep = Annotated[Language, Depends(given_language)]
Nothing = Annotated[NothingAsked, Query()]

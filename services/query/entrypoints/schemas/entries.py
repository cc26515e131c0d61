"""Entries, their attempts and counts, and the catalogue of errors. Lists are written by answers.py without these classes, for speed; a test compares."""

from typing import Any, Literal

from pydantic import Field

from services.query.entrypoints.schemas.base import Answer, Instant
from services.query.handlers.insights import MAX_CAUSES
from shared.contracts.entries import ReprocessState
from shared.contracts.events import Status
from shared.contracts.names import Kind


class CauseAnswer(Answer):
    """Why an attempt failed, in the language asked for."""

    code: str = Field(examples=["ORD-SLA"])
    message: str = Field(examples=["No available sla to deliver this order"])
    field: str | None
    title: str
    guidance: str
    retry: Literal["auto", "fix", "never"]
    group: str | None = Field(
        description="the root cause: what the filter `group` takes; null for entries from before groups",
        examples=["5f0c1a9be2d47788"],
    )


class EvidenceAnswer(Answer):
    """What was asked of the marketplace, and what it answered, as the connector tells it; masked."""

    request: Any
    response: Any


class AttemptCauseAnswer(CauseAnswer):
    """A cause with what proves it."""

    evidence: EvidenceAnswer | None


class ReprocessMark(Answer):
    """The newest reprocess of an entry: the job's id, and how far it is."""

    id: str
    state: ReprocessState


class EntryItem(Answer):
    """An entry as a list shows it."""

    kind: Kind
    affiliate: str = Field(examples=["MLC"])
    marketplace: str = Field(examples=["Mercado Livre"])
    registered: bool = Field(description="false: nobody registered the affiliate, or someone removed it since")
    code: str = Field(examples=["2000004567"])
    status: Status
    processed_at: Instant
    first_seen_at: Instant
    last_success_at: Instant | None
    attempts: int
    causes: list[CauseAnswer]
    aliases: dict[str, str] = Field(examples=[{"vtex_order_id": "MLC-2000004567"}])
    reprocess: ReprocessMark | None


class PayloadAnswer(Answer):
    """What the connector sent, personal data masked unless someone revealed it."""

    payload: Any
    payload_truncated: bool = Field(description="it was too long to be stored: `payload` is null")
    payload_bytes: int | None = Field(description="its length as JSON, where it was too long")
    payload_preview: str | None = Field(description="its beginning, where it was too long; always masked")
    payload_masked: bool = Field(description="personal data was taken out before it was stored")


class LogAnswer(Answer):
    """What a connector says of a processing beside its causes, of a success above all; masked. A text is "" where it says nothing."""

    message: str = Field(examples=["Preço exportado"])
    operation: str = Field(examples=["UpdatePrice"])
    direction: str = Field(examples=["Out"])
    evidence: EvidenceAnswer | None


class ToldAnswer(PayloadAnswer):
    """What the connector sent, and what it says of it."""

    log: LogAnswer | None


class EntryAnswer(EntryItem, ToldAnswer):
    """One entry, whole."""

    error_streak: int = Field(description="errors since it last worked; 1000 stands for more", examples=[3])
    error_streak_complete: bool = Field(
        description="false: too many attempts are kept to look through; `error_streak` is then of the newest alone, `failing_since` null"
    )
    failing_since: Instant | None = Field(description="when the first of them happened")
    received_at: Instant
    sequence: int | None
    reprocess_id: str | None
    next_retry_at: Instant | None = Field(description="when it is tried again by itself; null: it is not")


class TotalAnswer(Answer):
    """How many rows the filter lets pass."""

    value: int
    relation: Literal["exact", "at_least"]


class PageAnswer(Answer):
    """What every page of entries tells; a cursor is null where there is nothing more in its direction."""

    next_cursor: str | None
    previous_cursor: str | None
    total: TotalAnswer
    complete: bool = Field(description="false: the search ended before the page was full; the cursor goes on with it")
    searched_until: str | int | None = Field(
        description="where it ended: what the last entry looked at is sorted by; null where the page is complete",
        examples=["2026-11-02T08:30:00.000Z"],
    )


class EntryPage(PageAnswer):
    """A page of entries."""

    items: list[EntryItem]


class PartialPage(PageAnswer):
    """A page of entries of which `fields` told what to show: each item has those members of EntryItem, and no others."""

    items: list[dict[str, Any]] = Field(examples=[[{"code": "2000004567", "status": "error"}]])


class AttemptAnswer(ToldAnswer):
    """One processing of an item."""

    status: Status
    processed_at: Instant
    received_at: Instant
    sequence: int | None
    reprocess_id: str | None
    source: str
    event_id: str
    causes: list[AttemptCauseAnswer]


class AttemptPageAnswer(Answer):
    """A page of an entry's history, newest first."""

    items: list[AttemptAnswer]
    next_cursor: str | None
    previous_cursor: str | None


class CauseCountAnswer(Answer):
    """How many entries have a cause of this code."""

    code: str
    title: str
    count: int


class PointAnswer(Answer):
    """Entries by status whose last processing fell into the bucket that starts at `at`."""

    at: Instant
    by_status: dict[str, int]


class SummaryAnswer(Answer):
    """Counts of the rows that the filter lets pass."""

    by_kind: dict[str, dict[str, int]]
    by_affiliate: dict[str, dict[str, int]]
    by_cause: list[CauseCountAnswer] = Field(description=f"the {MAX_CAUSES} most frequent, most first")
    series: list[PointAnswer]
    bucket: Literal["hour", "day"]
    as_of: Instant = Field(description="the counts are those of this instant, as a rule a few seconds ago")


class ErrorCodeAnswer(Answer):
    """One kind of failure of the catalogue, in the language asked for."""

    code: str
    kinds: list[Kind]
    retry: Literal["auto", "fix", "never"]
    title: str
    guidance: str
    vtex_codes: list[str]
    article: str | None


class ErrorCatalogue(Answer):
    """The whole catalogue."""

    language: Literal["pt", "en", "es"]
    items: list[ErrorCodeAnswer]

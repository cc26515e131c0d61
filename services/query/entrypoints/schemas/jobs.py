"""Jobs as JSON out, as the OpenAPI schema tells them; written by answers.py and here, compared by a test."""

from typing import Any, Literal

from pydantic import Field

from services.query.entrypoints.schemas.base import Answer, Instant
from services.query.handlers.outcomes import Outcome
from services.query.handlers.previewing import Preview, Reason
from shared.contracts.commands import JobState
from shared.contracts.imports import RowFault, RowState
from shared.contracts.names import Kind


class DryRunAnswer(Answer):
    """What a reprocess would do."""

    matched: int
    eligible: int
    skipped: dict[str, int] = Field(examples=[{"not_failed": 3, "in_progress": 1}])


class SkippedItemAnswer(Answer):
    """A row that would not be sent, and why."""

    affiliate: str = Field(examples=["MLC"])
    code: str = Field(examples=["2000004567"])
    reason: Reason


class ReprocessDryRunAnswer(DryRunAnswer):
    """What a reprocess would do: matched = eligible + all that is skipped."""

    skipped_items: list[SkippedItemAnswer] = Field(
        description="the first 100 skipped, in the order of `items`; of a filter by id, fewer or none where finding "
        "them takes too long: `skipped` counts all",
        examples=[[{"affiliate": "MLC", "code": "2000004567", "reason": "not_failed"}]],
    )


class AnsweredAnswer(Answer):
    """Answered entries by the status that they have now."""

    success: int
    error: int
    warning: int
    processing: int


class OutcomeAnswer(Answer):
    """The entries that carry the job's mark. One that a later job took over is counted there, here no more."""

    waiting: int = Field(description="claimed or sent, not answered yet", examples=[1])
    answered: AnsweredAnswer = Field(examples=[{"success": 40, "error": 2, "warning": 0, "processing": 0}])
    unknown: int = Field(description="nobody answered in time", examples=[0])


class JobAnswer(Answer):
    """What every job tells."""

    id: str
    state: JobState
    requested_by: str
    created_at: Instant
    updated_at: Instant
    finished_at: Instant | None
    cancel_requested: bool
    error: str | None


class FailedItemAnswer(Answer):
    """An item whose message the broker refused for good, and its words."""

    affiliate: str = Field(examples=["MLC"])
    code: str = Field(examples=["2000004567"])
    reason: str = Field(description="`too_large` or `refused`", examples=["too_large"])
    detail: str = Field(examples=["Broker: Message size too large"])


class ReprocessAnswer(JobAnswer):
    """A reprocess job. Counts are null until its worker wrote them; `eligible` is what a dry run by the topic would send."""

    kind: Kind
    items: list[dict[str, str]] | None
    filter: dict[str, Any] | None
    reason: str
    max_per_second: int | None
    dry_run: bool
    automatic: bool = Field(description="a retry that nobody asked for", examples=[False])
    matched: int | None
    eligible: int | None
    sent: int | None
    failed: int | None
    skipped: dict[str, int]
    failures: list[FailedItemAnswer] = Field(description="the first 20 items that failed; `failed` counts all")
    stalled_since: Instant | None = Field(
        description="nothing could be sent since then: Kafka or MongoDB does not answer; null while the job moves"
    )
    stalled_why: str | None = Field(
        description="what stood in the way last, in the words of Kafka or MongoDB",
        examples=["500 of 500 messages on integration.retry.order: Broker: Unknown topic or partition"],
    )


class ReprocessStanding(ReprocessAnswer):
    """A reprocess job with its outcome so far."""

    outcome: OutcomeAnswer | None = Field(description="null where counting it takes too long")


class ExportAnswer(JobAnswer):
    """An export job. `rows` is null until they are counted; `file` is null until it can be read."""

    kinds: list[Kind]
    filter: dict[str, Any]
    format: Literal["xlsx", "csv", "jsonl"]
    language: Literal["pt", "en", "es"]
    time_zone: str
    rows: int | None
    rows_done: int
    file: str | None = Field(examples=["/v1/exports/9f0c/file"])
    file_name: str | None
    bytes: int | None
    sha256: str | None


class ImportAnswer(JobAnswer):
    """An import job: a report that came back. What is not known before it was read is null; `counts` then has its chosen rows by state."""

    file_name: str = Field(examples=["integracoes-order-loja-20261123-101112.xlsx"])
    bytes: int
    sha256: str
    rows: int | None = Field(description="chosen rows", examples=[40])
    rows_done: int = Field(examples=[40])
    rows_read: int | None = Field(description="rows of the file, but blank ones", examples=[45])
    hidden: int | None = Field(description="rows that a filter of the spreadsheet hides: not chosen", examples=[3])
    unmarked: int | None = Field(
        description="rows without a mark, where a column `Reprocess` has one: not chosen", examples=[2]
    )
    counts: dict[str, int] = Field(examples=[{"eligible": 38, "not_failed": 2}])
    eligible: dict[str, int] = Field(
        description="rows that would be sent, by kind: a reprocess sends one kind", examples=[{"order": 38}]
    )


class ImportRowAnswer(Answer):
    """A chosen row of a file, and what a reprocess would do with it. Of an unreadable one what stands in its cells, cut short."""

    number: int = Field(description="place among the chosen rows, from 1", examples=[1])
    sheet: str = Field(description="empty in CSV", examples=["Itens"])
    row: int = Field(description="place in the sheet, from 1", examples=[2])
    kind: str = Field(examples=["order"])
    affiliate: str = Field(examples=["MLC"])
    code: str = Field(examples=["2000004567"])
    state: RowState = Field(examples=["eligible"])
    fault: RowFault | None = Field(
        description="of an unreadable row: the cell that names nothing, a formula there, or a number that a spreadsheet rounded"
    )


class ImportRowList(Answer):
    """A page of an import's rows, in the order of the file."""

    items: list[ImportRowAnswer]
    next_cursor: str | None
    previous_cursor: str | None


class ImportList(Answer):
    """A page of the account's import jobs, newest first."""

    items: list[ImportAnswer]
    next_cursor: str | None
    previous_cursor: str | None


class ReprocessList(Answer):
    """A page of the account's reprocess jobs, newest first."""

    items: list[ReprocessAnswer]
    next_cursor: str | None
    previous_cursor: str | None


class ExportList(Answer):
    """A page of the account's export jobs, newest first."""

    items: list[ExportAnswer]
    next_cursor: str | None
    previous_cursor: str | None


def outcome_json(outcome: Outcome | None) -> dict[str, Any] | None:
    """Return what became of a job's items."""
    if outcome is None:
        return None
    return {"waiting": outcome.waiting, "answered": dict(outcome.answered), "unknown": outcome.unknown}


def preview_json(preview: Preview) -> dict[str, Any]:
    """Return what a reprocess would do."""
    return {
        "matched": preview.matched,
        "eligible": preview.eligible,
        "skipped": dict(preview.skipped),
        "skipped_items": [
            {"affiliate": item.affiliate, "code": item.code, "reason": item.reason} for item in preview.skipped_items
        ],
    }

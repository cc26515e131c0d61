"""Jobs as JSON out, as the OpenAPI schema tells them; written by answers.py, compared by a test."""

from typing import Any, Literal

from pydantic import Field

from services.query.entrypoints.schemas import Answer, Instant
from shared.contracts.commands import JobState
from shared.contracts.names import Kind


class DryRunAnswer(Answer):
    """What a reprocess would do."""

    matched: int
    eligible: int
    skipped: dict[str, int] = Field(examples=[{"not_failed": 3, "in_progress": 1}])


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


class ReprocessAnswer(JobAnswer):
    """A reprocess job. Counts are null until its worker wrote them."""

    kind: Kind
    items: list[dict[str, str]] | None
    filter: dict[str, Any] | None
    reason: str
    max_per_second: int | None
    matched: int | None
    sent: int | None
    failed: int | None
    skipped: dict[str, int]


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


class ReprocessList(Answer):
    """The newest reprocess jobs of the account."""

    items: list[ReprocessAnswer]


class ExportList(Answer):
    """The newest export jobs of the account."""

    items: list[ExportAnswer]

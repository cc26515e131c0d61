"""Jobs: reprocesses, exports, replays. Closed lists of values may grow: they are plain text here, so that a new value breaks nobody."""

from datetime import datetime
from typing import Any

from shared.client.answers.base import Answer


class AnsweredAnswer(Answer):
    """Answered entries by the status that they have now."""

    success: int
    error: int
    warning: int
    processing: int


class OutcomeAnswer(Answer):
    """The entries that carry the job's mark. One that a later job took over is counted there, here no more."""

    waiting: int
    answered: AnsweredAnswer
    unknown: int


class SkippedItemAnswer(Answer):
    """A row that would not be sent, and why."""

    affiliate: str
    code: str
    reason: str


class DryRunAnswer(Answer):
    """What a reprocess would do."""

    matched: int
    eligible: int
    skipped: dict[str, int]


class ReprocessDryRunAnswer(DryRunAnswer):
    """What a reprocess would do: matched = eligible + all that is skipped."""

    skipped_items: tuple[SkippedItemAnswer, ...]


class JobAnswer(Answer):
    """What every job tells: how far it is, who wants it, since when."""

    id: str
    state: str
    requested_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    cancel_requested: bool
    error: str | None


class FailedItemAnswer(Answer):
    """An item whose message the broker refused for good, and its words."""

    affiliate: str
    code: str
    reason: str
    detail: str


class ReprocessAnswer(JobAnswer):
    """A reprocess job. Counts are null until its worker wrote them; `eligible` is what a dry run by the topic would send."""

    kind: str
    items: tuple[dict[str, str], ...] | None
    filter: dict[str, Any] | None
    reason: str
    max_per_second: int | None
    dry_run: bool
    automatic: bool
    matched: int | None
    eligible: int | None
    sent: int | None
    failed: int | None
    skipped: dict[str, int]
    failures: tuple[FailedItemAnswer, ...]
    stalled_since: datetime | None
    stalled_why: str | None


class ReprocessStanding(ReprocessAnswer):
    """A reprocess job with its outcome so far."""

    outcome: OutcomeAnswer | None


class ReprocessList(Answer):
    """A page of the account's reprocess jobs, newest first."""

    items: tuple[ReprocessAnswer, ...]
    next_cursor: str | None
    previous_cursor: str | None


class ExportAnswer(JobAnswer):
    """An export job. `rows` is null until they are counted; `file` is null until it can be read."""

    kinds: tuple[str, ...]
    filter: dict[str, Any]
    format: str
    language: str
    time_zone: str
    rows: int | None
    rows_done: int
    file: str | None
    file_name: str | None
    bytes: int | None
    sha256: str | None


class ExportList(Answer):
    """A page of the account's export jobs, newest first."""

    items: tuple[ExportAnswer, ...]
    next_cursor: str | None
    previous_cursor: str | None


class ImportAnswer(JobAnswer):
    """An import job: a report that came back. What is not known before it was read is null; `counts` then has its chosen rows by state."""

    file_name: str
    bytes: int
    sha256: str
    rows: int | None
    rows_done: int
    rows_read: int | None
    hidden: int | None
    unmarked: int | None
    counts: dict[str, int]
    eligible: dict[str, int]


class ImportRowAnswer(Answer):
    """A chosen row of a file, and what a reprocess would do with it. `fault`: why it cannot be read."""

    number: int
    sheet: str
    row: int
    kind: str
    affiliate: str
    code: str
    state: str
    fault: str | None


class ImportRowList(Answer):
    """A page of an import's rows, in the order of the file."""

    items: tuple[ImportRowAnswer, ...]
    next_cursor: str | None
    previous_cursor: str | None


class ImportList(Answer):
    """A page of the account's import jobs, newest first."""

    items: tuple[ImportAnswer, ...]
    next_cursor: str | None
    previous_cursor: str | None


class ReplayAnswer(JobAnswer):
    """A replay job. Counts are null until its worker wrote them."""

    letters: tuple[str, ...] | None
    filter: dict[str, Any] | None
    matched: int | None
    sent: int | None
    failed: int | None
    skipped: dict[str, int]

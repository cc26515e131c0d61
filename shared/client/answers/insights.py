"""What changed, counts, root causes, the error catalogue. Closed lists of values may grow: they are plain text here, so that a new value breaks nobody."""

from datetime import datetime
from typing import Any

from shared.client.answers.base import Answer, TotalAnswer
from shared.client.answers.entries import CauseAnswer


class SuccessAnswer(Answer):
    """The attempt that is compared with."""

    processed_at: datetime
    received_at: datetime


class StatusDiff(Answer):
    """The status then and now."""

    before: str | None
    after: str


class CausesDiff(Answer):
    """The causes then and now."""

    before: tuple[CauseAnswer, ...] | None
    after: tuple[CauseAnswer, ...]


class ChangeAnswer(Answer):
    """One difference. A change of personal data is told with both sides masked."""

    path: str
    change: str
    before: Any
    after: Any


class PayloadDiff(Answer):
    """The changes of the payload, in the order of its fields; members of lists are compared by their place."""

    comparable: bool
    reason: str | None
    changes: tuple[ChangeAnswer, ...]
    cut: bool
    masked_at_write: bool


class DiffAnswer(Answer):
    """What changed on an item since it last worked."""

    kind: str
    affiliate: str
    code: str
    basis: str
    last_success_at: datetime | None
    last_success: SuccessAnswer | None
    status: StatusDiff
    causes: CausesDiff
    payload: PayloadDiff


class CauseCountAnswer(Answer):
    """How many entries have a cause of this code."""

    code: str
    title: str
    count: int


class PointAnswer(Answer):
    """Entries by status whose last processing fell into the bucket that starts at `at`."""

    at: datetime
    by_status: dict[str, int]


class SummaryAnswer(Answer):
    """Counts of the rows that the filter lets pass."""

    by_kind: dict[str, dict[str, int]]
    by_affiliate: dict[str, dict[str, int]]
    by_cause: tuple[CauseCountAnswer, ...]
    series: tuple[PointAnswer, ...]
    bucket: str
    as_of: datetime


class GroupAffiliate(Answer):
    """How many items of an affiliate have the root cause."""

    affiliate: str
    marketplace: str
    items: int


class GroupDay(Answer):
    """Items that have the root cause now and were processed last on the day in UTC that begins at `at`."""

    at: datetime
    items: TotalAnswer


class GroupAnswer(Answer):
    """A root cause: the items whose cause has this code and says this, whatever item it says it of."""

    group: str
    kind: str
    code: str
    title: str
    guidance: str
    retry: str
    template: str
    message: str
    count: TotalAnswer
    affiliates: tuple[GroupAffiliate, ...]
    affiliates_complete: bool
    first_seen_at: datetime | None
    last_seen_at: datetime
    trend: tuple[GroupDay, ...]


class GroupList(Answer):
    """Root causes, most items first."""

    items: tuple[GroupAnswer, ...]
    total: TotalAnswer
    complete: bool


class ErrorCodeAnswer(Answer):
    """One kind of failure of the catalogue, in the language asked for."""

    code: str
    kinds: tuple[str, ...]
    retry: str
    title: str
    guidance: str
    vtex_codes: tuple[str, ...]
    article: str | None


class ErrorCatalogue(Answer):
    """The whole catalogue."""

    language: str
    items: tuple[ErrorCodeAnswer, ...]

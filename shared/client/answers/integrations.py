"""Integrations and how they do. Closed lists of values may grow: they are plain text here, so that a new value breaks nobody."""

from datetime import datetime

from shared.client.answers.base import Answer


class WarningAnswer(Answer):
    """Something that was taken as it is, and perhaps a slip."""

    field: str
    code: str
    message: str


class RecentAnswer(Answer):
    """The items processed within the last 24 hours, by how they stand now."""

    items: int
    failing: int
    share: float | None
    is_whole: bool


class KindHealthAnswer(Answer):
    """One kind of an integration."""

    kind: str
    state: str
    objective_seconds: int
    last_event_at: datetime | None
    last_success_at: datetime | None
    recent: RecentAnswer | None


class HealthAnswer(Answer):
    """How an integration does: `fresh` within its objective, `late` beyond it, `silent` after three of them, `never` heard of."""

    state: str
    last_event_at: datetime | None
    kinds: tuple[KindHealthAnswer, ...]


class IntegrationAnswer(Answer):
    """A connection to a marketplace."""

    affiliate: str
    marketplace: str
    state: str
    registered: bool
    kinds: tuple[str, ...]
    minimum_availability: int | None
    emails: tuple[str, ...]
    freshness_seconds: dict[str, int]
    mask_at_write: bool
    automatic_retries: bool
    paused: bool
    created_at: datetime | None
    updated_at: datetime | None
    updated_by: str
    removed_at: datetime | None
    etag: str | None
    warnings: tuple[WarningAnswer, ...]
    health: HealthAnswer | None


class IntegrationList(Answer):
    """Integrations by affiliate."""

    items: tuple[IntegrationAnswer, ...]

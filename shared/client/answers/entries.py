"""Entries and their history. Closed lists of values may grow: they are plain text here, so that a new value breaks nobody."""

from datetime import datetime
from typing import Any

from shared.client.answers.base import Answer, TotalAnswer


class CauseAnswer(Answer):
    """Why an attempt failed, in the language asked for."""

    code: str
    message: str
    field: str | None
    title: str
    guidance: str
    retry: str
    group: str | None


class EvidenceAnswer(Answer):
    """What was asked of the marketplace, and what it answered, as the connector tells it; masked."""

    request: Any
    response: Any


class AttemptCauseAnswer(CauseAnswer):
    """A cause with what proves it."""

    evidence: EvidenceAnswer | None


class LogAnswer(Answer):
    """What a connector says of a processing beside its causes, of a success above all; masked. A text is "" where it says nothing."""

    message: str
    operation: str
    direction: str
    evidence: EvidenceAnswer | None


class ReprocessMark(Answer):
    """The newest reprocess of an entry: the job's id, and how far it is."""

    id: str
    state: str


class EntryItem(Answer):
    """An entry as a list shows it."""

    kind: str
    affiliate: str
    marketplace: str
    registered: bool
    code: str
    status: str
    processed_at: datetime
    first_seen_at: datetime
    last_success_at: datetime | None
    attempts: int
    causes: tuple[CauseAnswer, ...]
    aliases: dict[str, str]
    reprocess: ReprocessMark | None


class EntryAnswer(EntryItem):
    """One entry, whole."""

    payload: Any
    payload_truncated: bool
    payload_bytes: int | None
    payload_preview: str | None
    payload_masked: bool
    log: LogAnswer | None
    error_streak: int
    error_streak_complete: bool
    failing_since: datetime | None
    received_at: datetime
    sequence: int | None
    reprocess_id: str | None
    next_retry_at: datetime | None


class EntryPage(Answer):
    """A page of entries; a cursor is null where there is nothing more in its direction."""

    items: tuple[EntryItem, ...]
    next_cursor: str | None
    previous_cursor: str | None
    total: TotalAnswer
    complete: bool
    searched_until: str | int | None


class PartialPage(Answer):
    """A page of entries of which `fields` told what to show: each item has those members of EntryItem, and no others."""

    items: tuple[dict[str, Any], ...]
    next_cursor: str | None
    previous_cursor: str | None
    total: TotalAnswer
    complete: bool
    searched_until: str | int | None


class AttemptAnswer(Answer):
    """One processing of an item."""

    payload: Any
    payload_truncated: bool
    payload_bytes: int | None
    payload_preview: str | None
    payload_masked: bool
    log: LogAnswer | None
    status: str
    processed_at: datetime
    received_at: datetime
    sequence: int | None
    reprocess_id: str | None
    source: str
    event_id: str
    causes: tuple[AttemptCauseAnswer, ...]


class AttemptPageAnswer(Answer):
    """A page of an entry's history, newest first."""

    items: tuple[AttemptAnswer, ...]
    next_cursor: str | None
    previous_cursor: str | None


class StoryEntry(EntryItem):
    """An entry that has the id of a story; `whole`: its whole history stands on the line, and not the newest attempt alone."""

    whole: bool


class StoryAttempt(Answer):
    """One processing of one of the entries; `current`: it is how the entry stands now."""

    kind: str
    affiliate: str
    marketplace: str
    code: str
    status: str
    current: bool
    processed_at: datetime
    received_at: datetime
    sequence: int | None
    reprocess_id: str | None
    source: str
    event_id: str
    message: str
    causes: tuple[CauseAnswer, ...]


class StoryAnswer(Answer):
    """All entries that have one id, and a page of what happened to them, newest first."""

    id: str
    entries: tuple[StoryEntry, ...]
    complete: bool
    timeline: tuple[StoryAttempt, ...]
    next_cursor: str | None
    previous_cursor: str | None

    @property
    def items(self) -> tuple[StoryAttempt, ...]:
        """The rows of the page: its part of the time line."""
        return self.timeline

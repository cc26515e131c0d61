"""Dead letters. Closed lists of values may grow: they are plain text here, so that a new value breaks nobody."""

from datetime import datetime

from shared.client.answers.base import Answer, TotalAnswer


class LetterItem(Answer):
    """A dead letter as a list shows it. `previous` was replayed and came back as this one; `came_back_as` the other way round."""

    id: str
    kind: str | None
    topic: str
    partition: int
    offset: int
    error_class: str
    error_message: str
    received_at: datetime
    key: str | None
    size: int
    state: str
    replayed_at: datetime | None
    replayed_by: str | None
    replay_id: str | None
    previous: str | None
    came_back_as: str | None


class HeaderAnswer(Answer):
    """One header of the record, masked as the letter is; `withheld` where bytes that are not text cannot be masked."""

    name: str
    value: str | None
    encoding: str | None


class LetterAnswer(LetterItem):
    """One dead letter with its content. A tombstone has neither value nor encoding; a value that is `withheld` is null."""

    masked: bool
    value: str | None
    value_encoding: str | None
    headers: tuple[HeaderAnswer, ...]


class LetterPageAnswer(Answer):
    """A page of dead letters, newest first."""

    items: tuple[LetterItem, ...]
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

    items: tuple[ClassCountAnswer, ...]
    open: int
    replayed: int

"""What a live stream tells. Closed lists of values may grow: they are plain text here, so that a new value breaks nobody."""

from shared.client.answers.base import Answer
from shared.client.answers.entries import EntryItem


class ChangedEvent(EntryItem):
    """`changed`: an entry as the lists show it."""

    matches: bool


class RemovedEvent(Answer):
    """`removed`: an entry that was deleted."""

    kind: str
    affiliate: str
    code: str


class ResyncEvent(Answer):
    """`resync`: events were left out. Read the list again; what comes after this event is whole."""

    reason: str
    detail: str


class ClosingEvent(Answer):
    """`closing`: the stream ends on purpose. Connect again with the id of the last event."""

    reason: str
    detail: str

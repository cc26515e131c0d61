"""What the live stream needs from the outside, and the bounds it keeps to."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from services.query.core.integration import Marketplaces
from services.query.core.stream.changes import CaughtUp, Change
from services.query.core.stream.position import Position
from shared.contracts.catalogue import Language
from shared.contracts.entries import LogEntry
from shared.contracts.errors import LimitExceeded, Transient

ResyncReason = Literal["too_old", "too_many", "slow", "interrupted"]
"""Why events were left out: the id is older than what is remembered; more happened than a stream carries; the reader is too slow;
the change stream was lost."""
ClosingReason = Literal["stopping", "renewal", "credential"]
"""Why a stream ends: the service stops; it is open for long; its key or session is no longer good."""

StillAllowed = Callable[[], Awaitable[bool]]
"""Whether the credential that a stream was opened with is still good."""


class HistoryLost(Transient):
    """The feed cannot go on where it was: changes were missed."""


class KeyFull(LimitExceeded):
    """The credential holds as many streams as one may."""


class ProcessFull(Transient):
    """The process holds as many streams as it may."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the streams of a process may take.

    `streams` in all and `streams_per_key`; `seconds` that one lasts; `events_per_second` told on one; `entries_per_second` read for all.
    """

    streams: int
    streams_per_key: int
    seconds: float
    events_per_second: int
    entries_per_second: int


class ChangeFeed(Protocol):
    """Every change of the log, in order."""

    def follow(self, since: Position | None) -> AsyncGenerator[Change | CaughtUp, None]:
        """Yield what changed after `since`, from now on for None, without end; a CaughtUp first where it starts from now.

        CaughtUp comes whenever nothing more has changed so far, at least once a few seconds. Raise HistoryLost, Transient.
        """
        ...


class ChangedEntries(Protocol):
    """Entries as they stand now."""

    async def read_entries(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return documents of `log_entries` by id, without content and evidence; absent ones are left out. Raise Transient."""
        ...


class EventWriter(Protocol):
    """Events as they go over the wire. `event_id` is what a client sends back to go on after the event."""

    def opening(self, event_id: str) -> bytes:
        """Return what a stream starts with: that it is open, and how long to wait before connecting again."""
        ...

    def changed(
        self, event_id: str, entry: LogEntry, *, matches: bool, names: Marketplaces, language: Language
    ) -> bytes:
        """Return the event of an entry that changed, masked; `names` are the account's marketplaces."""
        ...

    def removed(self, event_id: str, entry_id: str) -> bytes:
        """Return the event of an entry that was deleted."""
        ...

    def resync(self, event_id: str, reason: ResyncReason) -> bytes:
        """Return the event that says that events were left out: read the list again."""
        ...

    def closing(self, reason: ClosingReason) -> bytes:
        """Return the last event of a stream that ends on purpose."""
        ...

    def heartbeat(self, event_id: str) -> bytes:
        """Return a sign of life that is no event; it moves the id on."""
        ...

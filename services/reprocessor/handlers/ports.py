"""What the stories need of the world. Each docstring is the promise that the conformance suites hold adapters to."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from services.reprocessor.core.progress import Tally
from services.reprocessor.core.retry_message import RetryMessage
from shared.contracts.entries import LogEntry
from shared.contracts.filters import LogFilter
from shared.contracts.names import Kind
from shared.runtime.clock import Clock
from shared.runtime.settings import RETRY_DELAYS

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """The mark that a job puts on an entry: this job has it now. `claimed_at` in milliseconds, MongoDB's precision.

    `tries` of an automatic retry: which one it is.
    """

    job_id: str
    claimed_at: datetime
    requested_by: str
    tries: int | None = None

    def mark(self) -> Document:
        """Return what the entry keeps in `reprocess`."""
        told = {"id": self.job_id, "state": "claimed", "claimed_at": self.claimed_at, "requested_by": self.requested_by}
        return told if self.tries is None else {**told, "tries": self.tries}


@dataclass(frozen=True, slots=True)
class StaleClaim:
    """A claim that nobody moved on for long."""

    entry_id: str
    account: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A stretch of a walk in `_id` order: entries without payload, possibly none; `is_last` when none follow.

    `last_id` is the place to go on from; None when the walk met nothing and is over.
    """

    entries: Sequence[LogEntry]
    last_id: str | None
    is_last: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one retry message; `reason` is short and countable (`too_large`, `refused`), `detail` the broker's words."""

    outcome: Literal["sent", "refused", "unknown"]
    reason: str = ""
    detail: str = ""


class EntryStore(Protocol):
    """The log entries, of which only the field `reprocess` is written."""

    async def find_entries(self, ids: Sequence[str]) -> Mapping[str, LogEntry]:
        """Return the entries that exist among `ids`, without payload."""
        ...

    async def list_matching(self, account: str, rows: LogFilter, *, job_id: str, after: str | None, limit: int) -> Walk:
        """Return the next entries after the place `after`, in `_id` order: at most `limit` that `rows` lets pass, and in the
        same stretch whatever the job has marked, though it may no longer match. `rows` has exactly one kind.
        """
        ...

    async def claim(self, ids: Sequence[str], claim: Claim) -> None:
        """Claim those of `ids` that nobody has claimed or sent; each goes to one claimer at most.

        `stream_claimed` tells which ones. A repeat leaves what the job already has as it is.
        """
        ...

    def stream_claimed(self, ids: Sequence[str], job_id: str) -> AsyncIterator[list[LogEntry]]:
        """Yield, whole and as they stand, those of `ids` that the job has claimed, in stretches of bounded memory."""
        ...

    async def mark_sent(self, ids: Sequence[str], job_id: str, *, at: datetime) -> None:
        """Say of the job's claimed entries that the broker has their message. One already answered stays so."""
        ...

    async def release(self, ids: Sequence[str], job_id: str) -> None:
        """Take the job's claims back: nothing was sent, the entries are as if never claimed."""
        ...

    async def give_up(self, ids: Sequence[str], job_id: str) -> None:
        """Set the job's claims to unknown: nothing was sent, and yet it counts as a try."""
        ...

    async def take_try_back(self, ids: Sequence[str], job_id: str) -> None:
        """Set the claims of an automatic retry to unknown: the broker never had a word for them, and it counts as no try."""
        ...

    async def leave_alone(self, ids: Sequence[str], job_id: str) -> None:
        """Set the job's claims to unknown and mark them as cancelled: no automatic retry follows before the item is heard of again."""
        ...


class FailedEntries(Protocol):
    """What may have to be tried again by itself, across accounts: for the automatic retries only."""

    async def list_accounts(self) -> Sequence[str]:
        """Return the accounts that have entries."""
        ...

    def stream_retriable(
        self, account: str, kind: Kind, *, since: datetime, heard_before: datetime
    ) -> AsyncIterator[LogEntry]:
        """Yield, without payload, entries that failed and are not under way, each of whose causes may pass by itself.

        `since`: the newest event was processed after it. `heard_before`: and arrived by then.
        """
        ...


class PendingEntries(Protocol):
    """The marks that wait for something, across accounts: for the rescue only."""

    def stream_stale_claims(self, before: datetime) -> AsyncIterator[list[StaleClaim]]:
        """Yield what was claimed before that instant and is claimed still."""
        ...

    async def give_up_claims(self, ids: Sequence[str], job_id: str) -> int:
        """Set the job's claims among `ids` to unknown; return how many there were."""
        ...

    async def give_up_answers(self, before: datetime) -> int:
        """Set whatever was sent before that instant, and is not answered, to unknown; return how many."""
        ...


class RetryTopics(Protocol):
    """The topics that connectors read."""

    async def publish(
        self, kind: Kind, messages: Sequence[RetryMessage], *, may_send: Callable[[], bool]
    ) -> Sequence[Delivery]:
        """Return, in order, what became of each message; "sent" only with the broker's word. One bad message harms no other.

        `may_send` is asked for each right before it leaves our hands, perhaps in another thread. What may not go stays, and is unknown.
        """
        ...


class Integrations(Protocol):
    """The registry of marketplace integrations."""

    async def list_paused(self, account: str, kind: str) -> AbstractSet[str]:
        """Return the affiliates that the account has paused or removed, or for which `kind` is switched off."""
        ...

    async def list_unasked(self, account: str, kind: str) -> AbstractSet[str]:
        """Return those, and the affiliates that want no automatic retries."""
        ...


class StatusTopic(Protocol):
    """Where whoever asked follows a job."""

    async def tell(self, status: Document) -> None:
        """Publish the status, or log that it was not possible: telling never holds the work."""
        ...


class Jobs(Protocol):
    """`shared.mongo.jobs.Jobs`, as the stories use it; see there."""

    async def insert(  # noqa: D102
        self, command: Mapping[str, Any], *, now: datetime, keep_for: timedelta | None = None
    ) -> Document: ...

    async def has_unfinished(self, account: str, prefix: str) -> bool: ...  # noqa: D102

    async def find(self, account: str, job_id: str) -> Document | None: ...  # noqa: D102

    async def lease(self, *, worker: str, now: datetime, lease_for: timedelta) -> Document | None: ...  # noqa: D102

    async def record_progress(  # noqa: D102
        self, job: Document, progress: Mapping[str, Any], *, worker: str, now: datetime, lease_for: timedelta
    ) -> Document: ...

    async def release(  # noqa: D102
        self, job: Document, *, worker: str, now: datetime, rest_for: timedelta = timedelta(0)
    ) -> Document | None: ...

    async def finish(  # noqa: D102
        self,
        job: Document,
        state: str,
        *,
        worker: str,
        now: datetime,
        progress: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> Document | None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once and how long; see the settings of the same names."""

    batch_size: int = 500
    slice: timedelta = timedelta(seconds=3)
    lease: timedelta = timedelta(seconds=20)
    publish_timeout: timedelta = timedelta(seconds=8)
    give_up_after: timedelta = timedelta(minutes=15)
    rescue_after: timedelta = timedelta(seconds=60)
    answer_timeout: timedelta = timedelta(minutes=15)
    retry_delays: Sequence[timedelta] = RETRY_DELAYS
    retries_per_second: int = 20


def _ignore(_: Tally) -> None:
    """Observe nothing."""


@dataclass(frozen=True, slots=True)
class Plugs:
    """What a slice is plugged into."""

    entries: EntryStore
    topics: RetryTopics
    jobs: Jobs
    integrations: Integrations
    status: StatusTopic
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    limits: Limits = field(default_factory=Limits)
    observe: Callable[[Tally], None] = _ignore

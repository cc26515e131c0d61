"""A job's document → the work it asks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.reprocessor.core.automatic import AutomaticRetry, read_stored
from services.reprocessor.core.pace import Pace
from services.reprocessor.core.progress import Progress
from shared.contracts.commands import ReprocessCommand
from shared.contracts.events import entry_id
from shared.contracts.times import aware, format_instant

Document = dict[str, Any]


class Work:
    """A leased job, its parsed command, its pace and how far it came. Raises InvalidCommand for a command nobody can read."""

    def __init__(self, job: Document) -> None:
        self.job = job
        self.command = read_stored(job["command"])
        self.rows = self.command.log_filter()
        self.is_new = not job.get("progress")
        self.progress = Progress.read(job.get("progress") or {}, dry_run=self.command.dry_run)
        self.pace = Pace(self.command.max_per_second, self.progress.next_at)
        self._ids = item_ids(self.command)

    @property
    def explicit(self) -> bool:
        """Whether the very items are named."""
        return self.command.items is not None

    @property
    def held_until(self) -> datetime:
        """When the lease ends, if it is not renewed."""
        return aware(self.job["leased_until"])

    @property
    def tries(self) -> int | None:
        """Which automatic retry this is; None where somebody asked."""
        return self.command.tries if isinstance(self.command, AutomaticRetry) else None

    def next_items(self, limit: int) -> tuple[list[str], bool]:
        """Return the entry ids of the next named items in their given order, and whether they are the last."""
        last = self.progress.last_id
        start = 0 if last is None else self._ids.index(last) + 1
        return self._ids[start : start + limit], start + limit >= len(self._ids)


def item_ids(command: ReprocessCommand) -> list[str]:
    """Return the entry ids that a command names, each once, in the order given."""
    named = (entry_id(command.account, command.kind, item.affiliate, item.code) for item in command.items or ())
    return list(dict.fromkeys(named))


def is_same_command(command: ReprocessCommand, stored: Mapping[str, Any]) -> bool:
    """Say whether a job's stored command asks for the same thing, whoever asks."""
    asked = read_stored(stored)
    return asked.model_copy(update={"requested_by": command.requested_by}) == command


def status_of(work: Work, state: str, *, at: Any, error: str | None = None) -> Document:
    """Return the status event of a job: small, plain JSON."""
    return {
        "account": work.command.account,
        "id": work.command.id,
        "kind": work.command.kind,
        "state": state,
        "progress": work.progress.to_counts(),
        "error": error,
        "at": format_instant(at),
    }

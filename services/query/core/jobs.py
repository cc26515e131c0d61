"""A job as callers see it: what was asked, how far it is, how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.contracts.commands import FINAL_STATES
from shared.contracts.names import KINDS


@dataclass(frozen=True, slots=True)
class Job:
    """A job. `command` is the command as JSON, `progress` what its worker counted so far.

    Reprocess: `progress` has matched, sent, skipped {reason: n}, failed. Export: rows, rows_done, file_id, file_name, bytes,
    sha256, content_type. Import: rows, rows_done, rows_read, hidden, unmarked, counts {state: n}, eligible {kind: n}, file_id.
    Any of them may be missing until the worker wrote it. Instants are aware.
    """

    account: str
    id: str
    state: str
    command: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    cancel_requested: bool = False
    error: str | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kinds(self) -> Sequence[str]:
        """Of whose rows the command speaks, each kind once: those that its filter names, else its own; all where it names none."""
        command = self.command
        named = (command.get("filter") or {}).get("kind") or command.get("kind") or command.get("kinds") or KINDS
        return (named,) if isinstance(named, str) else tuple(dict.fromkeys(named))

    @property
    def is_automatic(self) -> bool:
        """Say whether it is a retry that nobody asked for."""
        return "tries" in self.command

    @property
    def is_finished(self) -> bool:
        """Say whether nothing more will happen to the job."""
        return self.state in FINAL_STATES


def job_from_document(document: Mapping[str, Any]) -> Job:
    """Return the job that a document of `reprocess_requests`, `exports` or `imports` holds."""
    return Job(
        account=document["account"],
        id=document["id"],
        state=document["state"],
        command=document.get("command", {}),
        created_at=document["created_at"],
        updated_at=document.get("updated_at", document["created_at"]),
        finished_at=document.get("finished_at"),
        cancel_requested=bool(document.get("cancel_requested", False)),
        error=document.get("error"),
        progress=document.get("progress") or {},
    )

"""The story of a look at personal data: it needs a scope and a reason, and it is written down before anything is shown."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.query.core.permissions import Caller
from shared.contracts.errors import InvalidField


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to which entry or dead letter (its id), when and why. `action` is `<what>.revealed`."""

    account: str
    at: datetime
    action: str
    entry: str
    key_id: str
    key_name: str
    by_session: bool
    reason: str


class Audit(Protocol):
    """Lines that nobody changes."""

    async def record(self, line: AuditLine) -> None:
        """Keep the line; durable on return. Raise Transient."""
        ...


async def record_reveal(audit: Audit, caller: Caller, entry: str, what: str, reason: str, *, now: datetime) -> None:
    """Write down that `caller` is about to see `what` of the entry of that id. Raise NotPermitted, InvalidField, Transient."""
    caller.require("admin")
    if not reason.strip():
        raise InvalidField("reason", "say why you need to see personal data: it is kept in the audit")
    await audit.record(
        AuditLine(
            account=caller.account,
            at=now,
            action=f"{what}.revealed",
            entry=entry,
            key_id=caller.key_id,
            key_name=caller.name,
            by_session=caller.by_session,
            reason=reason.strip(),
        )
    )

"""The audit: who did what to what, when and why. Written down before it is done or shown, so that nothing happens unseen."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol
from uuid import uuid4

from services.query.core.actions import Action, Revealed
from services.query.core.cursor import Binding, Position
from services.query.core.leaf import Leaf
from services.query.core.permissions import Caller
from services.query.handlers.leafing import DEFAULT_LIMIT, read_leaf
from shared.contracts.errors import InvalidField
from shared.contracts.said import some_lines
from shared.contracts.times import to_milliseconds

ORDER: Final = "-at"


@dataclass(frozen=True, slots=True)
class AuditLine:
    """`action` is an Action, or what an older version called it, `target` the id of the entry, dead letter, job, key, integration or view that it was done to.

    Who: `key_id` and `key_name` of the caller, `by_session` when through the panel, `by_token` when an identity provider vouched.
    `request_id` is the correlation id of the answer and of the log line. `id` orders lines of one instant and says nothing.
    """

    account: str
    at: datetime
    action: str
    target: str
    key_id: str
    key_name: str
    by_session: bool
    reason: str
    by_token: bool = False
    request_id: str = ""
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines: several values are alternatives, () lets all pass; instants aware, from inclusive, to exclusive."""

    actor: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    from_at: datetime | None = None
    to_at: datetime | None = None


class Audit(Protocol):
    """Lines that nobody changes: there is no way to, on purpose. Raises Transient."""

    async def record(self, line: AuditLine) -> None:
        """Keep the line; durable on return."""
        ...

    async def list_lines(
        self, account: str, rows: AuditFilter, *, after: Position | None, ascending: bool = False, limit: int
    ) -> list[AuditLine]:
        """Return the first `limit` lines beyond `after`, newest first by (at, id), or oldest first."""
        ...


async def record_reveal(
    audit: Audit, caller: Caller, target: str, action: Revealed, reason: str, *, now: datetime
) -> None:
    """Write down that `caller` is about to see what `action` names of the thing of that id. Raise NotPermitted, InvalidField, Transient."""
    caller.require("admin")
    if not reason.strip():
        raise InvalidField("reason", "say why you need to see personal data: it is kept in the audit")
    await record_act(audit, caller, action, target, now=now, reason=reason)


async def record_act(
    audit: Audit, caller: Caller, action: Action, target: str, *, now: datetime, reason: str = ""
) -> None:
    """Write down what `caller` is about to do; whether it came about is told by the thing itself. Raise InvalidField, Transient."""
    try:
        some_lines(reason)
    except ValueError as error:
        raise InvalidField("reason", str(error)) from error
    await audit.record(
        AuditLine(
            account=caller.account,
            at=to_milliseconds(now),
            action=action,
            target=target,
            key_id=caller.key_id,
            key_name=caller.name,
            by_session=caller.by_session,
            reason=reason.strip(),
            by_token=caller.by_token,
            request_id=caller.request_id,
        )
    )


async def list_audit(
    audit: Audit, caller: Caller, rows: AuditFilter, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Leaf[AuditLine]:
    """Return a page of the account's audit, newest first. Raise NotPermitted, InvalidCursor, InvalidField."""
    caller.require("admin")
    binding = Binding(caller.account, repr(rows), f"audit {ORDER}")
    read = partial(audit.list_lines, caller.account, rows)
    return await read_leaf(read, binding, cursor=cursor, limit=limit, place_of=_place_of)


def _place_of(line: AuditLine) -> Position:
    return Position(line.at, line.id)

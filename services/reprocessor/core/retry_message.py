"""A log entry and who asked → the message on its retry topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.contracts.cloudevents import CloudEvent
from shared.contracts.commands import ReprocessCommand
from shared.contracts.entries import LogEntry
from shared.contracts.times import format_instant

SOURCE: Final = "/ponte/reprocessor"


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """One retry request. `key` is the entry id; the event's id is the same whenever it is sent again."""

    key: str
    event: CloudEvent


def build_retry(entry: LogEntry, command: ReprocessCommand, *, claimed_at: datetime) -> RetryMessage:
    """Return the message that asks the connector of `entry` to try it again.

    A payload that is not whole, cut or masked, is not sent: the connector must read its source again.
    """
    data: Mapping[str, Any] = {
        "account": entry.account,
        "kind": entry.kind,
        "affiliate": entry.affiliate,
        "code": entry.code,
        "payload": entry.payload if entry.payload_is_whole else None,
        "payload_truncated": not entry.payload_is_whole,
        "causes": list(entry.causes),
        "attempt": entry.attempts + 1,
        "aliases": dict(entry.aliases),
        "reprocess_id": command.id,
        "requested_by": command.requested_by,
        "reason": command.reason,
    }
    return RetryMessage(
        key=entry.id,
        event=CloudEvent(
            id=f"{command.id}:{entry.id}",
            source=SOURCE,
            type=f"integration.{entry.kind}.retry_requested",
            data=data,
            time=format_instant(claimed_at),
        ),
    )

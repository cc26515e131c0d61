"""One message saying how one item's processing went: its identity and its order. Its fields and their checks: event_data.py."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from shared.contracts.event_data import CODE, NAME, STATUSES, Code, EventData, Name, Status, parse_event_data
from shared.contracts.names import KINDS, Kind
from shared.contracts.times import order_text

__all__ = ["CODE", "NAME", "STATUSES", "Code", "EventData", "IntegrationEvent", "Name", "Status", "parse_event_data"]

FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""A connector's clock may run this far ahead; beyond it the broker's clock orders the attempt."""

Version = tuple[str, int, str, str]
"""The total order of a key's attempts: (order text, sequence or -1, source, id), compared left to right."""


class IntegrationEvent:
    """One decoded event: its data, where it comes from, and when the broker took it in.

    `marks` are fields to store beside the payload that tell what was done to it: see entries.py.
    """

    __slots__ = (
        "_attempt_id", "data", "entry_id", "id", "marks", "order_at", "processed_at", "received_at", "source", "version",
    )  # fmt: skip

    def __init__(
        self,
        *,
        source: str,
        id: str,  # noqa: A002
        data: EventData,
        received_at: datetime,
        marks: Mapping[str, Any] | None = None,
    ) -> None:
        self.source = source
        self.id = id
        self.data = data
        self.received_at = received_at
        self.marks = marks or {}
        self.processed_at = self.order_at = data.instant
        order = data.order
        if data.instant - received_at > FUTURE_TOLERANCE:
            self.order_at, order = received_at, order_text(received_at)
        sequence = -1 if data.sequence is None else data.sequence
        self.version: Version = (order, sequence, source, id)
        self.entry_id = entry_id(data.account, data.kind, data.affiliate, data.code)
        self._attempt_id = ""

    @property
    def identity(self) -> tuple[str, str]:
        """(source, id): the same pair is the same event, however often it is delivered."""
        return self.source, self.id

    @property
    def attempt_id(self) -> str:
        """The attempt's `_id`: entry id, U+001F (which no code can hold), hash of source and id."""
        # Most new entries never ask, known ones three times.
        self._attempt_id = self._attempt_id or attempt_id(self.entry_id, self.source, self.id)
        return self._attempt_id


def entry_id(account: str, kind: str, affiliate: str, code: str) -> str:
    """Return the identity of a row, also the key of its records in Kafka. Only `code`, the last part, may hold a `|`."""
    return f"{account}|{kind}|{affiliate}|{code}"


def split_entry_id(identity: str) -> tuple[str, str, str, str]:
    """Return (account, kind, affiliate, code)."""
    account, kind, affiliate, code = identity.split("|", 3)
    return account, kind, affiliate, code


def attempt_id(identity: str, source: str, event_id: str) -> str:
    """Return the `_id` of an attempt; 128 bits of hash, so that two events of one entry never meet."""
    digest = hashlib.sha256(f"{source}\x00{event_id}".encode()).hexdigest()[:32]
    return f"{identity}\x1f{digest}"


def type_of(kind: Kind) -> str:
    """Return the CloudEvents type of a processed event."""
    return f"integration.{kind}.processed"


KIND_BY_TYPE: Final[dict[str, Kind]] = {type_of(kind): kind for kind in KINDS}

ORDER_RESULT_TYPE: Final = "integration.order.result"
"""The result of an order integration, as VTEX answers and calls back with it."""

ITEM_CHANGED_TYPE: Final = "integration.item.changed"
"""The notification that something about a SKU changed, as VTEX broadcasts it to affiliates."""

CONNECTOR_LOG_TYPE: Final = "integration.connector.log"
"""A connector's log message with its three payloads."""

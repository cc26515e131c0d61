"""One message saying how one item's processing went: its fields, its checks, its identity and its order.

The checks are pydantic's, strict: a wrong type is an error that names the field, never a silent conversion.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from shared.contracts.errors import InvalidEvent
from shared.contracts.names import KINDS, Kind
from shared.contracts.times import order_text, parse_instant

Status = Literal["success", "error", "warning", "processing"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What an account or an affiliate looks like, for `fullmatch`."""

Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
"""An account or an affiliate: case-sensitive."""

Code = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,300}$")]
"""An item's id within its kind: an order id in the marketplace, or a SKU id."""

FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""A connector's clock may run this far ahead; beyond it the broker's clock orders the attempt."""

Version = tuple[str, int, str, str]
"""The total order of a key's attempts: (order text, sequence or -1, source, id), compared left to right."""


class Evidence(BaseModel):
    """What was asked of the marketplace, and what it answered."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    request: Any = None
    response: Any = None


class Cause(BaseModel):
    """Why an attempt failed. A cause without `code` is classified by its message."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    code: str | None = None
    message: str = ""
    field: str | None = None
    evidence: Evidence | None = None


class EventData(BaseModel):
    """The `data` of an `integration.<kind>.processed` CloudEvent. Unknown fields are kept."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")
    account: Name
    kind: Kind
    affiliate: Name
    code: Code
    status: Status
    processed_at: str
    sequence: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    reprocess_id: str | None = None
    aliases: dict[str, str | None] = Field(default_factory=dict)
    causes: list[Cause] = Field(default_factory=list)
    payload: Any = None

    @model_validator(mode="after")
    def _processed_at_is_an_instant(self) -> "EventData":
        try:
            parse_instant(self.processed_at)
        except ValueError as error:
            msg = f"processed_at {error}"
            raise ValueError(msg) from error
        return self


class IntegrationEvent:
    """One decoded event: its data, where it comes from, and when the broker took it in.

    `source` and `id` identify it: the same pair is the same event, however often it is delivered. `attempt_id` is the attempt's
    `_id`: entry id, U+001F (which no code can hold), hash of source and id. `marks` are fields to store beside the payload
    that tell what was done to it: see entries.py.
    """

    __slots__ = (
        "attempt_id", "data", "entry_id", "id", "marks", "order_at", "processed_at", "received_at", "source", "version",
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
        self.processed_at, order = parse_instant(data.processed_at)
        self.order_at = self.processed_at
        if self.processed_at > received_at + FUTURE_TOLERANCE:
            self.order_at, order = received_at, order_text(received_at)
        sequence = -1 if data.sequence is None else data.sequence
        self.version: Version = (order, sequence, source, id)
        self.entry_id = entry_id(data.account, data.kind, data.affiliate, data.code)
        self.attempt_id = attempt_id(self.entry_id, source, id)


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


def parse_event_data(raw: object) -> EventData:
    """Return the checked data. Raise InvalidEvent naming every field at fault."""
    try:
        return EventData.model_validate(raw)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'data'}: {item['msg']}" for item in error.errors(include_url=False)
        )
        raise InvalidEvent("InvalidField", found) from error


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

"""Valid by default, override by keyword."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shared.contracts.events import IntegrationEvent, parse_event_data
from shared.contracts.records import Address, Record
from shared.contracts.times import format_instant

RECEIVED_AT = datetime(2026, 11, 23, 10, 11, 13, tzinfo=UTC)


def make_data(**changes: Any) -> dict[str, Any]:
    """Return the `data` of an order's error event."""
    return {
        "account": "loja",
        "kind": "order",
        "affiliate": "MLC",
        "code": "2000004567",
        "status": "error",
        "processed_at": "2026-11-23T10:11:12.123Z",
        "causes": [{"code": "ORD-SLA", "message": "No available sla to deliver this order"}],
        "aliases": {"vtex_order_id": "MLC-2000004567"},
        "payload": {"marketplaceOrderId": "2000004567"},
        **changes,
    }


def make_event(
    *, id: str = "", source: str = "/connectors/mlc", received_at: datetime = RECEIVED_AT, **changes: Any
) -> IntegrationEvent:
    """Return a decoded event."""
    return IntegrationEvent(
        source=source, id=id or uuid4().hex, data=parse_event_data(make_data(**changes)), received_at=received_at
    )


def make_cloudevent(*, id: str = "", source: str = "/connectors/mlc", **changes: Any) -> dict[str, Any]:
    """Return a structured CloudEvent as a JSON object."""
    data = make_data(**changes)
    return {
        "specversion": "1.0",
        "id": id or uuid4().hex,
        "source": source,
        "type": f"integration.{data['kind']}.processed",
        "time": data["processed_at"],
        "datacontenttype": "application/json",
        "data": data,
    }


def make_record(
    value: bytes | None,
    *,
    offset: int = 0,
    partition: int = 0,
    topic: str = "integration.events.order",
    headers: tuple[tuple[str, bytes | None], ...] = (),
    key: bytes | None = None,
    timestamp: datetime = RECEIVED_AT,
) -> Record:
    """Return a raw record."""
    return Record(Address(topic, partition, offset), key, value, headers, timestamp)


def now_text() -> str:
    """Return the present instant as events write it."""
    return format_instant(datetime.now(UTC))

"""A record → the events it tells of, or InvalidEvent: the shape is chosen by the message's CloudEvents type."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from services.ingest.core.classify import classify_causes
from services.ingest.core.read_at_once import read_at_once
from services.ingest.core.shapes import Shape
from services.ingest.core.shapes.change_notice import MINIMUM_AVAILABILITY, change_notice
from services.ingest.core.shapes.connector_log import connector_log
from services.ingest.core.shapes.order_result import order_result
from services.ingest.core.shapes.processed import plain, processed
from services.ingest.core.shapes.recognize import recognized_type
from services.ingest.core.strict_json import parse_object
from shared.contracts.cloudevents import CloudEvent, read_message
from shared.contracts.errors import InvalidEvent
from shared.contracts.events import (
    CONNECTOR_LOG_TYPE,
    ITEM_CHANGED_TYPE,
    KIND_BY_TYPE,
    ORDER_RESULT_TYPE,
    EventData,
    IntegrationEvent,
)
from shared.contracts.records import UNREADABLE_HEADERS, Record


def shapes(*, minimum_availability: int = MINIMUM_AVAILABILITY) -> Mapping[str, Shape]:
    """Return CloudEvents type → shape. A further connector's message gets a file of its own and a line here."""
    return {
        "": plain,
        **dict.fromkeys(KIND_BY_TYPE, processed),
        ORDER_RESULT_TYPE: order_result,
        ITEM_CHANGED_TYPE: change_notice(minimum_availability),
        CONNECTOR_LOG_TYPE: connector_log,
    }


SHAPES: Final = shapes()


def decode(
    record: Record, accounts: frozenset[str] = frozenset(), known: Mapping[str, Shape] = SHAPES
) -> list[IntegrationEvent]:
    """Return the events of a record, each cause with its code. Raise InvalidEvent. No `accounts` means all are taken."""
    event = read_at_once(record)
    if event is not None and (not accounts or event.data.account in accounts):
        return [event]
    return read_by_parts(record, accounts, known)


def read_by_parts(
    record: Record, accounts: frozenset[str] = frozenset(), known: Mapping[str, Shape] = SHAPES
) -> list[IntegrationEvent]:
    """Return the same, whatever the record's shape."""
    body: Any = parse_object(record.value)
    if record.headers is UNREADABLE_HEADERS:
        raise InvalidEvent("NotUtf8", "the name of a header is not UTF-8: none of its headers can be read or kept")
    message = read_message(record.value or b"", body, record.headers)
    # In binary mode and in plain JSON the body is the data, and never null.
    if message.data is None and body.get("data_base64") is not None:
        message = message._replace(data=_decoded(body["data_base64"]))
    shape = known.get(message.type or recognized_type(message.data))
    if shape is None:
        raise InvalidEvent("UnknownType", f"nothing here reads messages of type {message.type[:100]!r}")
    return [_event(record, message, data, accounts) for data in shape(message, record)]


def _decoded(data: Any) -> dict[str, Any]:
    """Return the object of a structured CloudEvent whose publisher handed bytes to its library."""
    try:
        return parse_object(base64.b64decode(data, validate=True))
    except (TypeError, ValueError, binascii.Error) as error:
        raise InvalidEvent("InvalidEnvelope", f"data_base64 is not Base64: {error}") from error


def _event(record: Record, message: CloudEvent, data: EventData, accounts: frozenset[str]) -> IntegrationEvent:
    if accounts and data.account not in accounts:
        raise InvalidEvent("UnknownAccount", f"account: {data.account!r} is not one of PONTE_ACCOUNTS")
    return IntegrationEvent(
        source=message.source, id=message.id, data=classify_causes(data), received_at=record.timestamp
    )

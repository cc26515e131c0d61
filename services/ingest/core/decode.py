"""A record → the events it tells of, or InvalidEvent: the shape is chosen by the message's CloudEvents type."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.ingest.core.classify import classify_causes
from services.ingest.core.strict_json import parse_object
from shared.contracts.cloudevents import CloudEvent, read_message
from shared.contracts.errors import InvalidEvent
from shared.contracts.events import KIND_BY_TYPE, EventData, IntegrationEvent, parse_event_data
from shared.contracts.names import KINDS, Kind, events_topic
from shared.contracts.records import Record

Shape = Callable[[CloudEvent], Sequence[EventData]]
"""Turns one message into the data of its events; several when one message speaks of several kinds."""

_KIND_BY_TOPIC: Final[dict[str, Kind]] = {events_topic(kind): kind for kind in KINDS}


def processed(message: CloudEvent) -> Sequence[EventData]:
    """Our own event, `integration.<kind>.processed`: its data as it stands."""
    data = parse_event_data(message.data)
    if data.kind != KIND_BY_TYPE[message.type]:
        raise InvalidEvent("InvalidField", f"kind: {data.kind!r} stands in a message of type {message.type!r}")
    return (data,)


def plain(message: CloudEvent) -> Sequence[EventData]:
    """The bare data of our own event, without an envelope."""
    return (parse_event_data(message.data),)


SHAPES: Final[Mapping[str, Shape]] = {"": plain, **dict.fromkeys(KIND_BY_TYPE, processed)}
"""CloudEvents type → shape. A further connector's message gets a function of its own and a line here."""


def decode(record: Record, accounts: frozenset[str] = frozenset()) -> list[IntegrationEvent]:
    """Return the events of a record, each cause with its code. Raise InvalidEvent. No `accounts` means all are taken."""
    body: Any = parse_object(record.value)
    message = read_message(record.value or b"", body, record.headers)
    shape = SHAPES.get(message.type)
    if shape is None:
        raise InvalidEvent("UnknownType", f"nothing here reads messages of type {message.type[:100]!r}")
    return [_event(record, message, data, accounts) for data in shape(message)]


def _event(record: Record, message: CloudEvent, data: EventData, accounts: frozenset[str]) -> IntegrationEvent:
    if _KIND_BY_TOPIC.get(record.address.topic) != data.kind:
        raise InvalidEvent("WrongTopic", f"kind: {data.kind!r} does not belong on {record.address.topic}")
    if accounts and data.account not in accounts:
        raise InvalidEvent("UnknownAccount", f"account: {data.account!r} is not one of PONTE_ACCOUNTS")
    return IntegrationEvent(
        source=message.source, id=message.id, data=classify_causes(data), received_at=record.timestamp
    )

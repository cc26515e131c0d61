"""Our own event, in an envelope or bare. Only here a kind must be its topic's: whoever writes our shape knows both."""

from collections.abc import Sequence
from typing import Final

from shared.contracts.cloudevents import CloudEvent
from shared.contracts.errors import InvalidEvent
from shared.contracts.events import KIND_BY_TYPE, EventData, parse_event_data
from shared.contracts.names import KINDS, Kind, events_topic
from shared.contracts.records import Record

KIND_BY_TOPIC: Final[dict[str, Kind]] = {events_topic(kind): kind for kind in KINDS}


def processed(message: CloudEvent, record: Record) -> Sequence[EventData]:
    """Return the data of an `integration.<kind>.processed` as it stands."""
    data = parse_event_data(message.data)
    if data.kind != KIND_BY_TYPE[message.type]:
        raise InvalidEvent("InvalidField", f"kind: {data.kind!r} stands in a message of type {message.type!r}")
    return (_on_its_topic(data, record),)


def plain(message: CloudEvent, record: Record) -> Sequence[EventData]:
    """Return the bare data of our own event, without an envelope."""
    return (_on_its_topic(parse_event_data(message.data), record),)


def _on_its_topic(data: EventData, record: Record) -> EventData:
    if KIND_BY_TOPIC.get(record.address.topic) != data.kind:
        raise InvalidEvent("WrongTopic", f"kind: {data.kind!r} does not belong on {record.address.topic}")
    return data

"""librdkafka's messages → our records."""

from datetime import UTC, datetime
from operator import methodcaller
from typing import Final

from confluent_kafka import OFFSET_INVALID, Message

from shared.contracts.records import UNREADABLE_HEADERS, Address, Headers, Record

_told_headers: Final = methodcaller("headers")
"""Not `message.headers()`: of a name that is not UTF-8 the library returns half a list beside its error, and Python's own call, once it is
warm, does not look for an error where there is a result.
"""


def record_of(message: Message) -> Record:
    """Return a librdkafka message as a record; once for each message. A missing timestamp reads as the epoch."""
    milliseconds = max(message.timestamp()[1], 0)
    return Record(
        address=Address(message.topic() or "", message.partition() or 0, _offset(message)),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=_headers(message),
        timestamp=datetime.fromtimestamp(milliseconds / 1000, UTC),
    )


def _headers(message: Message) -> Headers:
    try:
        return [(name, _bytes(value)) for name, value in _told_headers(message) or ()]
    except SystemError:  # a name is not UTF-8; asked a second time, the library gives a list that kills the process
        return UNREADABLE_HEADERS


def _offset(message: Message) -> int:
    offset: int | None = message.offset()
    return OFFSET_INVALID if offset is None else offset


def _bytes(value: "str | bytes | None") -> bytes | None:
    return value.encode() if isinstance(value, str) else value

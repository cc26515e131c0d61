"""librdkafka's messages → our records."""

from datetime import UTC, datetime
from functools import lru_cache
from operator import methodcaller
from typing import Final

from confluent_kafka import OFFSET_INVALID, Message

from shared.contracts.records import UNREADABLE_HEADERS, Address, Headers, Record

_told_headers: Final = methodcaller("headers")
"""Not `message.headers()`: of a name that is not UTF-8 the library returns half a list beside its error, and Python's own call, once it is
warm, does not look for an error where there is a result.
"""

_NONE: Final[Headers] = ()

_new: Final = tuple.__new__
"""A named tuple without its own `__new__`, which takes as long as all else here: there is one of each for every record."""


def record_of(message: Message) -> Record:
    """Return a librdkafka message as a record; once for each message. A missing timestamp reads as the epoch."""
    key, value, offset = message.key(), message.value(), message.offset()
    try:
        told = _told_headers(message)
    except SystemError:  # a name is not UTF-8; asked a second time, the library gives a list that kills the process
        headers = UNREADABLE_HEADERS
    else:
        headers = [(name, _bytes(text)) for name, text in told] if told else _NONE
    at = _new(Address, (message.topic() or "", message.partition() or 0, OFFSET_INVALID if offset is None else offset))
    return _new(Record, (at, _bytes(key), _bytes(value), headers, _instant(message.timestamp()[1])))


@lru_cache(1024)  # what a broker takes in at once has one timestamp
def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(max(milliseconds, 0) / 1000, UTC)


def _bytes(value: "str | bytes | None") -> bytes | None:
    return value.encode() if isinstance(value, str) else value

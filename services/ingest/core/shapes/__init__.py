"""One file for each shape of message that connectors publish; `core/decode.py` chooses by the CloudEvents type."""

from collections.abc import Callable, Sequence

from shared.contracts.cloudevents import CloudEvent
from shared.contracts.events import EventData
from shared.contracts.records import Record

Shape = Callable[[CloudEvent, Record], Sequence[EventData]]
"""Turns a message and the record it came in into the data of its events, several when one message speaks of several kinds.
Raises InvalidEvent."""

"""`ponte.stream`: entries as they change, for as long as somebody looks, over as many connections as it takes."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.client.answers.access import Problem
from shared.client.answers.base import Answer
from shared.client.answers.events import ChangedEvent, ClosingEvent, RemovedEvent, ResyncEvent
from shared.client.errors import Denied, Failed, NotNow, TooMany, Unreachable
from shared.client.paging import Rows, written
from shared.client.transport import Transport, not_ours, operation, type_of
from shared.contracts.commands import Language

SILENCE_SECONDS: Final = 45.0
"""A sign of life comes every 15 s: what is silent for three of them is dead."""
RETRY_SECONDS: Final = 3.0
LONGEST_PAUSE_SECONDS: Final = 30.0
PATH: Final = "/v1/stream"
DENIED: Final = 401
DEAD_KEY: Final = "credential"
EVENTS: Final = "text/event-stream"

KNOWN: Final[dict[str, type[Answer]]] = {
    "changed": ChangedEvent,
    "removed": RemovedEvent,
    "resync": ResyncEvent,
    "closing": ClosingEvent,
}

Told = ChangedEvent | RemovedEvent | ResyncEvent
"""After a `resync` events were left out: read the list again."""


@dataclass(slots=True)
class Place:
    """Where a stream goes on, and how soon."""

    last_id: str
    retry_seconds: float = RETRY_SECONDS
    failures: int = 0

    def pause(self, asked: float | None) -> float:
        """Return the seconds to wait before the next connection."""
        own = self.retry_seconds * float(2 ** max(self.failures - 1, 0))
        return max(asked or 0.0, min(own, LONGEST_PAUSE_SECONDS))


class Stream:
    """The live stream."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("stream_changes")
    def changes(
        self, rows: Rows | None = None, *, since: str = "", failures: int = 10, lang: Language | None = None
    ) -> Iterator[Told]:
        """Yield what changes, for ever: a stream that breaks off goes on after the last event, each entry at least once.

        `since` is the id of an event to go on after. Raise Refused where the API says no for good, Denied when the key ended, Unreadable
        where something else answers, and after `failures` connections in a row that were not even opened why the last one was not.
        """
        place = Place(since)
        while True:
            asked_pause: float | None = None
            try:
                yield from self._connection(written(rows) | {"lang": lang}, place)
            except (Unreachable, TooMany, NotNow, Failed) as error:
                place.failures += 1
                if place.failures > failures:
                    raise
                asked_pause = getattr(error, "retry_after", None)
            time.sleep(place.pause(asked_pause))

    def _connection(self, asked: dict[str, Any], place: Place) -> Iterator[Told]:
        headers = {"Accept": EVENTS, **({"Last-Event-ID": place.last_id} if place.last_id else {})}
        with self._transport.streamed(PATH, asked=asked, headers=headers, silence_seconds=SILENCE_SECONDS) as answer:
            if type_of(answer) != EVENTS:
                raise not_ours(answer)
            place.failures = 0  # also where nothing changes before it breaks off
            for name, data in events(answer.iter_bytes(), place):
                told = KNOWN[name].model_validate_json(data) if name in KNOWN else None
                if isinstance(told, ClosingEvent) and told.reason == DEAD_KEY:
                    raise _ended(told, answer.headers.get("X-Request-ID"))
                if isinstance(told, (ChangedEvent, RemovedEvent, ResyncEvent)):
                    yield told


def _ended(told: ClosingEvent, correlation_id: str | None) -> Denied:
    """Return the error that a stream ends in whose key is no longer good, in the API's own words."""
    problem = Problem(
        type="about:blank",
        title="Unauthorized",
        status=DENIED,
        detail=told.detail,
        instance=PATH,
        correlation_id=correlation_id,
    )
    return Denied(DENIED, problem)


def events(pieces: Iterable[bytes], place: Place) -> Iterator[tuple[str, str]]:
    """Yield name and data of each event of a stream; pauses go to `place` as they come, ids once their event is whole.

    Split at line feeds alone: text may hold what other splitters take for the end of a line.
    """
    fields: dict[str, str] = {}
    for line in _lines(pieces):
        if not line:
            place.last_id = fields.pop("id", place.last_id)
            if "data" in fields:
                yield fields.get("event", "message"), fields["data"]
            fields = {}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            fields[name] = value  # it is where to go on only once its event is whole
        elif name == "retry" and value.isdecimal():
            place.retry_seconds = int(value) / 1000
        elif name:
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.removesuffix(b"\r").decode() for line in whole)

"""Who streams: how many, by which key, and which of them ask for the same."""

from collections import Counter
from collections.abc import Iterable, Sequence

from services.query.core.stream.backlog import Window
from services.query.core.stream.budget import Budget
from services.query.core.stream.changes import Change
from services.query.core.stream.channel import Channel, Wish
from services.query.core.stream.position import Position, event_id
from services.query.handlers.stream.open_stream import OpenStream
from services.query.handlers.stream.ports import (
    Bounds,
    ClosingReason,
    EventWriter,
    KeyFull,
    ProcessFull,
    ResyncReason,
)
from shared.runtime.metrics import QUERY_STREAM_EVENTS, QUERY_STREAM_RESYNCS, QUERY_STREAMS


class Audience:
    """The open streams of the process, by channel."""

    def __init__(self, write: EventWriter, bounds: Bounds) -> None:
        self._write = write
        self._bounds = bounds
        self._channels: dict[Wish, Channel] = {}
        self._streams: dict[Wish, list[OpenStream]] = {}
        self._by_key: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many streams are open or about to be."""
        return self._by_key.total()

    @property
    def is_empty(self) -> bool:
        """Whether nobody listens yet, or any more."""
        return not self._channels

    def admit(self, key_id: str) -> None:
        """Count a stream of the key. Raise KeyFull, ProcessFull."""
        if self._by_key[key_id] >= self._bounds.streams_per_key:
            raise KeyFull(f"this key holds {self._bounds.streams_per_key} open streams, as many as it may: close one")
        if len(self) >= self._bounds.streams:
            raise ProcessFull(f"{self._bounds.streams} streams are open here, as many as may be; try again later")
        self._by_key[key_id] += 1
        QUERY_STREAMS.set(len(self))

    def dismiss(self, key_id: str) -> None:
        """Count a stream of the key no more."""
        self._by_key[key_id] -= 1
        if not self._by_key[key_id]:
            del self._by_key[key_id]
        QUERY_STREAMS.set(len(self))

    def join(self, wish: Wish, since: Position, at: Position, missed: Sequence[Change] | None) -> OpenStream:
        """Return a new stream among those of its wish: what changes after `at` comes to it. The rest as in OpenStream."""
        channel = self._channels.setdefault(wish, Channel(wish, Budget(self._bounds.events_per_second)))
        stream = OpenStream(channel, since, at, missed)
        self._streams.setdefault(wish, []).append(stream)
        return stream

    def leave(self, stream: OpenStream) -> None:
        """Forget a stream, and its channel with the last one of it."""
        wish = stream.channel.wish
        self._streams[wish].remove(stream)
        if not self._streams[wish]:
            del self._streams[wish], self._channels[wish]

    def channels(self) -> list[Channel]:
        """Return the channels that there are now."""
        return list(self._channels.values())

    def streams_of(self, channel: Channel) -> list[OpenStream]:
        """Return the streams of a channel as they are now."""
        return list(self._streams.get(channel.wish, ()))

    def tell(self, channel: Channel, streams: Sequence[OpenStream], window: Window, at: Position) -> None:
        """Hand the events of a moment to the streams of a channel. Who is too slow for them is told so and dropped."""
        QUERY_STREAM_EVENTS.inc(len(window.frames) * len(streams))
        for stream in streams:
            if not stream.put(window):
                QUERY_STREAM_RESYNCS.labels("slow").inc()
                stream.end(self.resync_frame(channel, at, "slow"), at_once=True)

    def resync(self, channels: Iterable[Channel], at: Position, reason: ResyncReason) -> None:
        """Tell the streams of these channels to read the list again, instead of whatever waits."""
        for channel in channels:
            frame, streams = self.resync_frame(channel, at, reason), self.streams_of(channel)
            QUERY_STREAM_RESYNCS.labels(reason).inc(len(streams))
            for stream in streams:
                stream.put_instead(frame)

    def close(self, reason: ClosingReason) -> None:
        """End every stream, after what it still has to send."""
        for channel in self.channels():
            for stream in self.streams_of(channel):
                stream.end(self._write.closing(reason))

    def resync_frame(self, channel: Channel, at: Position, reason: ResyncReason) -> bytes:
        """Return the event that tells to read the list again."""
        return self._write.resync(event_id(at, channel.wish.account), reason)

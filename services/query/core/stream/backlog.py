"""What waits to be sent on one stream: windows of finished bytes that all streams of a kind share, so a stream costs references only."""

from collections import deque
from collections.abc import Mapping
from functools import cached_property
from typing import Final

MOST_FRAMES: Final = 1_000
MOST_BYTES: Final = 512 * 1024
"""A stream further behind than this is too slow. Whatever waits is shared, so this bounds time more than memory."""
CHUNK_BYTES: Final = 64 * 1024
"""Sent at once at most: the server holds one chunk of each stream that does not read."""


class Window:
    """The events of a moment, by entry id, in the order of their ids. Never changed once made."""

    def __init__(self, frames: Mapping[str, bytes]) -> None:
        self.frames = frames
        self.size = sum(map(len, frames.values()))

    @cached_property
    def joined(self) -> bytes:
        """All frames as one piece, made once for all streams."""
        return b"".join(self.frames.values())


class Backlog:
    """The windows that one stream has yet to send."""

    def __init__(self) -> None:
        self._windows: deque[Window] = deque()
        self._frames = 0
        self._bytes = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._windows)

    def put(self, window: Window) -> bool:
        """Add a window. False: it is too much even with several changes of one entry folded into the last, and nothing waits any more."""
        if not self._windows:  # one window alone is never too much: the channel has bounded it
            self._add(window)
            return True
        self._add(window)
        if self._is_too_much:
            self._coalesce()
        if self._is_too_much:
            self.clear()
            return False
        return True

    def take(self) -> list[bytes]:
        """Return what waits in chunks and forget it. A stream that is behind gets each entry once, as it stands last."""
        if len(self._windows) > 1:
            self._coalesce()
        window = self._windows[0]
        self.clear()
        return [window.joined] if window.size <= CHUNK_BYTES else _chunks(window)

    def clear(self) -> None:
        """Forget everything."""
        self._windows.clear()
        self._frames = self._bytes = 0

    @property
    def _is_too_much(self) -> bool:
        return self._frames > MOST_FRAMES or self._bytes > MOST_BYTES

    def _add(self, window: Window) -> None:
        self._windows.append(window)
        self._frames += len(window.frames)
        self._bytes += window.size

    def _coalesce(self) -> None:
        kept: dict[str, bytes] = {}
        for window in self._windows:
            for entry_id, frame in window.frames.items():
                kept.pop(entry_id, None)  # to the end: ids of events must not go backwards
                kept[entry_id] = frame
        self.clear()
        self._add(Window(kept))


def _chunks(window: Window) -> list[bytes]:
    chunks: list[list[bytes]] = [[]]
    size = 0
    for frame in window.frames.values():
        if chunks[-1] and size + len(frame) > CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(frame)
        size += len(frame)
    return [b"".join(chunk) for chunk in chunks]

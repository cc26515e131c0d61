"""Commands with a header whose name is not UTF-8. aiokafka, by which Faust reads, raises at such a record again and again, and no command
behind it is ever taken. Here the record comes without headers: what a command says stands in its value.

It reaches into aiokafka's privates, as Faust does: the version is pinned (decision 0001), and a test reads such a record from a broker.
"""

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint


def bear_unreadable_headers() -> None:
    """Have every aiokafka consumer of this process read on where it would raise UnicodeDecodeError."""
    fetcher.MemoryRecords = _Records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka has no types
    def next_batch(self, *_: Any) -> Any:
        content = self._next_slice
        batch = super().next_batch()
        return _Batch(content) if isinstance(batch, DefaultRecordBatch) else batch


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka has no types
    def _read_msg(self, *_: Any) -> Any:
        begin = self._pos
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            return self._read_without_headers(begin)

    def _read_without_headers(self, begin: int) -> Any:
        length, start = decode_varint(self._buffer, begin)
        _, at = decode_varint(self._buffer, start)
        since, at = decode_varint(self._buffer, at)
        number, at = decode_varint(self._buffer, at)
        key, at = self._read_bytes(at)
        value, _ = self._read_bytes(at)
        is_appended = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if is_appended else self.first_timestamp + since
        self._pos = start + length
        return _DefaultRecordPy(self.base_offset + number, timestamp, self.timestamp_type, key, value, [])

    def _read_bytes(self, at: int) -> tuple[bytes | None, int]:
        length, at = decode_varint(self._buffer, at)
        return (None, at) if length < 0 else (bytes(self._buffer[at : at + length]), at + length)

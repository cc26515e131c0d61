"""A place where records are missing: a consumer group wanted to read on there and could not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared.contracts.errors import PonteError
from shared.contracts.times import to_milliseconds

Reason = Literal["deleted", "recreated", "beyond the end"]


class RecordsMissing(PonteError):
    """Something was never read, and cannot be any more."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The group wanted offset `wanted`; the first record that can be read stands at `found`, or would.

    deleted: what stood between them is gone, by retention or by hand. recreated: the topic was made again, `wanted` is an offset of
    the old one. beyond the end: the partition is shorter than what was read of it, so the broker lost records.
    """

    group: str
    topic: str
    partition: int
    wanted: int
    found: int
    reason: Reason

    @property
    def records(self) -> int | None:
        """How many offsets are skipped; None where nobody can say."""
        return self.found - self.wanted if self.reason == "deleted" else None

    def document(self, *, at: datetime, reads_on: bool) -> dict[str, Any]:
        """Return what is stored of it. Met again after a restart it is the same document."""
        return {
            "_id": f"{self.group}|{self.topic}|{self.partition}|{self.wanted}|{self.found}",
            "group": self.group,
            "topic": self.topic,
            "partition": self.partition,
            "from": self.wanted,
            "to": self.found,
            "records": self.records,
            "reason": self.reason,
            "at": to_milliseconds(at),
            "then": "read on" if reads_on else "stopped",
        }

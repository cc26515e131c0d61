"""At most so many a second: a schedule of slots, one an item. Time is handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

BATCHES_PER_SECOND = 10
"""A paced job goes in this many small steps a second, so that a connector sees a stream and not one burst."""

LONGEST_WAIT = timedelta(seconds=2)
"""No schedule has a longer one, a second for one item at the most: the clock was set back meanwhile."""


@dataclass(slots=True)
class Pace:
    """`per_second` None does not wait. `next_at` is the first free slot, None before the first item."""

    per_second: int | None
    next_at: datetime | None = None

    def limit_batch(self, most: int) -> int:
        """Return how many items to take at once, `most` at the most."""
        if self.per_second is None:
            return most
        return max(1, min(most, self.per_second // BATCHES_PER_SECOND))

    def reserve(self, count: int, *, now: datetime) -> float:
        """Take the slots of `count` items and return the seconds to wait before they may go."""
        if self.per_second is None or count == 0:
            return 0.0
        starts_at = now if self.next_at is None else max(now, self.next_at)
        if starts_at - now > LONGEST_WAIT:
            starts_at = now
        self.next_at = starts_at + timedelta(seconds=count / self.per_second)
        return (starts_at - now).total_seconds()

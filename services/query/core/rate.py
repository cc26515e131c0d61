"""How often a caller may ask: a token bucket for each key."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MAX_BUCKETS: Final = 10_000
"""Keys remembered; the one unused for longest is forgotten, and starts full again."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a request found: whether it may pass, how many more may at once, and in how many seconds all of them may again."""

    is_granted: bool
    limit: int
    remaining: int
    reset_seconds: int


class RateLimit:
    """Allows `per_second` requests a second for each key, and as many at once after a pause of one second."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def take(self, key: str, *, now: datetime) -> Allowance:
        """Take a token of `key`; refused when it has none left."""
        tokens, since = self._buckets.pop(key, (float(self._per_second), now))
        passed = max((now - since).total_seconds(), 0.0)
        tokens = min(tokens + passed * self._per_second, float(self._per_second))
        is_granted = tokens >= 1
        left = tokens - 1 if is_granted else tokens
        self._buckets[key] = (left, now)
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return Allowance(
            is_granted=is_granted,
            limit=self._per_second,
            remaining=int(left),
            reset_seconds=math.ceil((self._per_second - left) / self._per_second),
        )

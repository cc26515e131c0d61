"""How often a caller may ask: a token bucket for each key."""

from collections import OrderedDict
from datetime import datetime
from typing import Final

MAX_BUCKETS: Final = 10_000
"""Keys remembered; the one unused for longest is forgotten, and starts full again."""


class RateLimit:
    """Allows `per_second` requests a second for each key, and as many at once after a pause of one second."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def allows(self, key: str, *, now: datetime) -> bool:
        """Take a token of `key`; False when it has none left."""
        tokens, since = self._buckets.pop(key, (float(self._per_second), now))
        passed = max((now - since).total_seconds(), 0.0)
        tokens = min(tokens + passed * self._per_second, float(self._per_second))
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return allowed

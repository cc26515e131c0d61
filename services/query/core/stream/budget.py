"""How much may happen in a second: what is not used is kept for one second, no longer."""


class Budget:
    """`per_second` units. Times are seconds of a clock that only goes forward."""

    def __init__(self, per_second: int) -> None:
        self._per_second = float(per_second)
        self._left = self._per_second
        self._since: float | None = None

    def left(self, now: float) -> float:
        """Return how many units there are at `now`."""
        passed = 0.0 if self._since is None else now - self._since
        self._left = min(self._left + passed * self._per_second, self._per_second)
        self._since = now
        return self._left

    def take(self, units: int, now: float) -> bool:
        """Use up `units`. False, and nothing is used, when there are not so many."""
        if units > self.left(now):
            return False
        self._left -= units
        return True

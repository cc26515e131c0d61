"""Time is handed in: whoever needs an instant takes a `Clock`, and a test gives it one that stands still."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the present instant, aware, UTC: the only reading of the wall clock in the product."""
    return datetime.now(UTC)

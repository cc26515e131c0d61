"""Time is handed in: whoever needs an instant takes a `Clock`, and a test gives it one that stands still.

That is the wall clock. How long something takes is read from `time.monotonic()` where it is measured. `shared/client` runs in other
people's programs and reads the wall clock itself, for a `Retry-After` that is a date.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the present instant, aware, UTC: the only reading of the wall clock in the services and in `ponte`."""
    return datetime.now(UTC)

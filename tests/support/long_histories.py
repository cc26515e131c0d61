"""Long histories of few attempts: thousands would take a test longer, and cross the line once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.contracts import entries


@contextmanager
def long_from(attempts: int) -> Iterator[None]:
    """Let an item that was attempted so often have a long history, for the block."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(entries, "LONG_HISTORY", attempts)
        yield

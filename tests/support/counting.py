"""How much work something is, counted and not timed: what a busy machine does not change."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

LENGTH = 20_000
SLACK = 50
"""Calls that are made once, however long the text is."""


def count_calls(work: Callable[[], object]) -> int:
    """Return how many calls `work` makes, of Python's functions and of those in C."""
    count = 0

    def on_event(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def grows_with_length_alone(work: Callable[[str], object], piece: str, end: str = "") -> bool:
    """Say whether a text of twice as many pieces takes no more than twice the calls.

    What one call of a pattern does is not seen: whether that ends is for a test with a long text, which the suite's limit would stop.
    """
    times = LENGTH // len(piece)
    short, long = piece * times + end, piece * times * 2 + end
    work(piece * 10 + end)  # fills what remembers words, not what remembers texts
    once, twice = count_calls(lambda: work(short)), count_calls(lambda: work(long))
    return twice <= 2 * once + SLACK

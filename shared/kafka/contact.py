"""Has a client lost its brokers for good? librdkafka forgets every broker when a broker that was just thawed names none, and may then
look for none any more (its issue 5301): Kafka answers everybody but this client. Only another client cures that.
"""

import json
import time
from collections.abc import Callable
from typing import Final

TELL_EVERY_MS: Final = 5_000
"""How often the client tells how it is, as `statistics.interval.ms`."""

LOST_SECONDS: Final = 20.0
"""So long without its group's coordinator, and a fresh client is asked: most outages are Kafka's own and end by themselves."""

ASK_AGAIN_SECONDS: Final = 10.0
"""When Kafka is back after an outage, so long a client has to find it by itself, which it nearly always does."""


class Contact:
    """Judges one client by its own statistics. `answers` asks a fresh client whether Kafka answers; it may take seconds."""

    def __init__(self, answers: Callable[[], bool], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._answers = answers
        self._clock = clock
        self._ask_at = clock() + LOST_SECONDS
        self._had_answer = False

    def hear(self, statistics: str) -> None:
        """Take in what the client says of itself: librdkafka's statistics, as JSON."""
        if json.loads(statistics)["cgrp"]["state"] == "up":
            self._ask_at = self._clock() + LOST_SECONDS
            self._had_answer = False

    def is_lost(self) -> bool:
        """Say whether another client is needed: Kafka answered others twice while this one went without it. Asks only after a while."""
        if self._clock() < self._ask_at:
            return False
        had_answer, self._had_answer = self._had_answer, self._answers()
        self._ask_at = self._clock() + ASK_AGAIN_SECONDS
        return had_answer and self._had_answer

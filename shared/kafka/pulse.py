"""The life signs of an intake: counters that move when it does. A watchdog reads them from another thread; nothing is locked."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pulse:
    """`turns`: calls of the client that came back. `in_call`: one is under way. `in_hand`: batches that are being handled.
    `finished`: batches done. `waits`: how often a handler said that it waits for a server. `drained`: how often nothing more
    was there to be taken; `positions`, as they were then: (topic, partition) → next offset, of what is read. Nobody but the intake
    asks the client for them: its calls wait for one another, and one that never returns would take the watchdog along.
    """

    turns: int = 0
    in_call: bool = False
    in_hand: int = 0
    finished: int = 0
    waits: int = 0
    drained: int = 0
    positions: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def wait(self) -> None:
        """Say that a server is away, and that this is why nothing gets done."""
        self.waits += 1

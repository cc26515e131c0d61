"""So many dead letters that the code must be wrong and not the data: stop, instead of draining the topic into the dead letters."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.contracts.errors import DeadLetterLimitReached


@dataclass(slots=True)
class DeadLetterLimit:
    """`run` dead letters in a row, or `ratio` of the latest `window` records, are too many."""

    run: int = 500
    ratio: float = 0.5
    window: int = 5000
    _in_a_row: int = 0
    _recent: "deque[bool]" = field(default_factory=deque)

    def check(self, verdicts: Sequence[bool]) -> "DeadLetterLimit":
        """Return the limit as it stands after these records, True for a dead letter. Raise DeadLetterLimitReached.

        Nothing changes here, so a batch may be repeated: take the returned limit when the batch is done.
        """
        after = DeadLetterLimit(self.run, self.ratio, self.window, self._in_a_row, deque(self._recent, self.window))
        if not any(verdicts):  # nearly always, and then no limit comes nearer
            after._recent.extend(verdicts)
            after._in_a_row = 0 if verdicts else self._in_a_row
            return after
        for rejected in verdicts:
            after._take(rejected)
        if len(after._recent) == self.window and sum(after._recent) >= self.ratio * self.window:
            raise DeadLetterLimitReached(_advice(f"{sum(after._recent)} of the latest {self.window} records"))
        return after

    def _take(self, rejected: bool) -> None:  # noqa: FBT001  # the verdict itself
        self._recent.append(rejected)
        self._in_a_row = self._in_a_row + 1 if rejected else 0
        if self._in_a_row >= self.run:
            raise DeadLetterLimitReached(_advice(f"{self._in_a_row} records in a row"))


def _advice(what: str) -> str:
    return (
        f"{what} cannot be used; nothing of this batch was committed. The first ones of it are in "
        "integration.deadletter as samples: look at them and at what was deployed last. If the data really is that bad, raise "
        "PONTE_INGEST_DEAD_LETTER_RUN and PONTE_INGEST_DEAD_LETTER_RATIO and start again."
    )

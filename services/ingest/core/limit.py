"""So many dead letters that the code must be wrong and not the data: stop, instead of draining the topic into the dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.contracts.errors import DeadLetterLimitReached


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """`run` dead letters in a row, or `ratio` of the latest `window` records, are too many."""

    run: int = 500
    ratio: float = 0.5
    window: int = 5000
    seen: int = 0
    in_a_row: int = 0
    """Dead letters up to the newest one; good records after it say so by their number."""

    letters: tuple[int, ...] = ()
    """Which of the latest `window` records were dead letters, counted from the first record ever seen."""

    def check(self, verdicts: Sequence[bool]) -> "DeadLetterLimit":
        """Return the limit as it stands after these records, True for a dead letter. Raise DeadLetterLimitReached.

        Nothing changes here, so a batch may be repeated: take the returned limit when the batch is done.
        """
        in_a_row, letters, seen = self.in_a_row, list(self.letters), self.seen + len(verdicts)
        for number in (number for number, is_letter in enumerate(verdicts, self.seen + 1) if is_letter):
            in_a_row = in_a_row + 1 if letters and letters[-1] == number - 1 else 1
            letters.append(number)
            if in_a_row >= self.run:
                raise DeadLetterLimitReached(_advice(f"{in_a_row} records in a row"))
        latest = tuple(number for number in letters if number > seen - self.window)
        if any(verdicts) and seen >= self.window and len(latest) >= self.ratio * self.window:
            raise DeadLetterLimitReached(_advice(f"{len(latest)} of the latest {self.window} records"))
        return replace(self, seen=seen, in_a_row=in_a_row, letters=latest)


def _advice(what: str) -> str:
    return (
        f"{what} cannot be used; nothing of this batch was committed. Look at what was deployed last. If the data really is that "
        "bad, raise PONTE_INGEST_DEAD_LETTER_RUN and PONTE_INGEST_DEAD_LETTER_RATIO and start again."
    )

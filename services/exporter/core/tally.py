"""Totals of a report, counted while its rows pass: by affiliate, status and cause. Bounded, whatever codes connectors invent."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from services.exporter.core.columns import FAILED, code_of
from shared.contracts.catalogue import UNMAPPED
from shared.contracts.entries import LogEntry

MAX_LINES: Final = 5_000
"""Different lines of a summary; what comes beyond is counted together, under the empty key."""

Line = tuple[str, str, str]
"""Affiliate, status, error code ("" where the row has none)."""

OTHERS: Final[Line] = ("", "", "")


@dataclass(slots=True)
class Tally:
    """How many rows, and of what. An entry with two causes counts once in each of its lines and once in `rows`."""

    rows: int = 0
    lines: Counter[Line] = field(default_factory=Counter)

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Count the entries."""
        for entry in entries:
            self.rows += 1
            for code in _codes(entry):
                line = (entry.affiliate, entry.status, code)
                self.lines[line if line in self.lines or len(self.lines) < MAX_LINES else OTHERS] += 1

    def largest_first(self) -> list[tuple[Line, int]]:
        """Return the lines, by affiliate, then the most frequent first."""
        return sorted(self.lines.items(), key=lambda item: (item[0] == OTHERS, item[0][0], -item[1], item[0]))


def _codes(entry: LogEntry) -> Iterable[str]:
    if entry.causes:
        return dict.fromkeys(code_of(cause) for cause in entry.causes)
    return (UNMAPPED,) if entry.status in FAILED else ("",)

"""Counts as rollups tell them: which questions they answer, and how parts of an answer add up."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from services.query.core.period import midnight
from shared.contracts.filters import LogFilter

LAST_YEAR: Final = 9998
"""Calendars end with the next one, and with them the sums of a month."""


class Cell(NamedTuple):
    """Entries with the same facts, processed in the hour or the part of an hour that begins `at`."""

    kind: str
    affiliate: str
    status: str
    codes: tuple[str | None, ...]
    at: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class Rolled:
    """Counts by (kind, affiliate, status), by cause code, and by (beginning of the bucket, status); exact for the instant `as_of`."""

    sums: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    causes: Counter[str | None] = field(default_factory=Counter)
    points: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    as_of: datetime | None = None

    def by_kind(self) -> dict[str, dict[str, int]]:
        """Return counts by kind, then status."""
        return self._by(0)

    def by_affiliate(self) -> dict[str, dict[str, int]]:
        """Return counts by affiliate, then status."""
        return self._by(1)

    def _by(self, place: int) -> dict[str, dict[str, int]]:
        counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for facts, count in self.sums.items():
            if count:
                counts[facts[place]][facts[2]] += count
        return {name: dict(sorted(by_status.items())) for name, by_status in sorted(counts.items())}


def is_answered(rows: LogFilter) -> bool:
    """Say whether rollups know all that `rows` asks for: what an entry is, what failed, and when it was processed."""
    known = LogFilter(kind=rows.kind, affiliate=rows.affiliate, status=rows.status, error_code=rows.error_code)
    known = replace(known, retry=rows.retry, from_at=rows.from_at, to_at=rows.to_at)
    bounds = [at for at in (rows.from_at, rows.to_at) if at is not None]
    return rows == known and all(at.year <= LAST_YEAR for at in bounds)


def together(parts: Iterable[Rolled], as_of: datetime) -> Rolled:
    """Return the sum of the parts of an answer."""
    whole = Rolled(as_of=as_of)
    for part in parts:
        whole.sums.update(part.sums)
        whole.causes.update(part.causes)
        whole.points.update(part.points)
    return whole


def rolled_of(cells: Iterable[Cell], bucket: str) -> Rolled:
    """Return what cells come to."""
    rolled = Rolled()
    for cell in cells:
        rolled.sums[cell.kind, cell.affiliate, cell.status] += cell.entries
        rolled.causes.update(dict.fromkeys(cell.codes, cell.entries))
        hour = cell.at.replace(minute=0, second=0, microsecond=0)
        rolled.points[hour if bucket == "hour" else midnight(cell.at), cell.status] += cell.entries
    return rolled

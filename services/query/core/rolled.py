"""Counts as rollups tell them: which questions they answer, and how parts of an answer add up."""

from collections import Counter
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
    """Counts by (kind, status), (affiliate, status), cause code, and (beginning of the bucket, status); exact for the instant `as_of`."""

    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    affiliates: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[str | None] = field(default_factory=Counter)
    points: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    as_of: datetime | None = None

    def by_kind(self) -> dict[str, dict[str, int]]:
        """Return counts by kind, then status."""
        return _by_name(self.kinds)

    def by_affiliate(self) -> dict[str, dict[str, int]]:
        """Return counts by affiliate, then status."""
        return _by_name(self.affiliates)


def is_answered(rows: LogFilter) -> bool:
    """Say whether rollups know all that `rows` asks for: what an entry is, what failed, and when it was processed."""
    known = LogFilter(kind=rows.kind, affiliate=rows.affiliate, status=rows.status, error_code=rows.error_code)
    known = replace(known, retry=rows.retry, from_at=rows.from_at, to_at=rows.to_at)
    bounds = [at for at in (rows.from_at, rows.to_at) if at is not None]
    return rows == known and all(1 < at.year <= LAST_YEAR for at in bounds)


def together(parts: Iterable[Rolled], as_of: datetime) -> Rolled:
    """Return the sum of the parts of an answer."""
    whole = Rolled(as_of=as_of)
    for part in parts:
        whole.kinds.update(part.kinds)
        whole.affiliates.update(part.affiliates)
        whole.causes.update(part.causes)
        whole.points.update(part.points)
    return whole


def rolled_of(cells: Iterable[Cell], bucket: str) -> Rolled:
    """Return what cells come to."""
    rolled = Rolled()
    for cell in cells:
        rolled.kinds[cell.kind, cell.status] += cell.entries
        rolled.affiliates[cell.affiliate, cell.status] += cell.entries
        rolled.causes.update(dict.fromkeys(cell.codes, cell.entries))
        hour = cell.at.replace(minute=0, second=0, microsecond=0)
        rolled.points[hour if bucket == "hour" else midnight(cell.at), cell.status] += cell.entries
    return rolled


def _by_name(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (name, status), count in sorted(counts.items()):
        if count:
            found.setdefault(name, {})[status] = count
    return found

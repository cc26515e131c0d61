"""Rollups: how many entries there are, by what they are and when they were processed, kept up to date by ingest, read by query.

A row's document in `rollups`; several families hold the same counts under more or fewer facts, so that a question reads few rows:

    _id             "generation|account|family|affiliate|month|kind|status|codes"
    account kind status month ("2026-11", UTC, of state.processed_at)
    affiliate       "" in the families without affiliate, like `kind` in those without kind
    codes           the entry's distinct cause codes, sorted; [] in the families without causes
    n               entries
    d               {day "05": entries}
    h               {day "05": {hour "13": entries}}

An entry is counted once in every family that it belongs to: those without causes hold all entries, those with causes only the entries
that have some. Its set of codes is one key, so an entry with two causes counts for both and once in the sums.

The one document of `projections` that belongs to it (`_id` PROJECTION): `epoch holder leased_until` (who writes rollups),
`generation` (the rows that count; null before they were first built), `generations` (the last number given), `layout`, `rebuild`,
and up to where `log_entries` is counted: `token`, `applied` (a cluster time), `as_of` (the same as an instant).
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

LAYOUT: Final = 2
"""Raised with every change of the rows that old and new code read differently: ingest builds them anew, query waits for that."""

PROJECTION: Final = "rollups"
Family = Literal["k", "a", "oa", "kc", "ac", "oc"]
"""All tell statuses apart, and beside them: kinds; kinds and affiliates; only affiliates; and the same three with causes, `oc` only these."""

LONGEST_CODES: Final = 200
"""Characters of a set of codes as written in an `_id`; a longer one stands there as its hash."""


class Row(NamedTuple):
    """What one row of the rollups counts: entries of these facts, processed in this month."""

    account: str
    family: Family
    affiliate: str
    month: str
    kind: str
    status: str
    codes: tuple[str | None, ...]

    def id_in(self, generation: int) -> str:
        """Return the row's `_id`. Only the last part may hold a separator."""
        facts = f"{self.affiliate}|{self.month}|{self.kind}|{self.status}"
        return f"{prefix(generation, self.account, self.family)}{facts}|{_codes_key(self.codes)}"

    def document(self) -> dict[str, Any]:
        """Return the fields that never change, without `_id`."""
        return {**self._asdict(), "codes": list(self.codes)}


def prefix(generation: int, account: str, family: Family) -> str:
    """Return what the `_id` of every row of a family begins with."""
    return f"{generation_prefix(generation)}{account}|{family}|"


def generation_prefix(generation: int) -> str:
    """Return what every row of a generation begins with; a later one sorts behind an earlier one."""
    return f"{generation:010d}|"


def sorted_codes(codes: Sequence[str | None]) -> tuple[str | None, ...]:
    """Return the distinct codes in order, None first."""
    return tuple(sorted(set(codes), key=lambda code: (code is not None, code or "")))


def month_of(at: datetime) -> str:
    """Return the month of an instant in UTC."""
    return f"{at.year:04d}-{at.month:02d}"


def day_of(at: datetime) -> str:
    """Return the day within its month, the key of `d` and `h`."""
    return f"{at.day:02d}"


def hour_of(at: datetime) -> str:
    """Return the hour within its day, the inner key of `h`."""
    return f"{at.hour:02d}"


def _codes_key(codes: tuple[str | None, ...]) -> str:
    written = json.dumps(codes, ensure_ascii=False, separators=(",", ":")) if codes else ""
    if len(written) <= LONGEST_CODES:
        return written
    return f"#{hashlib.sha256(written.encode()).hexdigest()}"

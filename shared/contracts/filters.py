"""What a person means by "these rows": one filter for list, count, summary, stream, reprocess, export and saved views.

It parses from a query string (repeated parameters) and from JSON (arrays), and prints to both, so a view is an address.
`shared/mongo/queries.py` is its only translation into a query, `shared/contracts/matching.py` the same for a document in hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args
from urllib.parse import urlencode

from shared.contracts.errors import InvalidFilter
from shared.contracts.events import STATUSES
from shared.contracts.filter_values import (
    MAX_QUERY_LENGTH,
    MAX_VALUES,
    chosen,
    group_ids,
    instant,
    names,
    once,
    period,
    refuse_unknown,
    search_text,
    texts,
    whole_number,
    written_filter,
)
from shared.contracts.names import KINDS

__all__ = ["DATE_AXES", "MAX_ATTEMPTS", "MAX_QUERY_LENGTH", "MAX_VALUES", "ONCE", "PARAMETERS", "DateAxis", "LogFilter"]

DateAxis = Literal["processed_at", "received_at"]
DATE_AXES: Final[tuple[DateAxis, ...]] = get_args(DateAxis)
RETRY_ADVICE: Final = ("auto", "fix", "never")
"""As the catalogue has them, which cannot be asked here: it knows the commands, and they know this filter."""

FAILED: Final = ("error", "warning")
"""Statuses to which the advice of a cause applies: what worked or is under way is not tried again."""

WITHOUT_CAUSES: Final = "processing"
MAX_ATTEMPTS: Final = 1_000_000

LISTED: Final = ("kind", "affiliate", "status", "error_code", "group", "retry", "reprocess_id")
ONCE: Final = ("q", "from", "to", "date_axis", "attempts_min", "stale_since")
"""Fields that take one value."""

PARAMETERS: Final = (*LISTED, *ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Every field narrows; an empty one does not. Several values of one field are alternatives.

    `group`: ids of root causes (groups.py). `retry`: what the catalogue advises for a cause of an item that failed.
    `reprocess_id`: the newest job that took the item.
    `from_at` is inclusive, `to_at` exclusive, both on `date_axis`; `stale_since`: not processed since then (exclusive).
    `attempts_min` 0 does not narrow; `q` is what stands in the search box.
    """

    kind: tuple[str, ...] = ()
    affiliate: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    error_code: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    reprocess_id: tuple[str, ...] = ()
    q: str = ""
    from_at: datetime | None = None
    to_at: datetime | None = None
    date_axis: DateAxis = "processed_at"
    attempts_min: int = 0
    stale_since: datetime | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "LogFilter":
        """Return the filter that `values` (name → text or texts) write. Raise InvalidFilter for the first field at fault.

        Names are those of the query string, PARAMETERS. Empty texts count as absent.
        """
        refuse_unknown(values, PARAMETERS)
        from_at, to_at = period(values)
        rows = cls(
            kind=chosen("kind", values.get("kind"), KINDS),
            affiliate=names("affiliate", values.get("affiliate")),
            status=chosen("status", values.get("status"), STATUSES),
            error_code=texts("error_code", values.get("error_code")),
            group=group_ids("group", values.get("group")),
            retry=chosen("retry", values.get("retry"), RETRY_ADVICE),
            reprocess_id=texts("reprocess_id", values.get("reprocess_id")),
            q=search_text("q", values.get("q")),
            from_at=from_at,
            to_at=to_at,
            date_axis=_axis(values.get("date_axis"), is_used=bool(from_at or to_at)),
            attempts_min=whole_number("attempts_min", values.get("attempts_min"), at_least=1, at_most=MAX_ATTEMPTS)
            or 0,
            stale_since=instant("stale_since", values.get("stale_since")),
        )
        _refuse_contradictions(rows)
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return the filter as JSON that `parse` reads back; empty fields are left out."""
        written: dict[str, Any] = {name: list(getattr(self, name)) for name in LISTED}
        is_received = self.date_axis == "received_at" and (self.from_at or self.to_at)
        written |= {"q": self.q, "from": self.from_at, "to": self.to_at}
        written |= {"date_axis": self.date_axis if is_received else "", "attempts_min": self.attempts_min}
        return written_filter({**written, "stale_since": self.stale_since})

    def to_query_string(self) -> str:
        """Return the filter as a query string that `parse` reads back."""
        return urlencode(self.to_json(), doseq=True)

    def is_empty(self) -> bool:
        """Say whether the filter lets every row of its account pass."""
        return not self.to_json()

    @property
    def statuses(self) -> tuple[str, ...]:
        """The statuses that can pass; empty for any, also where all are named. Advice applies to what failed."""
        if self.retry:
            return tuple(status for status in self.status or FAILED if status in FAILED)
        return () if set(self.status) == set(STATUSES) else self.status


def _axis(value: object, *, is_used: bool) -> DateAxis:
    """A form sends its axis with or without a period; without one it means nothing and two views would differ by nothing."""
    written = once("date_axis", value)
    for axis in DATE_AXES:
        if written == axis:
            return axis if is_used else DATE_AXES[0]
    if written:
        raise InvalidFilter("date_axis", f"{written!r} is unknown", DATE_AXES)
    return DATE_AXES[0]


def _refuse_contradictions(rows: LogFilter) -> None:
    """Raise InvalidFilter for fields that no item can meet together: an empty list would look like good news."""
    if rows.retry and not rows.statuses:
        raise InvalidFilter("status", "with `retry`, only what failed can pass", FAILED)
    if (rows.error_code or rows.group) and rows.status == (WITHOUT_CAUSES,):
        allowed = [status for status in STATUSES if status != WITHOUT_CAUSES]
        name = "error_code" if rows.error_code else "group"
        raise InvalidFilter("status", f"an item in `{WITHOUT_CAUSES}` has no causes, so no `{name}`", allowed)
    is_never = rows.from_at and rows.stale_since and rows.from_at >= rows.stale_since
    if is_never and rows.date_axis == "processed_at":
        raise InvalidFilter("stale_since", "must be after `from`: what was processed from then on is not stale")

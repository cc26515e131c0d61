"""Which rows of a preview are sent: those that can be, or those among them that somebody named."""

from collections.abc import Collection, Sequence
from typing import cast

from shared.contracts.errors import InvalidField, NotEligible
from shared.contracts.imports import SENDABLE, ImportRow
from shared.contracts.names import KINDS, Kind


def chosen_rows(
    rows: Sequence[ImportRow], *, kind: Kind | None = None, numbers: Collection[int] | None = None
) -> tuple[Kind, list[ImportRow]]:
    """Return the rows to send, and their kind: one job sends one. Without `numbers` all that are eligible.

    Raise InvalidField for a number that is no row to send and for several kinds of which none is named, NotEligible where nothing is left.
    """
    chosen = [row for row in rows if row.state == "eligible"] if numbers is None else _named(rows, numbers)
    kinds = [one for one in KINDS if any(row.kind == one for row in chosen)]
    wanted = [one for one in kinds if kind in {one, None}]
    if not wanted:
        raise NotEligible("no row of this import can be reprocessed")
    if len(wanted) > 1:
        raise InvalidField("kind", "is missing: these rows are of several kinds, and a job sends one", kinds)
    return wanted[0], [row for row in chosen if row.kind == wanted[0]]


def items_of(rows: Sequence[ImportRow]) -> list[dict[str, str]]:
    """Return the rows as the items of a reprocess command."""
    return [{"affiliate": row.affiliate, "code": row.code} for row in rows]


def kinds_to_send(eligible: object) -> list[tuple[Kind, int]]:
    """Return how many rows of each kind can be sent, by what an import job's progress says."""
    told = cast("dict[str, int]", eligible or {})
    return [(kind, told[kind]) for kind in KINDS if told.get(kind)]


def _named(rows: Sequence[ImportRow], numbers: Collection[int]) -> list[ImportRow]:
    known = {row.number: row for row in rows}
    for number in numbers:
        row = known.get(number)
        if row is None:
            raise InvalidField("numbers", f"the preview has no row {number}")
        if row.state not in SENDABLE:
            raise InvalidField("numbers", f"the row {number} cannot be reprocessed: {row.state}")
    return [known[number] for number in sorted(set(numbers))]

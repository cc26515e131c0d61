"""Which rows of the rollups a question reads: the family with the fewest, and of it what the keys alone can tell."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.query.core.period import Period
from shared.contracts.filters import LogFilter
from shared.contracts.rollups import Family, month_of, prefix
from shared.mongo.client import Document

MAX_RANGES: Final = 60
"""More affiliates than this are looked for among all."""

BEHIND_SEPARATOR: Final = "}"
"""The character after `|`: the end of a range of `_id`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The rows of an account that are asked for, in whole `hours`. `code_sets`: those with the advice that is asked for, if any is."""

    account: str
    generation: int
    rows: LogFilter
    hours: Period
    code_sets: Sequence[Sequence[str | None]] = ()

    def family(self, *, by_kind: bool = False, by_affiliate: bool = False, by_cause: bool = False) -> Family:
        """Return the family with the fewest rows that tells apart what is asked for."""
        has_kinds = by_kind or bool(self.rows.kind)
        has_affiliates = by_affiliate or bool(self.rows.affiliate)
        has_causes = by_cause or bool(self.rows.error_code or self.rows.retry)
        if has_causes:
            return "ac" if has_affiliates else "kc" if has_kinds else "oc"
        if has_affiliates:
            return "a" if has_kinds else "oa"
        return "k"


def match_of(asked: Asked, family: Family) -> Document:
    """Return the stage that lets pass the rows of a family which hold what is asked for."""
    rows = asked.rows
    match: Document = {"$or": list(_ranges(asked, family))}
    if rows.affiliate:
        match["affiliate"] = {"$in": list(rows.affiliate)}
    if rows.statuses:
        match["status"] = {"$in": list(rows.statuses)}
    if rows.error_code:
        match["codes"] = {"$in": list(rows.error_code)}
    if rows.retry:
        match["$and"] = [{"codes": {"$in": list(asked.code_sets)}}]  # an array is equal to one of these
    return {"$match": match}


def _ranges(asked: Asked, family: Family) -> Iterator[Document]:
    start = prefix(asked.generation, asked.account, family)
    # Asked of the key and not of the fields `month` and `kind`: rows of other months and kinds are not even fetched.
    months = "" if asked.hours.is_everything else _months(asked.hours)
    kinds = f"[^|]*[|](?:{'|'.join(map(re.escape, asked.rows.kind))})[|]" if asked.rows.kind else ""
    told = {"$regex": f"^{re.escape(start)}[^|]*[|]{months}{kinds}"} if months or kinds else {}
    several = asked.rows.affiliate if 0 < len(asked.rows.affiliate) <= MAX_RANGES else ()
    for begin in [f"{start}{affiliate}|" for affiliate in several] or [start]:
        yield {"_id": {"$gte": begin, "$lt": begin[:-1] + BEHIND_SEPARATOR, **told}}


def _months(hours: Period) -> str:
    """Return a pattern of the months that `hours` touch."""
    first = "" if hours.start is None else _sorted_from(month_of(hours.start), "upwards")
    return first + ("" if hours.last is None else _sorted_from(month_of(hours.last), "downwards"))


def _sorted_from(month: str, way: Literal["upwards", "downwards"]) -> str:
    """Return a pattern of `month` and all that sort after it (`upwards`) or before it: the same up to a digit, which is greater or less."""
    beyond = [
        month[:place] + (f"[{int(digit) + 1}-9]" if way == "upwards" else f"[0-{int(digit) - 1}]")
        for place, digit in enumerate(month)
        if digit not in ("-", "9" if way == "upwards" else "0")
    ]
    return f"(?={'|'.join([month, *beyond])})"

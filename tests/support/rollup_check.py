"""The one checker of the rollups: what they hold is what counting every entry again comes to, cell by cell."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pymongo.database import Database

from shared.contracts.names import LOG_ENTRIES, PROJECTIONS, ROLLUPS
from shared.contracts.rollups import PROJECTION

Document = Mapping[str, Any]
Cells = dict[tuple[Any, ...], int]
"""(account, family, affiliate, month, kind, status, codes, path) → entries; none that are zero."""

PATHS = ("n", "d", "h")


def counted(entries: Iterable[Document]) -> Cells:
    """Return the cells that documents of `log_entries` come to."""
    cells: Counter[tuple[Any, ...]] = Counter()
    for entry in entries:
        state = entry["state"]
        at = state["processed_at"]
        codes = tuple(sorted({str(cause["code"]) for cause in state["causes"] if "code" in cause}))
        kind, owner = entry["kind"], entry["affiliate"]
        families = [("k", kind, "", ()), ("a", kind, owner, ()), ("oa", "", owner, ())]
        if codes:
            families += [("kc", kind, "", codes), ("ac", kind, owner, codes), ("oc", "", "", codes)]
        for family, of_kind, affiliate, held in families:
            row = (entry["account"], family, affiliate, f"{at:%Y-%m}", of_kind, state["status"], held)
            cells.update([(*row, "n"), (*row, f"d.{at:%d}"), (*row, f"h.{at:%d}.{at:%H}")])
    return dict(cells)


def held(rows: Iterable[Document]) -> Cells:
    """Return the cells of documents of `rollups`."""
    cells: Cells = {}
    for row in rows:
        facts = tuple(row[name] for name in ("account", "family", "affiliate", "month", "kind", "status"))
        codes = tuple(sorted(str(code) for code in row["codes"]))
        for path, value in _flat("", {name: row[name] for name in PATHS if name in row}):
            if value:
                cells[(*facts, codes, path)] = value
    return cells


def differences(database: Database[Any], account: str | None = None) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Return the cells in which rollups and log differ: (held, counted). {} is as it should be; nothing may be written meanwhile."""
    projection = database[PROJECTIONS].find_one({"_id": PROJECTION}) or {}
    if projection.get("generation") is None:
        return {("rollups were never built",): (0, 0)}
    of_account = {"account": account} if account else {}
    generation = {"_id": {"$regex": f"^{projection['generation']:010d}[|]"}}
    found = held(database[ROLLUPS].find({**generation, **of_account}))
    true = counted(database[LOG_ENTRIES].find(of_account))
    return {
        cell: (found.get(cell, 0), true.get(cell, 0))
        for cell in found.keys() | true.keys()
        if found.get(cell) != true.get(cell)
    }


def _flat(path: str, value: Any) -> Iterable[tuple[str, int]]:
    if not isinstance(value, Mapping):
        return [(path, value)]
    return [cell for name, inner in value.items() for cell in _flat(f"{path}.{name}" if path else name, inner)]

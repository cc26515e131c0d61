"""What changes of entries come to in the rollups: pure additions and subtractions, so that only their sum matters."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from shared.contracts.errors import Defect
from shared.contracts.events import split_entry_id
from shared.contracts.rollups import Family, Row, day_of, hour_of, month_of


class Facts(NamedTuple):
    """What of a state is counted: its status, the hour it was processed in, its distinct causes in order."""

    status: str
    hour: datetime
    codes: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one entry: it was made (`after` alone), changed, is about to be deleted (`before` alone), or is gone (neither)."""

    entry_id: str
    before: Facts | None
    after: Facts | None


class Unaccountable(Defect):
    """A change of an entry that does not say what the entry was before: nobody but ingest writes them. Counts must be taken anew."""


class Counted(NamedTuple):
    """Entries of one account, kind and affiliate with the same facts."""

    account: str
    kind: str
    affiliate: str
    facts: Facts


Deltas = Mapping[Counted, int]
Increments = Mapping[Row, Mapping[str, int]]
"""Row → what to add at which path of its document."""


def deltas_of(changes: Iterable[Change]) -> Deltas:
    """Return by how much each count changes. Raise Unaccountable for a deletion that was not announced in the same batch."""
    deltas: Counter[Counted] = Counter()
    leaving: set[str] = set()
    for change in changes:
        if change.before is None and change.after is None:
            _let_go(change.entry_id, leaving)
            continue
        account, kind, affiliate, _ = split_entry_id(change.entry_id)
        if change.before is not None:
            deltas[Counted(account, kind, affiliate, change.before)] -= 1
        if change.after is not None:
            deltas[Counted(account, kind, affiliate, change.after)] += 1
        else:
            leaving.add(change.entry_id)
    if leaving:
        raise Unaccountable(f"announced as deleted, and still there: {sorted(leaving)[:3]}")
    return {counted: by for counted, by in deltas.items() if by}


def _let_go(entry_id: str, leaving: set[str]) -> None:
    if entry_id not in leaving:
        raise Unaccountable(f"{entry_id} was deleted by somebody who did not say what it was")
    leaving.remove(entry_id)


def increments_of(deltas: Deltas) -> Increments:
    """Return what to add to which rows; what adds up to nothing is left out."""
    fields: defaultdict[Row, Counter[str]] = defaultdict(Counter)
    for counted, by in deltas.items():
        hour = counted.facts.hour
        day = day_of(hour)
        paths = ("n", f"d.{day}", f"h.{day}.{hour_of(hour)}")
        for row in rows_of(counted):
            added = fields[row]
            for path in paths:
                added[path] += by
    kept = ((row, {path: by for path, by in added.items() if by}) for row, added in fields.items())
    return {row: added for row, added in kept if added}


def rows_of(counted: Counted) -> Iterator[Row]:
    """Yield the row of each family in which such entries are counted."""
    facts = counted.facts
    month = month_of(facts.hour)

    def row(family: Family, kind: str, affiliate: str, codes: tuple[str | None, ...] = ()) -> Row:
        return Row(counted.account, family, affiliate, month, kind, facts.status, codes)

    yield row("k", counted.kind, "")
    yield row("a", counted.kind, counted.affiliate)
    yield row("oa", "", counted.affiliate)
    if facts.codes:
        yield row("kc", counted.kind, "", facts.codes)
        yield row("ac", counted.kind, counted.affiliate, facts.codes)
        yield row("oc", "", "", facts.codes)

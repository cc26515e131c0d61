"""The rollups' world in memory: a log that remembers its changes, and a book. They pass the suites of `tests/contract/rollup_suites.py`."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.core.plan import Change as Written
from services.ingest.core.rollup import Change, Deltas, Facts, Increments, deltas_of
from services.ingest.handlers.rolling_up import LEASE, HistoryLost, Lease, Place, Told
from shared.contracts.errors import LeaseLost
from shared.contracts.rollups import Row, sorted_codes
from tests.support.fakes.ingest import Document, MemoryLogStore, told_by

BEGINNING = datetime(2026, 11, 23, tzinfo=UTC)


def facts_of(state: Document) -> Facts:
    codes = state["codes"] if "codes" in state else [cause["code"] for cause in state["causes"]]
    return Facts(state["status"], state["processed_at"].replace(minute=0, second=0, microsecond=0), sorted_codes(codes))


class FollowedLogStore(MemoryLogStore):
    """A log store, and the port EntryLog over it. A place is the number of changes before it; those before `kept_from` are forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Change] = []
        self.kept_from = 0

    def _apply(self, change: Written) -> bool:
        fields = told_by(change)
        if (done := super()._apply(change)) and "state" in fields:
            before = facts_of(fields["was"]) if "was" in fields else None
            self.changes.append(Change(change.entry_id, before, facts_of(fields["state"])))
        return done

    def remove(self, entry_id: str) -> None:
        """Delete an entry, as housekeeping does."""
        before = facts_of(self.entries.pop(entry_id)["state"])
        self.changes += [Change(entry_id, before, None), Change(entry_id, None, None)]

    @asynccontextmanager
    async def follow(self, place: Place) -> AsyncIterator["MemoryChanges"]:
        if place.applied < self.kept_from:
            raise HistoryLost("forgotten")
        yield MemoryChanges(self, place)

    async def here(self) -> Place:
        return self.place(len(self.changes))

    async def count(self, place: Place) -> AsyncIterator[Deltas]:
        yield deltas_of(self.changes[: place.applied])

    @staticmethod
    def place(number: int) -> Place:
        return Place(number, number, BEGINNING + timedelta(seconds=number))


class MemoryChanges:
    """The port Changes."""

    def __init__(self, log: FollowedLogStore, place: Place) -> None:
        self._log = log
        self._place = place

    async def next(self, at_most: int) -> Told:
        start = self._place.applied
        end = min(start + at_most, len(self._log.changes))
        while end < len(self._log.changes) and self._log.changes[end].before is self._log.changes[end].after:
            end += 1  # a deletion stays with its announcement
        self._place = self._log.place(end)
        return Told(self._log.changes[start:end], self._place, is_all=end == len(self._log.changes))


class MemoryRollupBook:
    """The port RollupBook. `before` is called with each method's name: raise there, or in `after`, when all is done but nobody knows."""

    def __init__(
        self, before: Callable[[str], None] = lambda _: None, after: Callable[[str], None] = lambda _: None
    ) -> None:
        self.rows: dict[tuple[int, Row], Counter[str]] = defaultdict(Counter)
        self.before, self.after = before, after
        self.epoch = self.generations = 0
        self.holder: str | None = None
        self.until: datetime | None = None
        self.generation: int | None = None
        self.place: Place | None = None
        self.is_asked = False

    async def take(self, holder: str, *, now: datetime) -> Lease | None:
        self.before("take")
        if self.until is not None and self.until > now and self.holder != holder:
            return None
        self.holder, self.until, self.epoch = holder, now + LEASE, self.epoch + 1
        return self._lease()

    async def keep(self, lease: Lease, *, now: datetime, place: Place | None = None) -> Lease:
        self.before("keep")
        self._hold(lease, now)
        self.place = place or self.place
        return self._lease()

    async def apply(self, lease: Lease, increments: Increments, place: Place, *, now: datetime) -> Lease:
        self.before("apply")
        self._hold(lease, now)
        assert lease.generation is not None
        await self.add(lease.generation, increments)
        self.place = place
        self.after("apply")
        return self._lease()

    async def open_generation(self, lease: Lease, *, now: datetime) -> int:
        self.before("open_generation")
        self._hold(lease, now)
        self.generations += 1
        return self.generations

    async def add(self, generation: int, increments: Increments) -> None:
        self.before("add")
        for row, added in increments.items():
            for path, by in added.items():
                self.rows[generation, row][path] += by

    async def switch(self, lease: Lease, generation: int, place: Place, *, now: datetime) -> Lease:
        self.before("switch")
        self._hold(lease, now)
        self.generation, self.place, self.is_asked = generation, place, False
        self.after("switch")
        return self._lease()

    async def sweep(self, lease: Lease, *, at_most: int) -> int:
        self.before("sweep")
        old = [key for key in self.rows if lease.generation is not None and key[0] < lease.generation][:at_most]
        for key in old:
            del self.rows[key]
        return len(old)

    async def ask_anew(self, lease: Lease) -> None:
        self._hold(lease, None)
        self.is_asked = True

    async def give_back(self, lease: Lease, *, now: datetime) -> None:
        self._hold(lease, None)
        self.until = now

    async def counted_up_to(self) -> datetime | None:
        return self.place.at if self.place else None

    def _hold(self, lease: Lease, now: datetime | None) -> None:
        if lease.epoch != self.epoch:
            raise LeaseLost("another")
        self.until = now + LEASE if now else self.until

    def _lease(self) -> Lease:
        return Lease(self.epoch, self.generation, self.place, self.is_asked)

    def documents(self) -> Sequence[dict[str, Any]]:
        """Return the rows that count, as documents."""
        return [
            {**row.document(), "n": cells["n"], **_nested(cells)}
            for (generation, row), cells in self.rows.items()
            if generation == self.generation
        ]


def _nested(cells: Counter[str]) -> dict[str, Any]:
    nested: dict[str, Any] = {"d": {}, "h": {}}
    for path, value in cells.items():
        family, *names = path.split(".")
        if family == "d":
            nested["d"][names[0]] = value
        elif family == "h":
            nested["h"].setdefault(names[0], {})[names[1]] = value
    return nested

"""How an integration does: when each kind was heard of last, and whether that is as it should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from services.query.core.integration import Integration
from shared.contracts.names import KINDS

Freshness = Literal["fresh", "late", "silent", "paused", "never"]
FRESHNESS: Final[tuple[Freshness, ...]] = ("fresh", "never", "late", "silent", "paused")
"""From harmless to bad, `paused` apart: an integration is as bad as the worst of its kinds."""

DEFAULT_OBJECTIVE_SECONDS: Final = 24 * 3600
"""A shop that sells at all has an event a day; whoever expects more says so for each kind."""
SILENT_AFTER: Final = 3
"""Objectives that pass before `late` becomes `silent`: not slow any more, but gone."""
RECENT: Final = timedelta(hours=24)
MOST_RECENT: Final = 1_000
"""Items that a share is taken of: enough for a percentage, few enough to be one short walk along an index."""

LastEvents = Mapping[str, datetime]
"""Status → when an item that has it now was processed last."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The items processed within 24 hours, by how they stand now; the newest MOST_RECENT of them where there are more."""

    items: int
    failing: int

    @property
    def share(self) -> float | None:
        """Failing of all, 0 to 1; None of nothing."""
        return self.failing / self.items if self.items else None

    @property
    def is_whole(self) -> bool:
        """Whether these are all of the 24 hours."""
        return self.items < MOST_RECENT


@dataclass(frozen=True, slots=True)
class KindHealth:
    """One kind of an integration. `recent` is None where it was not asked for or took too long."""

    kind: str
    state: Freshness
    objective_seconds: int
    last_event_at: datetime | None
    last_success_at: datetime | None
    recent: Recent | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """An integration as a whole: the worst of its kinds, and when it was heard of last."""

    state: Freshness
    last_event_at: datetime | None
    kinds: Sequence[KindHealth]


def judge(integration: Integration, heard: Mapping[str, LastEvents], *, now: datetime) -> Health:
    """Return the health that `heard` (kind → last events) speaks of. A kind that is off stands there if it was ever heard of."""
    kinds = [
        _judge_kind(integration, kind, heard.get(kind, {}), now=now)
        for kind in KINDS
        if kind in integration.kinds or heard.get(kind)
    ]
    return Health(
        state=_worst([one.state for one in kinds]),
        last_event_at=max((one.last_event_at for one in kinds if one.last_event_at), default=None),
        kinds=kinds,
    )


def _judge_kind(integration: Integration, kind: str, heard: LastEvents, *, now: datetime) -> KindHealth:
    objective = integration.freshness_seconds.get(kind, DEFAULT_OBJECTIVE_SECONDS)
    last = max(heard.values(), default=None)
    state = _freshness(last, objective, now=now) if integration.is_on(kind) else "paused"
    return KindHealth(kind, state, objective, last, heard.get("success"))


def _freshness(last: datetime | None, objective_seconds: int, *, now: datetime) -> Freshness:
    if last is None:
        return "never"
    age = now - last
    if age <= timedelta(seconds=objective_seconds):
        return "fresh"
    return "late" if age <= timedelta(seconds=objective_seconds * SILENT_AFTER) else "silent"


def _worst(states: Sequence[Freshness]) -> Freshness:
    working = [state for state in states if state != "paused"]
    if not working:
        return "paused"
    spoken = [state for state in working if state != "never"]  # one kind that never came does not hide those that do
    return max(spoken or working, key=FRESHNESS.index)

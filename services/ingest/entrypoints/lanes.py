"""What the lanes say of themselves, for people and alarms: how far behind they are, and which partitions are held."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from prometheus_client import Gauge

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.records import Place
from shared.kafka.holds import Hold
from shared.kafka.intake import Intake
from shared.kafka.lag import Lags
from shared.runtime import metrics
from shared.runtime.clock import Clock
from shared.runtime.ending import rest

EVERY_SECONDS: Final = 1.0
SHOWN: Final = 3


class Series:
    """The labelled values of a gauge; those that are told no more vanish from it."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._told: set[tuple[str, ...]] = set()

    def tell(self, values: Mapping[tuple[str, ...], float]) -> None:
        """Let the gauge have these values and no others."""
        for labels in self._told - values.keys():
            self._gauge.remove(*labels)
        for labels, value in values.items():
            self._gauge.labels(*labels).set(value)
        self._told = set(values)


class LanesEntryPoint:
    """Measures `lanes` for the worker's life, and is asked by the health check."""

    def __init__(self, lanes: Sequence[Intake], lags: Lags, clock: Clock) -> None:
        self._lanes = lanes
        self._lags = lags
        self._clock = clock
        self._lag = Series(metrics.INGEST_LAG_RECORDS)
        self._held = Series(metrics.INGEST_HELD_SECONDS)

    async def run(self) -> None:
        """Measure, rest, for ever; the worker cancels it."""
        while True:
            await self.run_once()
            await rest(EVERY_SECONDS)

    async def run_once(self) -> None:
        """Measure once."""
        marks = {place: mark for lane in self._lanes for place, mark in lane.marks.items()}
        self._lag.tell({_labels(place): records for place, records in (await self._lags.look(marks)).items()})
        oldest = min(filter(None, [lane.oldest_in_hand() for lane in self._lanes]), default=None)
        metrics.INGEST_LAG_SECONDS.set(max((self._clock() - oldest).total_seconds(), 0) if oldest else 0)
        self._held.tell(
            {
                (*_labels(place), hold.first.error): time.monotonic() - hold.since
                for place, hold in self._holds().items()
            }
        )

    async def check(self) -> None:
        """Raise BrokerUnavailable while a partition is held: a health check."""
        if held := [_sentence(place, hold) for place, hold in sorted(self._holds().items())]:
            more = f"; and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
            msg = f"{'; '.join(held[:SHOWN])}{more}"
            raise BrokerUnavailable(msg)

    def _holds(self) -> dict[Place, Hold]:
        return {place: hold for lane in self._lanes for place, hold in lane.holds().items()}


def _labels(place: Place) -> tuple[str, str]:
    return place[0], str(place[1])


def _sentence(place: Place, hold: Hold) -> str:
    return f"{place[0]}[{place[1]}] is held at {hold.stands_at}: integration.deadletter does not take it ({hold.first.detail})"

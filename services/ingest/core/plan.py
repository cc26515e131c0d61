"""What a batch will write, decided before anything is written: attempts, each once, and one update per entry and partition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.ingest.core.fold import Delivery, EntryUpdate, fold
from shared.contracts.entries import Document, attempt_document
from shared.contracts.records import Address

Applied = Mapping[str, Mapping[str, int]]
"""Entry id → partition (see `applied_partition`) → the offset up to which the entry has counted its attempts."""


@dataclass(frozen=True, slots=True)
class PlannedAttempt:
    """An attempt to insert. `deliveries` are all of this batch that tell of it; the document is the first one's."""

    id: str
    document: Document
    deliveries: tuple[Delivery, ...]


def plan_attempts(deliveries: Iterable[Delivery]) -> list[PlannedAttempt]:
    """Return the attempts that the batch tells of; twins collapse into one, at the address that came first."""
    twins: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        twins.setdefault(delivery.event.attempt_id, []).append(delivery)
    return [
        PlannedAttempt(identity, attempt_document(same[0].event, same[0].address), tuple(same))
        for identity, same in twins.items()
    ]


def first_deliveries(attempts: Iterable[PlannedAttempt]) -> list[Delivery]:
    """Return, of attempts that were inserted now, the delivery that each was inserted for."""
    return [attempt.deliveries[0] for attempt in attempts]


def redeliveries(attempts: Iterable[PlannedAttempt], addresses: Mapping[str, Address]) -> list[Delivery]:
    """Return, of attempts that were there before, the deliveries that stand at the stored address.

    Whoever stored the attempt may have died before the entry was written. A delivery from any other address is a duplicate
    whose original is handled, or will be delivered again, from its own address.
    """
    return [
        next(delivery for delivery in attempt.deliveries if delivery.address == addresses[attempt.id])
        for attempt in attempts
        if any(delivery.address == addresses.get(attempt.id) for delivery in attempt.deliveries)
    ]


def split_covered(deliveries: Iterable[Delivery], applied: Applied) -> tuple[list[Delivery], list[Delivery]]:
    """Return (still to be counted, already counted by their entry)."""
    uncounted: list[Delivery] = []
    covered: list[Delivery] = []
    for delivery in deliveries:
        upto = applied.get(delivery.event.entry_id, {}).get(delivery.partition, -1)
        (covered if delivery.address.offset <= upto else uncounted).append(delivery)
    return uncounted, covered


def plan_entries(deliveries: Sequence[Delivery], *, counted: bool = True) -> list[EntryUpdate]:
    """Return one update per entry and partition. `counted` False: merge what they say, without counting them again."""
    places: dict[tuple[str, str], list[Delivery]] = {}
    for delivery in deliveries:
        places.setdefault((delivery.event.entry_id, delivery.partition), []).append(delivery)
    return [fold(together, counted=counted) for together in places.values()]

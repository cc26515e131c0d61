"""The change notice by the rule of its own integration: some sell where every stock change is sent, some where hardly any is."""

from collections.abc import Callable, Sequence

from services.ingest.core.shapes import Shape
from services.ingest.core.shapes.change_notice import change_notice
from services.ingest.core.shapes.foreign import Foreign
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.events import EventData
from shared.contracts.records import Record

MinimumOf = Callable[[str, str], int | None]
"""(account, affiliate) → the integration's minimum availability; None where it has no rule of its own."""


def change_notice_by(minimum_of: MinimumOf, *, otherwise: int) -> Shape:
    """Return the shape of change notices, each read by its integration's minimum, or by that of the deployment."""
    readers: dict[int, Shape] = {}

    def read(message: CloudEvent, record: Record) -> Sequence[EventData]:
        given = Foreign(message, record)
        minimum = minimum_of(given.text("An") or given.key.account, given.text("IdAffiliate") or given.key.affiliate)
        chosen = otherwise if minimum is None else minimum
        if chosen not in readers:
            readers[chosen] = change_notice(chosen)
        return readers[chosen](message, record)

    return read

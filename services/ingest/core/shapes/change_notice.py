"""The notification that something about a SKU changed: one event for each kind that it names, all still being processed.

It carries no values, so it cannot tell how the change went: the connector's own events will. Two things it does tell. A SKU that left
the affiliate is a warning. And a stock change that the minimum-availability rule keeps back will never be answered by anyone, so
the log says why nothing was sent; as a warning, not a success, because an earlier failure is not mended by it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from services.ingest.core.shapes import Shape
from services.ingest.core.shapes.foreign import KEY_FORM, Foreign, invalid
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.events import EventData
from shared.contracts.names import Kind
from shared.contracts.records import Record

MINIMUM_AVAILABILITY: Final = 5
"""A stock change is sent on only if the quantity before or after it is at most this."""

NOT_SENT: Final = "STK-NOT-SENT"
REMOVED: Final = "SKU-REMOVED"

STOCK, PRICE, PRODUCT = "StockModified", "PriceModified", "HasStockKeepingUnitModified"
REMOVAL: Final = "HasStockKeepingUnitRemovedFromAffiliate"
FLAGS: Final = (STOCK, PRICE, PRODUCT, REMOVAL, "IsActive")
_ALIASES: Final = {"product_id": "ProductId", "ean": "Ean", "ref_id": "RefId"}

Cause = dict[str, Any]


def change_notice(minimum_availability: int = MINIMUM_AVAILABILITY) -> Shape:
    """Return the shape, for a shop that sends stock changes up to that quantity."""

    def read(message: CloudEvent, record: Record) -> Sequence[EventData]:
        given = Foreign(message, record)
        common = {
            "account": given.first("An", (given.text("An"), given.key.account), told_by=_told_by("An")),
            "affiliate": given.first(
                "IdAffiliate", (given.text("IdAffiliate"), given.key.affiliate), told_by=_told_by("IdAffiliate")
            ),
            "code": given.first("IdSku", (given.text("IdSku"), given.key.code), told_by=_told_by("IdSku")),
            "processed_at": given.instant(given.text("DateModified"), name="DateModified"),
            "aliases": {name: text for name, theirs in _ALIASES.items() if (text := given.text(theirs))},
        }
        return [
            given.event(
                kind=kind, status="warning" if cause else "processing", causes=[cause] if cause else [], **common
            )
            for kind, cause in _changes(given, minimum_availability)
        ]

    return read


def _told_by(name: str) -> str:
    return f"{name} or the record's key ({KEY_FORM})"


def _changes(given: Foreign, minimum: int) -> Iterator[tuple[Kind, Cause | None]]:
    """Yield (kind, why it needs nobody's answer). If no flag is true, what is left is the SKU itself: active or not."""
    if not any(given.has(flag) for flag in FLAGS):
        raise invalid(STOCK, f"is missing, and so are {', '.join(FLAGS[1:])}: the message names no change")
    stock, price, removed = given.flag(STOCK), given.flag(PRICE), given.flag(REMOVAL)
    if given.flag(PRODUCT) or removed or not (stock or price):
        yield "product", _removal() if removed else None
    if price:
        yield "price", None
    if stock:
        yield "stock", _kept_back(given.number("QuantityBefore"), given.number("QuantityAfter"), minimum)


def _removal() -> Cause:
    return {"code": REMOVED, "message": "SKU removed from the affiliate"}


def _kept_back(before: int | None, after: int | None, minimum: int) -> Cause | None:
    if before is None or after is None or before <= minimum or after <= minimum:
        return None
    return {"code": NOT_SENT, "message": f"Not sent by rule: {before} before and {after} after, both above {minimum}"}

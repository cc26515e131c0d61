"""Plain JSON without an envelope: which shape it is, told by fields that no other shape has.

Whatever has a field of our own event is our own event, complete or not: a broken one must become a dead letter and not a guess.
"""

from collections.abc import Mapping
from typing import Any, Final

from services.ingest.core.shapes.foreign import plain_name
from services.ingest.core.shapes.order_result import RESULT_CODE
from shared.contracts.events import CONNECTOR_LOG_TYPE, ITEM_CHANGED_TYPE, ORDER_RESULT_TYPE

OURS: Final = ("kind", "processed_at", "causes", "account")
FLOWS: Final = frozenset({"PlaceOrder", "ApproveOrder"})
OF_A_NOTICE: Final = frozenset({"idsku", "idaffiliate", "datemodified"})
OF_A_LOG: Final = frozenset({"operation", "contentsource", "contentdestination", "businessmessage", "status"})


def recognized_type(body: Any) -> str:
    """Return the type that the body would have in an envelope; "" is our own event."""
    if not isinstance(body, dict) or any(name in body for name in OURS):
        return ""
    names = {plain_name(name) for name in body}
    if names >= OF_A_NOTICE:
        return ITEM_CHANGED_TYPE
    if names >= OF_A_LOG:
        return CONNECTOR_LOG_TYPE
    return ORDER_RESULT_TYPE if _is_order_result(body) else ""


def _is_order_result(body: Mapping[str, Any]) -> bool:
    code, flow = body.get("code"), body.get("flow")
    known = isinstance(code, str) and RESULT_CODE.fullmatch(code) is not None
    return known and isinstance(flow, str) and flow in FLOWS and "marketplaceOrderId" in body

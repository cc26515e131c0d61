"""The result of an order integration: `SOI…` when it went well, `EOI…` when it did not, with a list of errors.

The sync answer and the async callback share it. Each error becomes a cause; the code it came with stays in `vtex_code`, since one of
theirs covers several of ours and the message tells which.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.ingest.core.shapes.foreign import KEY_FORM, Foreign, ItemKey, by_plain_name, invalid, text_of
from shared.contracts import catalogue
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.events import EventData, Status
from shared.contracts.records import Record

RESULT_CODE: Final = re.compile(r"[SE]OI\d{3}")
ENQUEUED: Final = "SOI003"
DUPLICATE: Final = "EOI007"
"""The order is there already: done, though not by this attempt. Neither an error nor a success."""

_VTEX_ORDER_ID: Final = re.compile(r"([A-Za-z0-9]{3})-(.+)")
_VAGUE: Final = frozenset({catalogue.UNMAPPED, "SYS-BUG"})
"""Where VTEX says "unknown" or "unmapped", the message may still say more."""

Causes = list[dict[str, Any]]


def order_result(message: CloudEvent, record: Record) -> Sequence[EventData]:
    """Return the order's event."""
    given = Foreign(message, record)
    status, causes = _outcome(given)
    aliases = {
        "vtex_order_id": text_of(given.inner("fields"), "mainOrderId"),
        "franchise_order_id": text_of(given.inner("fields"), "franchiseOrderId"),
    }
    return (
        given.event(
            **_identity(given, aliases["vtex_order_id"]),
            kind="order",
            status=status,
            processed_at=given.instant(),
            causes=causes,
            aliases={name: value for name, value in aliases.items() if value},
        ),
    )


def _identity(given: Foreign, vtex_order_id: str) -> Mapping[str, str]:
    key = given.key if given.key.kind in {"", "order"} else ItemKey()
    order_id = given.text("marketplaceOrderId")
    prefix, rest = _split(vtex_order_id, order_id)
    where = f"the record's key ({KEY_FORM})"
    return {
        "account": given.first(
            "accountName",
            (given.text("accountName"), key.account, given.source_parameter("an")),
            told_by=f"accountName, {where} or `an=` in the CloudEvents source",
        ),
        "affiliate": given.first(
            "affiliate",
            (prefix, key.affiliate, given.source_parameter("affiliateId")),
            told_by=f"the start of fields.mainOrderId (MKP-…), {where} or `affiliateId=` in the CloudEvents source",
        ),
        "code": given.first(
            "marketplaceOrderId",
            (order_id, key.code, rest),
            told_by=f"marketplaceOrderId, {where} or the end of fields.mainOrderId",
        ),
    }


def _split(vtex_order_id: str, order_id: str) -> tuple[str, str]:
    """Return (affiliate, marketplace order id) of `MKP-123456789`."""
    if order_id and vtex_order_id.endswith(f"-{order_id}"):
        return vtex_order_id.removesuffix(f"-{order_id}"), order_id
    found = _VTEX_ORDER_ID.fullmatch(vtex_order_id)
    return (found[1], found[2]) if found else ("", "")


def _outcome(given: Foreign) -> tuple[Status, Causes]:
    status, causes = _status(given), _errors(given)
    if status == "success" and causes:
        status = "warning"
    if status in {"error", "warning"} and not causes:
        causes = [_cause(given, given.text("message"), "", "")]
    return status, causes


def _status(given: Foreign) -> Status:
    code, success = given.text("code"), given.flag("success")
    if code == ENQUEUED:
        return "processing"
    if code == DUPLICATE:
        return "warning"
    if RESULT_CODE.fullmatch(code):
        return "success" if code.startswith("S") else "error"
    if success is None:
        raise invalid("code", f"{code[:40]!r} is neither SOI… nor EOI…, and `success` does not tell either")
    return "success" if success else "error"


def _errors(given: Foreign) -> Causes:
    """Return a cause for each item of `errors`, but for the blank ones that a success carries."""
    causes: Causes = []
    for item in given.items("errors"):
        if not isinstance(item, dict | str):
            raise invalid("errors", "each must be an object with source, code and description")
        fields = by_plain_name(item if isinstance(item, dict) else {"description": item})
        told = [text_of(fields, name) for name in ("description", "source", "code")]
        if any(told):
            causes.append(_cause(given, *told))
    return causes


def _cause(given: Foreign, description: str, source: str, code: str) -> dict[str, Any]:
    message, result = description or given.text("message"), given.text("code")
    return {
        "code": our_code(message, code, result),
        "message": message,
        "field": source or None,
        "vtex_code": code or result or None,
    }


def our_code(message: str, *vtex_codes: str) -> str:
    """Return our code: the message's where VTEX's code allows it or is vague, else the one that VTEX's code names."""
    by_message = catalogue.classify(message, kind="order")
    named = [row for code in vtex_codes if (row := catalogue.find(code))]
    for row in named:
        if row.code not in _VAGUE:
            shared_code = set(row.vtex_codes) & set(catalogue.CATALOGUE[by_message].vtex_codes)
            return by_message if shared_code else row.code
    if by_message == catalogue.UNMAPPED and named:
        return named[0].code
    return by_message

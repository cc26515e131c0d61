"""Entries, commands and documents for the tests of reprocessing: valid by default, override by keyword."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shared.contracts.commands import ReprocessCommand, parse_command
from shared.contracts.entries import LogEntry, alias_pairs, search_ids, state_document
from tests.support.builders import make_event

AT = datetime(2026, 11, 23, 10, 11, 12, 123000, tzinfo=UTC)


def make_entry(code: str = "2000004567", **changes: Any) -> LogEntry:
    """Return a failed order."""
    fields: dict[str, Any] = {
        "account": "loja",
        "kind": "order",
        "affiliate": "MLC",
        "status": "error",
        "processed_at": AT,
        "received_at": AT,
        "first_seen_at": AT,
        "last_success_at": None,
        "attempts": 3,
        "causes": [{"code": "ORD-SLA", "message": "No available sla to deliver this order"}],
        "aliases": {"vtex_order_id": f"MLC-{code}"},
        "payload": {"marketplaceOrderId": code},
    }
    return LogEntry(code=code, **{**fields, **changes})


def make_command(**changes: Any) -> ReprocessCommand:
    """Return a command for the failed order."""
    raw: dict[str, Any] = {"id": "job-1", "account": "loja", "kind": "order", "requested_by": "ana", "reason": "fixed"}
    if "filter" not in changes:
        raw["items"] = [{"affiliate": "MLC", "code": "2000004567"}]
    return parse_command(ReprocessCommand, {**raw, **changes})


def make_document(code: str, *, account: str, **changes: Any) -> dict[str, Any]:
    """Return the document that ingest would have written for one event."""
    reprocess = changes.pop("reprocess", None)
    event = make_event(account=account, code=code, **changes)
    document: dict[str, Any] = {
        "_id": event.entry_id,
        "account": account,
        "kind": event.data.kind,
        "affiliate": event.data.affiliate,
        "code": code,
        "state": state_document(event),
        "aliases": alias_pairs(event),
        "ids": search_ids(event),
        "first_seen_at": event.processed_at,
        "attempts": 1,
        "applied": {},
    }
    return document if reprocess is None else {**document, "reprocess": reprocess}


def make_documents(codes: Iterable[str], *, account: str, **changes: Any) -> list[dict[str, Any]]:
    """Return one document a code."""
    return [make_document(code, account=account, **changes) for code in codes]

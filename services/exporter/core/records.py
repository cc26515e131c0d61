"""An entry as one line of a JSON Lines report: our own names, times in UTC, nothing joined, nothing cut."""

from collections.abc import Mapping
from typing import Any

from services.exporter.core.columns import FAILED, advice_of, code_of, message_of
from services.exporter.core.report import Report
from shared.contracts.catalogue import UNMAPPED, find
from shared.contracts.entries import LogEntry
from shared.contracts.masking import mask_field
from shared.contracts.times import format_instant


def record_of(entry: LogEntry, report: Report) -> dict[str, Any]:
    """Return the entry as the API shows an item; a failed one has at least one cause, titled in the report's language."""
    causes = entry.causes or (({},) if entry.status in FAILED else ())
    return {
        "kind": entry.kind,
        "code": entry.code,
        "affiliate": entry.affiliate,
        "marketplace": report.marketplaces.get(entry.affiliate) or entry.affiliate,
        "status": entry.status,
        "processed_at": format_instant(entry.processed_at),
        "received_at": format_instant(entry.received_at),
        "first_seen_at": format_instant(entry.first_seen_at),
        "last_success_at": format_instant(entry.last_success_at) if entry.last_success_at else None,
        "attempts": entry.attempts,
        "causes": [_cause(cause, report) for cause in causes],
        "aliases": dict(entry.aliases),
        "reprocess": _reprocess(entry),
    }


def _cause(cause: Mapping[str, Any], report: Report) -> dict[str, Any]:
    error = find(code_of(cause)) or find(UNMAPPED)
    advice = advice_of(code_of(cause), report.language)
    return {
        "code": code_of(cause),
        "message": message_of(cause, report.language),
        "field": mask_field(cause.get("field")),
        "title": advice.title,
        "guidance": advice.guidance,
        "retry": error.retry if error else None,
    }


def _reprocess(entry: LogEntry) -> dict[str, Any] | None:
    return {"id": entry.reprocess.get("id"), "state": entry.reprocess.get("state")} if entry.reprocess else None

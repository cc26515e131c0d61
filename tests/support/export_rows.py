"""Entries for reports: valid by default, hostile on request, and as the documents that ingest would have stored."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.exporter.core.report import Report
from shared.contracts.entries import LogEntry
from shared.contracts.filters import LogFilter
from shared.contracts.text import fold_ids, fold_words
from shared.contracts.times import order_text

AT = datetime(2026, 11, 23, 10, 11, 12, 123000, tzinfo=UTC)

HOSTILE_TEXTS = (
    '=HYPERLINK("http://evil.example","click")', "=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", " =1+1",
    "#N/A", "#REF!", "<f>1</f>", "</t></is></c><c><f>1+1</f></c>", "]]>", "&lt;", "\x00nul", "bell\x07", "\ud800lone", "\ufffe",
    "\uffff", "line\r\nbreak\rand\u2028more", "x" * 40_000, "😀" * 20_000, "12345678901234567890", "00012", "1e5", "true",
    "_x003D_1+1", "  spaced  ", "\U0010ffff", "a\u0301", "\u202eevil", "http://example.com", "'quoted", '"', ",;\t",
)  # fmt: skip


def make_report(**changes: Any) -> Report:
    """Return a report of every row of the account, as .xlsx, in Portuguese."""
    usual: dict[str, Any] = {
        "account": "loja",
        "rows": LogFilter(),
        "format": "xlsx",
        "language": "pt",
        "zone": ZoneInfo("America/Sao_Paulo"),
        "made_at": AT,
        "marketplaces": {"MLC": "MercadoLivre Classic"},
    }
    return Report(**{**usual, **changes})


def make_entry(**changes: Any) -> LogEntry:
    """Return an order that failed for want of an SLA."""
    usual: dict[str, Any] = {
        "account": "loja",
        "kind": "order",
        "affiliate": "MLC",
        "code": "2000004567",
        "status": "error",
        "processed_at": AT,
        "received_at": AT + timedelta(seconds=1),
        "first_seen_at": AT - timedelta(days=1),
        "last_success_at": None,
        "attempts": 3,
        "causes": [{"code": "ORD-SLA", "message": "No available sla to deliver this order", "field": None}],
        "aliases": {"vtex_order_id": "MLC-2000004567"},
    }
    return LogEntry(**{**usual, **changes})


def hostile_entries() -> list[LogEntry]:
    """Return entries that carry each hostile text wherever a text can stand."""
    return [
        make_entry(
            code=text,
            affiliate=f"{text}",
            causes=[{"code": text, "message": text, "field": text}, {"code": None, "message": text}],
            aliases={text: text},
            reprocess={"id": "r", "state": text},
        )
        for text in HOSTILE_TEXTS
    ]


def document_of(entry: LogEntry) -> dict[str, Any]:
    """Return the document of `log_entries` that holds `entry`."""
    return {
        "_id": entry.id,
        "account": entry.account,
        "kind": entry.kind,
        "affiliate": entry.affiliate,
        "code": entry.code,
        "state": {
            "version": [order_text(entry.processed_at), -1, "/s", "e"],
            "status": entry.status,
            "processed_at": entry.processed_at,
            "received_at": entry.received_at,
            "sequence": None,
            "reprocess_id": None,
            "causes": [dict(cause) for cause in entry.causes],
            "payload": {"secret": "x" * 100},
            "words": fold_words(cause.get("message") or "" for cause in entry.causes),
        },
        "aliases": {name: [order_text(entry.processed_at), value] for name, value in entry.aliases.items()},
        "ids": fold_ids([entry.code, *entry.aliases.values()]),
        "first_seen_at": entry.first_seen_at,
        "last_success_at": entry.last_success_at,
        "attempts": entry.attempts,
        "applied": {},
        **({"reprocess": dict(entry.reprocess)} if entry.reprocess else {}),
    }

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from shared.contracts.entries import Document, LogEntry, entry_from_document, with_causes


def test_other_causes_leave_every_other_field_as_it_is() -> None:
    told: dict[str, Any] = {one.name: f"the {one.name}" for one in fields(LogEntry)}
    entry = LogEntry(**told)

    assert with_causes(entry, [{"code": "X"}]) == replace(entry, causes=[{"code": "X"}])
    assert entry.causes == "the causes"


def test_each_field_of_a_document_stands_where_it_belongs() -> None:
    at = {day: datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3, 4)}
    state: Document = {
        "version": ["2026-11-02T00:00:00", 7, "source", "id"],
        "status": "error",
        "processed_at": at[2],
        "received_at": at[3],
        "sequence": 7,
        "reprocess_id": "job",
        "causes": [{"code": "EOI013"}],
        "groups": ["0123456789abcdef"],
        "payload_json": '{"id": 1}',
        "payload_truncated": True,
        "payload_bytes": 9,
        "payload_preview": "{",
        "payload_masked": True,
        "extra": {"log": {"message": "said"}},
    }
    document: Document = {
        "account": "loja",
        "kind": "order",
        "affiliate": "MLB",
        "code": "1",
        "state": state,
        "aliases": {"vtex%2Eid": ["2026", "V-1"], "ean": ["2026", "789"]},
        "reprocess": {"id": "job", "state": "sent"},
        "first_seen_at": at[1],
        "last_success_at": at[4],
        "attempts": 3,
    }

    assert entry_from_document(document) == LogEntry(
        account="loja",
        kind="order",
        affiliate="MLB",
        code="1",
        status="error",
        processed_at=at[2],
        received_at=at[3],
        first_seen_at=at[1],
        last_success_at=at[4],
        attempts=3,
        causes=[{"code": "EOI013"}],
        aliases={"vtex.id": "V-1", "ean": "789"},
        payload={"id": 1},
        sequence=7,
        reprocess_id="job",
        reprocess={"id": "job", "state": "sent"},
        version=["2026-11-02T00:00:00", 7, "source", "id"],
        groups=["0123456789abcdef"],
        log={"message": "said", "operation": "", "direction": "", "evidence": None},
        payload_truncated=True,
        payload_bytes=9,
        payload_preview="{",
        payload_masked=True,
    )

from dataclasses import replace
from typing import Any

import pytest

from shared.contracts.eligibility import refusal
from shared.contracts.entries import LogEntry, entry_from_document
from tests.support.builders import make_event
from tests.support.seed import entry_document

NEVER, FIX = {"code": "MKT-CLOSED"}, {"code": "ORD-SLA"}


def entry(**changes: Any) -> LogEntry:
    return replace(entry_from_document(entry_document([make_event()])), **changes)


@pytest.mark.parametrize(
    ("given", "by_filter", "explicit"),
    [
        (None, "not_found", "not_found"),
        (entry(), None, None),
        (entry(status="warning"), None, None),
        (entry(status="success", causes=()), "not_failed", "not_failed"),
        (entry(status="processing", causes=()), "not_failed", "not_failed"),
        (entry(reprocess={"id": "1", "state": "claimed"}), "in_progress", "in_progress"),
        (entry(reprocess={"id": "1", "state": "sent"}), "in_progress", "in_progress"),
        (entry(reprocess={"id": "1", "state": "answered"}), None, None),
        (entry(reprocess={"id": "1", "state": "unknown"}), None, None),
        (entry(causes=[NEVER]), "never", None),
        (entry(causes=[NEVER, NEVER]), "never", None),
        (entry(causes=[NEVER, FIX]), None, None),
        (entry(causes=[NEVER, {"code": "ZZZ"}]), None, None),
        (entry(causes=()), None, None),
    ],
)
def test_who_may_go_again(given: LogEntry | None, by_filter: str | None, explicit: str | None) -> None:
    assert refusal(given, explicit=False) == by_filter
    assert refusal(given, explicit=True) == explicit

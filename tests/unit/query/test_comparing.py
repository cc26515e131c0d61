from dataclasses import replace
from typing import Any

import pytest

from services.query.core.permissions import Caller
from services.query.handlers.comparing import Comparison, compare_with_last_success
from shared.contracts.entries import attempt_document
from shared.contracts.errors import NotFound, NotPermitted
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.support.builders import make_event
from tests.support.fakes.query import FakeLog
from tests.support.seed import entry_document

CALLER = Caller("loja", "k1", "first", frozenset({"read"}))
HERE = ("order", "MLC", "2000004567")
PERSON = {"email": "ana@example.com"}


def told(n: int, status: str, payload: Any, **changes: Any) -> IntegrationEvent:
    causes = [{"code": "ORD-SLA", "message": f"why {n}"}] if status in ("error", "warning") else []
    return make_event(processed_at=f"2026-11-23T10:00:0{n}Z", status=status, causes=causes, payload=payload, **changes)


def log_of(*events: IntegrationEvent, kept: bool = True, **changes: Any) -> FakeLog:
    history = [attempt_document(event, Address("t", 0, n)) for n, event in enumerate(events)] if kept else []
    document = entry_document(events)
    document["state"].update(changes)
    return FakeLog([document], history)


async def compared(log: FakeLog, **asked: Any) -> Comparison:
    return await compare_with_last_success(log, CALLER, *HERE, **asked)


async def test_an_error_is_compared_with_the_last_success_before_it() -> None:
    events = [
        told(0, "success", {"n": 0}),
        told(1, "success", {"n": 1, "old": True}),
        told(2, "warning", {"n": 2}),
        told(3, "error", {"n": 3}),
    ]
    found = await compared(log_of(*events))
    assert found.basis == "attempt"
    assert found.success is not None
    assert found.success.payload == {"n": 1, "old": True}
    assert found.payload is not None
    assert [(change.path, change.kind) for change in found.payload.items] == [("/n", "changed"), ("/old", "removed")]
    assert found.incomparable is None


async def test_what_works_has_not_changed() -> None:
    found = await compared(log_of(told(0, "success", {"n": 0}), told(1, "error", {}), told(2, "success", {"n": 1})))
    assert (found.basis, found.payload and found.payload.items) == ("current", ())


async def test_what_never_worked_has_nothing_to_be_compared_with() -> None:
    found = await compared(log_of(told(0, "error", {})))
    assert (found.basis, found.payload, found.incomparable) == ("never", None, "no_success")


async def test_a_success_that_is_no_longer_kept_is_told_as_such() -> None:
    found = await compared(log_of(told(0, "success", {}), told(1, "error", {}), kept=False))
    assert (found.basis, found.payload, found.incomparable) == ("expired", None, "no_success")
    assert found.entry.last_success_at is not None


async def test_a_payload_that_was_cut_is_not_compared() -> None:
    success, error = told(0, "success", {"n": 0}), told(1, "error", None)
    found = await compared(log_of(success, error, payload_truncated=True))
    assert (found.basis, found.payload, found.incomparable) == ("attempt", None, "cut_after")
    success.marks = {"payload_truncated": True, "payload_bytes": 9, "payload_preview": ""}
    found = await compared(log_of(success, error))
    assert (found.payload, found.incomparable) == (None, "cut_before")


async def test_personal_data_is_masked_unless_it_is_revealed() -> None:
    log = log_of(told(0, "success", PERSON), told(1, "error", {"email": "bia@example.com"}))
    hidden, shown = await compared(log), await compared(log, is_revealed=True)
    assert hidden.payload is not None
    assert shown.payload is not None
    assert [change.path for change in hidden.payload.items] == ["/email"]
    assert "ana@" not in str(hidden)
    assert shown.payload.items[0].before == "ana@example.com"


async def test_what_was_masked_before_it_was_stored_is_no_change() -> None:
    found = await compared(
        log_of(told(0, "success", PERSON), told(1, "error", {"email": "***@example.com"}), payload_masked=True)
    )
    assert found.is_masked_at_write
    assert found.payload is not None
    assert found.payload.items == []


async def test_only_readers_of_the_account_compare() -> None:
    log = log_of(told(0, "error", {}))
    with pytest.raises(NotPermitted):
        await compare_with_last_success(log, replace(CALLER, scopes=frozenset()), *HERE)
    with pytest.raises(NotFound):
        await compare_with_last_success(log, replace(CALLER, account="vizinha"), *HERE)

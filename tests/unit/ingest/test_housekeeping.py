import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.ingest.entrypoints.timers import Housekeeping
from services.ingest.handlers.housekeeping import BATCH, KeepDays
from shared.contracts.errors import StoreUnavailable
from tests.support.builders import make_event
from tests.support.fakes.ingest import MemoryOldContent
from tests.support.seed import entry_document

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.entrypoints.timers.PAUSE_SECONDS", 0)


def entries(**counts: int) -> dict[str, dict[str, Any]]:
    """So many entries of each status, a hundred days old."""
    at = NOW - timedelta(days=100)
    made = {}
    for status, count in counts.items():
        for number in range(count):
            told = make_event(
                code=f"{status}-{number}", status=status, causes=[], processed_at=at.isoformat(), received_at=at
            )
            made[told.entry_id] = entry_document([told])
    return made


def removed(status: str) -> float:
    return REGISTRY.get_sample_value("ponte_ingest_expired_entries_total", {"status": status}) or 0


async def run(content: MemoryOldContent, keep: KeepDays) -> bool:
    return await Housekeeping(content, keep, lambda: NOW).run_once()


async def test_unless_asked_no_entry_ever_goes() -> None:
    content = MemoryOldContent(entries(success=3, error=2))

    assert await run(content, KeepDays())

    assert content.attempts_kept == 90
    assert len(content.entries) == 5


async def test_success_goes_in_batches_and_errors_stay() -> None:
    content = MemoryOldContent(entries(success=2 * BATCH + 1, error=2, processing=1))

    assert await run(content, KeepDays(attempts=0, success=99))

    assert {entry["state"]["status"] for entry in content.entries.values()} == {"error", "processing"}
    assert len(content.entries) == 3


async def test_errors_never_go_silently(caplog: pytest.LogCaptureFixture) -> None:
    content, before = MemoryOldContent(entries(success=1, error=2, warning=1)), removed("error")

    with caplog.at_level(logging.INFO):
        assert await run(content, KeepDays(errors=99))

    assert [entry["state"]["status"] for entry in content.entries.values()] == ["success"]
    assert removed("error") - before == 2
    said = {line.__dict__["facts"]["status"]: line for line in caplog.records if line.message == "entries.expired"}
    assert said["error"].levelno == logging.WARNING
    assert said["error"].__dict__["facts"] == {"account": "loja", "status": "error", "entries": 2}
    assert set(said) == {"error", "warning"}


async def test_what_takes_too_long_of_one_keeps_nothing_of_the_others() -> None:
    class SlowForSuccess(MemoryOldContent):
        async def remove_entries(self, account: str, status: str, **more: Any) -> int:
            if status == "success":
                raise StoreUnavailable("time limit")
            return await super().remove_entries(account, status, **more)

    content = SlowForSuccess(entries(success=1, error=2))

    assert not await run(content, KeepDays(success=1, errors=1))

    assert [entry["state"]["status"] for entry in content.entries.values()] == ["success"]


async def test_a_store_that_is_away_is_for_the_next_time_and_what_went_before_is_told() -> None:
    class Away(MemoryOldContent):
        calls = 0

        async def remove_entries(self, *asked: Any, **more: Any) -> int:
            self.calls += 1
            if self.calls > 1:
                raise StoreUnavailable("away")
            return await super().remove_entries(*asked, **more)

    before = removed("success")

    assert not await run(Away(entries(success=BATCH + 1)), KeepDays(success=1))

    assert removed("success") - before == BATCH

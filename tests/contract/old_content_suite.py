"""What every OldContent promises ingest. Subclass it with the fixtures `content` and `seed`."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.handlers.housekeeping import OldContent
from shared.contracts.events import IntegrationEvent
from tests.support.builders import make_event

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
Seed = Callable[..., Awaitable[None]]
"""Stores the entry of an event; keywords change its document."""


def old(code: str, **changes: Any) -> IntegrationEvent:
    """Return an event of 31 days ago that worked."""
    at = NOW - timedelta(days=31)
    told = {"status": "success", "causes": [], "processed_at": at.isoformat(), "received_at": at, **changes}
    return make_event(code=code, **told)


class OldContentSuite:
    async def removed(self, content: OldContent, status: str = "success", at_most: int = 10) -> int:
        return await content.remove_entries("loja", status, untouched_since=SINCE, now=NOW, at_most=at_most)

    async def test_only_untouched_entries_of_the_account_and_status_go(self, content: OldContent, seed: Seed) -> None:
        await seed(old("old"))
        await seed(old("old price", kind="price"))
        await seed(old("error", status="error"))
        await seed(old("late news", received_at=NOW))
        await seed(old("new", processed_at=NOW.isoformat()))
        await seed(old("of a clock far ahead", processed_at="2099-01-01T00:00:00Z"))
        await seed(old("elsewhere", account="vizinha"))
        await seed(old("asked for", status="error"), reprocess={"id": "j", "state": "sent"})
        await seed(old("answered"), reprocess={"id": "j", "state": "answered"})

        assert await self.removed(content) == 4
        assert await self.removed(content) == 0
        assert await self.removed(content, "error") == 1
        assert await content.list_accounts() == ["loja", "vizinha"]

    async def test_never_more_go_than_asked_for(self, content: OldContent, seed: Seed) -> None:
        for number in range(5):
            await seed(old(str(number)))

        assert [await self.removed(content, at_most=2) for _ in range(4)] == [2, 2, 1, 0]

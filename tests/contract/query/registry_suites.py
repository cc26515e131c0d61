"""What the adapters of the registry, of freshness and of repeated requests promise. Subclass with the fixtures that each suite names."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.query.core.freshness import Recent
from services.query.core.integration import Integration
from services.query.core.repeating import Answer, Asked
from services.query.handlers.freshness import FreshnessReader
from services.query.handlers.registry import Registry
from services.query.handlers.repeating import AnswerStore, Claim
from tests.support.builders import make_event

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Seed = Callable[..., Awaitable[None]]

WHOLE = Integration(
    affiliate="MLC",
    marketplace="Mercado Livre",
    kinds=("order", "stock"),
    minimum_availability=0,
    emails=("ops@loja.com.br",),
    freshness_seconds={"order": 3600},
    mask_at_write=True,
    automatic_retries=False,
    paused=True,
    created_at=NOW,
    updated_at=NOW,
    updated_by="first",
    revision=1,
)


class RegistrySuite:
    async def test_an_integration_is_kept_whole_and_found_by_its_account_only(self, registry: Registry) -> None:
        assert await registry.list_integrations("loja") == []
        assert await registry.add_integration("loja", WHOLE)
        assert await registry.add_integration("loja", Integration("AMZ", "Amazon"))
        assert await registry.add_integration("loja2", Integration("B2W", "Americanas"))

        assert await registry.list_integrations("loja") == [Integration("AMZ", "Amazon"), WHOLE]
        assert await registry.find_integration("loja", "MLC") == WHOLE
        assert await registry.find_integration("loja", "B2W") is None

    async def test_an_affiliate_is_added_once(self, registry: Registry) -> None:
        assert await registry.add_integration("loja", WHOLE)
        assert not await registry.add_integration("loja", replace(WHOLE, marketplace="Other"))
        assert await registry.find_integration("loja", "MLC") == WHOLE

    async def test_only_the_newest_revision_is_replaced(self, registry: Registry) -> None:
        assert not await registry.replace_integration("loja", WHOLE, revision=1)
        await registry.add_integration("loja", WHOLE)
        second = replace(WHOLE, marketplace="B", removed_at=NOW, revision=2)

        assert await registry.replace_integration("loja", second, revision=1)
        assert not await registry.replace_integration("loja", replace(WHOLE, revision=2), revision=1)
        assert await registry.list_integrations("loja") == [second]


class FreshnessSuite:
    async def seed_some(self, seed: Seed) -> None:
        at = "2026-11-23T{:02}:00:00Z".format
        await seed(make_event(code="1", affiliate="AMZ", processed_at=at(1)))
        await seed(make_event(code="2", affiliate="MLC", processed_at=at(2), status="success", causes=[]))
        await seed(make_event(code="3", affiliate="MLC", processed_at=at(3), status="success", causes=[]))
        await seed(make_event(code="4", affiliate="MLC", processed_at=at(4)))
        await seed(make_event(code="5", affiliate="MLC", processed_at=at(5), status="warning"))
        await seed(make_event(code="1", affiliate="ZZZ", kind="price", processed_at=at(6)))
        await seed(make_event(code="1", affiliate="VIZ", account="vizinha"))

    async def test_affiliates_are_those_of_the_accounts_entries(self, freshness: FreshnessReader, seed: Seed) -> None:
        await self.seed_some(seed)
        assert await freshness.list_affiliates("loja", at_most=10) == ["AMZ", "MLC", "ZZZ"]
        assert await freshness.list_affiliates("loja", at_most=2) == ["AMZ", "MLC"]
        assert await freshness.list_affiliates("nova", at_most=2) == []

    async def test_each_kind_and_status_tells_when_it_was_heard_of_last(
        self, freshness: FreshnessReader, seed: Seed
    ) -> None:
        await self.seed_some(seed)

        def at(hour: int) -> datetime:
            return datetime(2026, 11, 23, hour, tzinfo=UTC)

        assert await freshness.list_last_events("loja", ["MLC", "ZZZ", "NEW"]) == {
            "MLC": {"order": {"success": at(3), "error": at(4), "warning": at(5)}},
            "ZZZ": {"price": {"error": at(6)}},
        }
        assert await freshness.list_last_events("loja", []) == {}

    async def test_recent_items_are_counted_with_those_that_fail(self, freshness: FreshnessReader, seed: Seed) -> None:
        await self.seed_some(seed)
        since = datetime(2026, 11, 23, 3, tzinfo=UTC)
        assert await freshness.count_recent("loja", "MLC", "order", since=since) == Recent(items=3, failing=1)
        assert await freshness.count_recent("loja", "MLC", "price", since=since) == Recent(items=0, failing=0)


ASKED = Asked("loja", "key-1", "POST /v1/exports", "8e03978e", "print")
CLAIM = Claim("running", "op-1", "print", NOW + timedelta(minutes=1))
ANSWER = Answer(202, {"location": "/v1/exports/op-1"}, b'{"id":"op-1"}')


class AnswerStoreSuite:
    async def claim(self, answers: AnswerStore, asked: Asked = ASKED, **changes: Any) -> bool:
        return await answers.claim(asked, replace(CLAIM, **changes), expires_at=NOW + timedelta(days=1))

    async def test_a_key_is_claimed_once_in_each_account_and_route(self, answers: AnswerStore) -> None:
        assert await answers.find(ASKED) is None
        assert await self.claim(answers)
        assert not await self.claim(answers, operation="op-2")
        assert await answers.find(ASKED) == CLAIM
        for other in (
            replace(ASKED, account="vizinha"),
            replace(ASKED, route="POST /v1/keys"),
            replace(ASKED, key="x"),
        ):
            assert await self.claim(answers, other)

    async def test_an_answer_is_kept_as_it_was_given(self, answers: AnswerStore) -> None:
        await self.claim(answers)
        await answers.keep(ASKED, "op-1", ANSWER)
        assert await answers.find(ASKED) == replace(CLAIM, state="done", answer=ANSWER)

    async def test_one_of_two_takes_a_claim_over(self, answers: AnswerStore) -> None:
        await self.claim(answers)
        await answers.give_up(ASKED, "op-1")
        known = await answers.find(ASKED)
        assert known is not None
        assert known.state == "open"

        later = NOW + timedelta(minutes=5)
        assert await answers.take_over(ASKED, known, until=later)
        assert not await answers.take_over(ASKED, known, until=later)
        assert await answers.find(ASKED) == replace(CLAIM, claimed_until=later)

    async def test_a_key_that_was_forgotten_is_free(self, answers: AnswerStore) -> None:
        await self.claim(answers)
        await answers.forget(ASKED, "op-1")
        assert await answers.find(ASKED) is None
        assert await self.claim(answers)

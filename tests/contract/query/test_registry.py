from typing import Any

import pytest

from services.query.adapters.mongo_answers import MongoAnswers
from services.query.adapters.mongo_freshness import MongoFreshness, affiliates_of, newest_of, recent_of
from services.query.adapters.mongo_registry import MongoRegistry
from services.query.core.integration import Integration
from shared.contracts.events import IntegrationEvent
from shared.contracts.names import IDEMPOTENT_REQUESTS, INTEGRATIONS, LOG_ENTRIES
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.contract.query.registry_suites import (
    ANSWER,
    ASKED,
    WHOLE,
    AnswerStoreSuite,
    FreshnessSuite,
    RegistrySuite,
    Seed,
)
from tests.support.fakes.query import FakeAnswers, FakeFreshness, FakeLog, FakeRegistry
from tests.support.seed import entry_document, seed_entries, seed_entry

LIMIT_MS = 10_000
MANY = 600


class TestFakeRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self) -> FakeRegistry:
        return FakeRegistry()


class TestMongoRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self, database: Database) -> MongoRegistry:
        return MongoRegistry(database, time_limit_ms=LIMIT_MS, now=now)

    async def test_a_document_of_the_first_version_reads_with_defaults_and_is_replaced(
        self, registry: MongoRegistry, database: Database
    ) -> None:
        old = {"_id": "loja|MLC", "account": "loja", "affiliate": "MLC", "marketplace": "Old", "mask_at_write": True}
        await database[INTEGRATIONS].insert_one(old)

        assert await registry.find_integration("loja", "MLC") == Integration("MLC", "Old", mask_at_write=True)
        assert await registry.replace_integration("loja", WHOLE, revision=0)
        assert not await registry.replace_integration("loja", WHOLE, revision=0)


class TestFakeFreshness(FreshnessSuite):
    @pytest.fixture
    def log(self) -> FakeLog:
        return FakeLog()

    @pytest.fixture
    def freshness(self, log: FakeLog) -> FakeFreshness:
        return FakeFreshness(log)

    @pytest.fixture
    def seed(self, log: FakeLog) -> Seed:
        async def store(*events: IntegrationEvent) -> None:
            document = entry_document(events)
            log.entries[document["_id"]] = document

        return store


class TestMongoFreshness(FreshnessSuite):
    @pytest.fixture
    def freshness(self, database: Database) -> MongoFreshness:
        return MongoFreshness(database, time_limit_ms=LIMIT_MS)

    @pytest.fixture
    def seed(self, database: Database) -> Seed:
        async def store(*events: IntegrationEvent) -> None:
            await seed_entry(database, *events)

        return store

    async def test_its_questions_cost_what_affiliates_there_are_and_read_no_entry(
        self, freshness: MongoFreshness, database: Database
    ) -> None:
        await seed_entries(
            database,
            (
                {
                    "affiliate": ("MLC", "AMZ", "B2W")[n % 3],
                    "code": str(n),
                    "status": ("success", "error")[n % 2],
                    "causes": [],
                    "processed_at": f"2026-11-23T10:{n // 60:02}:{n % 60:02}Z",
                }
                for n in range(MANY)
            ),
        )
        since = WHOLE.created_at
        assert since is not None
        three, each = 3, 2
        for pipeline, most_keys in (
            (affiliates_of("loja", "order", 500), three * each),
            (newest_of("loja", "order", "success", ["MLC", "AMZ", "B2W", "XYZ"]), (three + 1) * each),
            (recent_of("loja", "MLC", "order", since.replace(hour=10, minute=9, second=30)), 10 + 4),
        ):
            stats = await executed(database, pipeline)
            assert stats["totalDocsExamined"] == 0
            assert stats["totalKeysExamined"] <= most_keys


async def executed(database: Database, pipeline: list[dict[str, Any]]) -> Any:
    command = {"aggregate": LOG_ENTRIES, "pipeline": pipeline, "cursor": {}, "hint": "by_affiliate"}
    plan = await database.command("explain", command, verbosity="executionStats")
    first = plan["stages"][0]["$cursor"] if "stages" in plan else plan
    return first["executionStats"]


class TestFakeAnswers(AnswerStoreSuite):
    @pytest.fixture
    def answers(self) -> FakeAnswers:
        return FakeAnswers()


class TestMongoAnswers(AnswerStoreSuite):
    @pytest.fixture
    def answers(self, database: Database) -> MongoAnswers:
        return MongoAnswers(database, time_limit_ms=LIMIT_MS)

    async def test_neither_the_key_nor_the_answers_body_can_be_read_in_the_database(
        self, answers: MongoAnswers, database: Database
    ) -> None:
        await self.claim(answers)
        await answers.keep(ASKED, "op-1", ANSWER)

        stored = str(await database[IDEMPOTENT_REQUESTS].find().to_list())

        assert ASKED.key not in stored
        assert "op-1" not in stored.replace("'operation': 'op-1'", "").replace("/v1/exports/op-1", "")

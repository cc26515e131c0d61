import pytest

from services.reprocessor.adapters.mongo_integrations import MongoIntegrations
from shared.contracts.names import INTEGRATIONS
from shared.runtime.clock import now
from tests.support.fakes.reprocessor import FakeIntegrations


class IntegrationsSuite:
    async def test_only_the_accounts_own_paused_affiliates_are_paused(self):
        assert await self.integrations.list_paused("loja", "order") == {"AMZ"}
        assert await self.integrations.list_paused("nova", "order") == frozenset()

    async def test_nothing_unasked_goes_to_those_and_to_whoever_retries_by_itself(self):
        assert await self.integrations.list_unasked("loja", "order") == {"AMZ", "MGZ"}


class TestFakeIntegrations(IntegrationsSuite):
    @pytest.fixture(autouse=True)
    def plug(self):
        self.integrations = FakeIntegrations({"loja": {"AMZ"}, "outra": {"MLC"}})
        self.integrations.unasked = {"MGZ"}


class TestMongoIntegrations(IntegrationsSuite):
    @pytest.fixture(autouse=True)
    async def plug(self, database):
        rows = [("loja", "AMZ", True), ("loja", "MLC", False), ("outra", "MLC", True)]
        await database[INTEGRATIONS].insert_many(
            {"_id": f"{account}|{affiliate}", "account": account, "affiliate": affiliate, "paused": paused}
            for account, affiliate, paused in rows
        )
        await database[INTEGRATIONS].insert_many(
            [
                {"_id": "loja|SHP", "account": "loja", "affiliate": "SHP"},
                {"_id": "loja|MGZ", "account": "loja", "affiliate": "MGZ", "automatic_retries": False},
                {"_id": "loja|CRF", "account": "loja", "affiliate": "CRF", "automatic_retries": True},
            ]
        )
        self.integrations = MongoIntegrations(database)

    async def test_a_removed_integration_and_a_kind_that_is_off_are_paused_too(self, database):
        told = {"account": "loja", "paused": False, "kinds": ["order"], "removed_at": None}
        await database[INTEGRATIONS].insert_many(
            [
                {"_id": "loja|ONE", "affiliate": "ONE", **told},
                {"_id": "loja|TWO", "affiliate": "TWO", **told, "removed_at": now()},
            ]
        )
        assert await self.integrations.list_paused("loja", "order") == {"AMZ", "TWO"}
        assert await self.integrations.list_paused("loja", "price") == {"AMZ", "ONE", "TWO"}

import pytest

from services.reprocessor.adapters.mongo_integrations import MongoIntegrations
from shared.contracts.names import INTEGRATIONS
from tests.support.fakes.reprocessor import FakeIntegrations


class IntegrationsSuite:
    async def test_only_the_accounts_own_paused_affiliates_are_paused(self):
        assert await self.integrations.list_paused("loja") == {"AMZ"}
        assert await self.integrations.list_paused("nova") == frozenset()


class TestFakeIntegrations(IntegrationsSuite):
    @pytest.fixture(autouse=True)
    def plug(self):
        self.integrations = FakeIntegrations({"loja": {"AMZ"}, "outra": {"MLC"}})


class TestMongoIntegrations(IntegrationsSuite):
    @pytest.fixture(autouse=True)
    async def plug(self, database):
        rows = [("loja", "AMZ", True), ("loja", "MLC", False), ("outra", "MLC", True)]
        await database[INTEGRATIONS].insert_many(
            {"_id": f"{account}|{affiliate}", "account": account, "affiliate": affiliate, "paused": paused}
            for account, affiliate, paused in rows
        )
        await database[INTEGRATIONS].insert_one({"_id": "loja|SHP", "account": "loja", "affiliate": "SHP"})
        self.integrations = MongoIntegrations(database)

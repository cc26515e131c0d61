import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.query.adapters.mongo_views import MongoViews
from services.query.core.view import MAX_VIEWS, View
from services.query.handlers.views import NameTaken, TooManyViews
from shared.contracts.names import VIEWS
from shared.mongo.client import Database
from tests.contract.query.view_suite import OTHER, WHOLE, ViewStoreSuite
from tests.support.fakes.query import FakeViews


class TestFakeViews(ViewStoreSuite):
    @pytest.fixture
    def views(self) -> FakeViews:
        return FakeViews()


class TestMongoViews(ViewStoreSuite):
    @pytest.fixture
    def views(self, database: Database) -> MongoViews:
        return MongoViews(database, time_limit_ms=10_000)

    async def test_of_many_with_one_name_at_once_one_is_kept(self, views: MongoViews) -> None:
        many = (views.add_view("loja", replace(WHOLE, id=f"{n:016}")) for n in range(8))
        done = await asyncio.gather(*many, return_exceptions=True)
        assert sum(isinstance(one, NameTaken) for one in done) == len(done) - 1
        assert len(await views.list_views("loja")) == 1

    async def test_of_many_that_are_made_at_once_as_many_are_kept_as_there_is_room_for(
        self, views: MongoViews, database: Database
    ) -> None:
        def numbered(n: int) -> View:
            return replace(WHOLE, id=f"{n:016}", name=str(n))

        for n in range(MAX_VIEWS - 5):
            await views.add_view("loja", numbered(n))
        making = (views.add_view("loja", numbered(MAX_VIEWS + n)) for n in range(20))
        done = await asyncio.gather(*making, return_exceptions=True)
        assert [type(one) for one in done if one is not None] == [TooManyViews] * 15
        assert await database[VIEWS].count_documents({"account": "loja"}) == MAX_VIEWS

    async def test_a_list_looks_at_the_accounts_own_keys_only(self, views: MongoViews, database: Database) -> None:
        for account in ("loja", "vizinha"):
            for n in range(3):
                await views.add_view(account, replace(WHOLE, id=f"{n:016}", name=str(n)))
        find = {"find": VIEWS, "filter": {"account": {"$eq": "loja"}}, "sort": {"name_key": 1}}
        told = await database.command("explain", find, verbosity="executionStats")
        assert told["executionStats"]["totalKeysExamined"] == 3
        assert "SORT" not in str(told["queryPlanner"]["winningPlan"])

    async def test_what_was_removed_says_until_when_it_is_kept(self, views: MongoViews, database: Database) -> None:
        until = datetime(2026, 11, 24, 12, tzinfo=UTC)
        await views.add_view("loja", WHOLE)
        await views.remove_view("loja", WHOLE, until=until)
        (left,) = await database[VIEWS].find({"removed": {"$type": "object"}}).to_list()
        assert left["expires_at"] == until

    async def test_views_can_be_kept_before_anybody_provisioned(self, views: MongoViews, database: Database) -> None:
        await database[VIEWS].drop()
        for view in (WHOLE, OTHER):
            await views.add_view("loja", view)
        assert await views.list_views("loja") == [OTHER, WHOLE]

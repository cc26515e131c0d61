import asyncio
from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from tests.bench.contender import DATABASE
from tests.bench.latency import KEY
from tests.bench.query import NOWHERE, Stand, measured, query_on
from tests.bench.query_load import HttpClient
from tests.bench.query_seed import Shop, fill
from tests.bench.query_views import View, make_views

ENTRIES = 3_000


@pytest.fixture(scope="module")
def shop(servers: Servers) -> Iterator[Shop]:
    """A small shop on the server of the tests."""
    fill(servers.mongo.uri, ENTRIES, say=lambda _: None)
    yield Shop(servers.mongo.uri, 0, ENTRIES)
    with MongoClient(servers.mongo.uri) as client:
        client.drop_database(DATABASE)


async def answers(port: int, views: list[View]) -> list[str]:
    """Ask for everything once; return what was not answered with 200."""
    client = HttpClient(port, KEY)
    said = [(path, await client.ask(path)) for view in views for path in view.paths]
    return [f"{path}: {wrong}" for path, wrong in said if wrong]


def test_every_view_is_answered_and_measured(shop: Shop) -> None:
    views = make_views(shop.uri)
    with query_on(shop, NOWHERE) as (port, process):
        stand = Stand(shop, port, process, rate=50, seconds=0.4)
        assert all(view.paths for view in views)
        assert asyncio.run(answers(port, views)) == []
        found = [measured(stand, view) for view in views if view.name in {"tab", "rare mix"}]

    assert [one.ours.failed for one in found] == [0, 0]
    assert all(one.raw and one.raw.failed == 0 for one in found)
    assert found[0].keys == 51
    assert all(one.ours.p99 >= one.ours.p50 > 0 for one in found)


def test_a_shop_that_is_there_is_not_made_again(shop: Shop) -> None:
    said: list[str] = []
    fill(shop.uri, ENTRIES, say=said.append)
    assert said == []

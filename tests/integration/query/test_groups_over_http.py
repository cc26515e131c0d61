"""`/v1/groups`: what failed, by what its causes say."""

from datetime import datetime
from itertools import pairwise
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI

from services.query.entrypoints.schemas.groups import GroupList
from shared.contracts.groups import group_of
from shared.contracts.names import INTEGRATIONS, LOG_ENTRIES
from shared.contracts.times import format_instant
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.integration.query.conftest import FIRST_KEY, client_of
from tests.support.builders import make_event
from tests.support.seed import seed_entries, seed_entry

NO_STOCK = "SKU {} without stock, asked by {}@loja.com.br"
GROUP = group_of("order", "ORD-STOCK", NO_STOCK.format(1, "ana"))


async def seed_shop(database: Database, account: str) -> None:
    """Five orders without stock, two of AMZ, one that works again, one other error, and a neighbour's."""
    causes = [[{"code": "ORD-STOCK", "message": NO_STOCK.format(4700 + n, f"maria{n}")}] for n in range(5)]
    await seed_entries(
        database,
        [
            *(
                {
                    "account": account,
                    "code": str(n),
                    "affiliate": "AMZ" if n > 2 else "MLC",
                    "causes": causes[n],
                    "processed_at": f"2026-11-23T10:00:0{n}Z",
                }
                for n in range(5)
            ),
            {"account": account, "code": "other"},
            {"account": "vizinha", "code": "9", "causes": causes[0]},
        ],
    )
    await seed_entry(
        database,
        make_event(account=account, code="well", causes=causes[0], processed_at="2026-11-23T09:00:00Z"),
        make_event(account=account, code="well", causes=[], status="success", processed_at="2026-11-23T09:30:00Z"),
    )


async def test_a_root_cause_tells_what_fails_how_often_where_and_since_when(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_shop(database, account)
    await database[INTEGRATIONS].insert_one(
        {"_id": f"{account}|MLC", "account": account, "affiliate": "MLC", "marketplace": "Mercado Livre"}
    )
    answer = await api.get("/v1/groups", params={"lang": "en"})

    assert answer.status_code == 200
    GroupList.model_validate_json(answer.content, strict=False)
    found = answer.json()
    assert (found["total"], found["complete"]) == ({"value": 2, "relation": "exact"}, True)
    first, second = found["items"]
    assert (first["group"], first["kind"], first["code"]) == (GROUP, "order", "ORD-STOCK")
    assert first["count"] == {"value": 5, "relation": "exact"}
    assert first["affiliates"] == [
        {"affiliate": "MLC", "marketplace": "Mercado Livre", "items": 3},
        {"affiliate": "AMZ", "marketplace": "AMZ", "items": 2},
    ]
    assert (first["first_seen_at"], first["last_seen_at"]) == ("2026-11-23T10:00:00.000Z", "2026-11-23T10:00:04.000Z")
    assert (second["code"], second["count"]["value"]) == ("ORD-SLA", 1)
    assert second["template"] == "no available sla to deliver this order"
    assert second["title"] != second["message"] == "No available sla to deliver this order"
    assert second["guidance"]


async def test_a_count_is_what_the_list_has_under_the_same_filter_and_the_group(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_shop(database, account)
    for asked in (
        {},
        {"affiliate": "AMZ"},
        {"status": "error", "to": "2026-11-23T10:00:03Z"},
        {"error_code": "ORD-SLA"},
    ):
        found = (await api.get("/v1/groups", params={**asked, "kind": "order"})).json()["items"]
        assert found
        for one in found:
            listed = (await api.get("/v1/logs/order", params={**asked, "group": one["group"]})).json()
            assert listed["total"] == one["count"]
            assert {cause["group"] for item in listed["items"] for cause in item["causes"]} == {one["group"]}


async def test_neither_message_nor_template_tells_whom_it_is_about(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_shop(database, account)
    [shown] = (await api.get("/v1/groups", params={"group": GROUP})).json()["items"]

    assert "maria" not in str(shown)
    assert shown["message"].startswith("SKU 4704 without stock")
    assert "4704" not in shown["template"]
    assert shown["template"] == "sku … without stock, asked by …"


async def test_another_accounts_root_causes_are_not_told(
    neighbour: httpx.AsyncClient, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_shop(database, account)

    assert [one["count"]["value"] for one in (await neighbour.get("/v1/groups")).json()["items"]] == [1]
    assert [one["count"]["value"] for one in (await api.get("/v1/groups")).json()["items"]] == [5, 1]


async def test_the_trend_counts_items_on_the_day_of_their_last_processing(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_entries(
        database, [{"account": account, "code": str(n), "processed_at": format_instant(now())} for n in range(3)]
    )
    [shown] = (await api.get("/v1/groups")).json()["items"]

    days = [datetime.fromisoformat(day["at"]) for day in shown["trend"]]
    assert [(after - before).days for before, after in pairwise(days)] == [1] * 6
    assert sum(day["items"]["value"] for day in shown["trend"]) == 3
    assert {day["items"]["relation"] for day in shown["trend"]} == {"exact"}


async def test_what_makes_no_sense_is_refused_with_what_would(api: httpx.AsyncClient) -> None:
    for asked, field, allowed in (
        ({"status": "processing"}, "status", ["success", "error", "warning"]),
        ({"status": "eror"}, "status", ["success", "error", "warning", "processing"]),
        ({"kind": "parcel"}, "kind", ["order", "product", "tracking", "price", "stock"]),
        ({"group": "x"}, "group", None),
        ({"limit": "101"}, "limit", ["1", "100"]),
        ({"cursor": "x"}, "cursor", ...),
    ):
        answer = await api.get("/v1/groups", params=asked)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (422, field), asked
        assert allowed is ... or error["allowed"] == allowed


async def test_an_empty_account_has_none_and_asking_again_is_304(api: httpx.AsyncClient) -> None:
    first = await api.get("/v1/groups")
    again = await api.get("/v1/groups", headers={"If-None-Match": first.headers["etag"]})

    assert first.json() == {"items": [], "total": {"value": 0, "relation": "exact"}, "complete": True}
    assert (again.status_code, again.content) == (304, b"")


async def test_what_takes_too_long_is_given_up(app: FastAPI, database: Database, account: str) -> None:
    await seed_entries(database, ({"account": account, "code": str(n)} for n in range(4_900)))
    object.__setattr__(app.state.services.groups._groups, "_within_ms", 1)
    async with client_of(app, FIRST_KEY) as client:
        answer = await client.get(f"/v1/groups?{urlencode({'kind': 'order'})}")

    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_an_entry_that_an_older_rule_grouped_is_told_by_its_one_cause(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_entries(database, [{"account": account, "code": "1"}])
    await database[LOG_ENTRIES].update_one({"account": account}, {"$set": {"state.groups": ["0123456789abcdef"]}})
    [shown] = (await api.get("/v1/groups")).json()["items"]

    assert (shown["group"], shown["code"]) == ("0123456789abcdef", "ORD-SLA")

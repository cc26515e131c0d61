import asyncio
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from services.query.entrypoints.schemas.views import ViewAnswer, ViewList
from shared.contracts.events import STATUSES
from shared.contracts.names import AUDIT, VIEWS
from shared.mongo.client import Database
from tests.integration.query.conftest import revision_of
from tests.support.builders import make_event
from tests.support.seed import seed_entry

PATH = "/v1/views"
SLA = {"name": "Sem SLA", "kind": "order", "filter": "error_code=ORD-SLA&status=error"}


async def save(api: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    made = await api.post(PATH, json={**SLA, **changes})
    assert made.status_code == 201, made.text
    told: dict[str, Any] = made.json()
    return told


async def test_a_view_is_saved_read_changed_and_removed(api: httpx.AsyncClient) -> None:
    made = await api.post(PATH, json={**SLA, "sort": "-attempts"})
    told = made.json()
    mine = f"{PATH}/{told['id']}"
    ViewAnswer.model_validate(told)
    assert (made.status_code, made.headers["location"], revision_of(made)) == (201, mine, 1)
    assert (told["filter"], told["created_by"]) == ("status=error&error_code=ORD-SLA", "first")
    assert told["address"] == "/logs/order?status=error&error_code=ORD-SLA&sort=-attempts"
    assert (await api.get(mine)).json() == told

    changed = await api.patch(mine, json={"name": "  Sem  SLA (pedidos) "}, headers={"If-Match": '"1"'})
    assert (changed.status_code, revision_of(changed)) == (200, 2)
    assert changed.json()["name"] == "Sem SLA (pedidos)"
    assert changed.json()["filter"] == told["filter"]
    replaced = await api.put(mine, json={"name": "Preços", "kind": "price"}, headers={"If-Match": '"2"'})
    assert (replaced.json()["filter"], replaced.json()["sort"]) == ("", "-processed_at")
    assert (replaced.json()["address"], replaced.json()["created_at"]) == ("/logs/price", told["created_at"])
    ViewList.model_validate((await api.get(PATH)).json())
    assert (await api.get(PATH)).json() == {"items": [replaced.json()]}

    removed = await api.delete(mine, headers={"If-Match": '"3"'})
    assert (removed.status_code, removed.json()) == (200, replaced.json())
    again = await api.delete(mine, headers={"If-Match": removed.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (200, removed.content, removed.headers["etag"])
    for tags in ({}, {"If-Match": '"2"'}, {"If-Match": f"W/{removed.headers['etag']}"}):
        assert (await api.delete(mine, headers=tags)).status_code == 404
    for method in ("GET", "DELETE"):
        assert (await api.request(method, mine, headers={"If-Match": "*"})).status_code == 404
    assert (await api.get(PATH)).json() == {"items": []}


@pytest.mark.parametrize("text", ["a&b", "a+b", "não ç", 'it\'s "q"', "100%", "a/b?#", "=x", "漢字 😀", "a;b\\"])
async def test_what_a_view_shows_is_what_was_saved(
    api: httpx.AsyncClient, database: Database, account: str, text: str
) -> None:
    await seed_entry(database, make_event(account=account, code=text))
    await seed_entry(database, make_event(account=account, code="another"))

    view = await save(api, name=text, filter=urlencode({"q": text}))
    kept = (await api.get(f"{PATH}/{view['id']}")).json()
    rows = await api.get(f"/v1/logs/order?{kept['filter']}")

    assert kept == view
    assert kept["name"] == text
    assert [item["code"] for item in rows.json()["items"]] == [text]
    again = await api.patch(f"{PATH}/{view['id']}", json={"filter": kept["filter"]}, headers={"If-Match": '"1"'})
    assert revision_of(again) == 1


@pytest.mark.parametrize(
    ("said", "field", "allowed"),
    [
        ({"name": ""}, "name", None),
        ({"name": " \t"}, "name", None),
        ({"name": "x" * 81}, "name", None),
        ({"name": "a\x00b"}, "name", None),
        ({"name": 5}, "name", None),
        ({"kind": "orders"}, "kind", "price"),
        ({"sort": "newest"}, "sort", "-processed_at"),
        ({"owner": "me"}, "owner", "filter"),
        ({"account": "vizinha"}, "account", "filter"),
        ({"filter": {"status": ["error"]}}, "filter", None),
        ({"filter": "colour=red"}, "colour", "status"),
        ({"filter": "status=eror"}, "status", "error"),
        ({"filter": "limit=50"}, "limit", "status"),
        ({"filter": "kind=price"}, "kind", "order"),
        ({"filter": "retry=auto&status=success"}, "status", "error"),
        ({"filter": "error_code=X&status=processing"}, "status", "error"),
        ({"filter": "attempts_min=0"}, "attempts_min", "1"),
        ({"filter": "from=yesterday"}, "from", None),
        ({"filter": "q=%ff"}, "filter", None),
        ({"filter": "q=%00"}, "q", None),
        ({"filter": "x" * 7_501}, "filter", None),
    ],
)
async def test_what_cannot_be_is_refused_with_the_field(
    api: httpx.AsyncClient, said: dict[str, Any], field: str, allowed: str | None
) -> None:
    view = await save(api)
    mine, headers = f"{PATH}/{view['id']}", {"If-Match": view["etag"]}
    new = {**SLA, "name": "new", **said}
    answers = [
        await api.post(PATH, json=new),
        await api.put(mine, json=new, headers=headers),
        await api.patch(mine, json=said, headers=headers),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert allowed is None or allowed in error["allowed"]
    assert (await api.get(PATH)).json()["items"] == [view]


async def test_an_unknown_value_lists_the_allowed_ones(api: httpx.AsyncClient) -> None:
    refused = await api.post(PATH, json={**SLA, "filter": "status=eror"})
    assert refused.json()["errors"][0]["allowed"] == list(STATUSES)
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_name_stands_once_in_an_account_whatever_its_case(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient
) -> None:
    view = await save(api)
    other = await save(api, name="Outra")
    taken = await api.post(PATH, json={**SLA, "name": "SEM  sla", "kind": "price"})
    renamed = await api.patch(f"{PATH}/{other['id']}", json={"name": "sem sla"}, headers={"If-Match": '"1"'})
    assert (taken.status_code, renamed.status_code) == (409, 409)
    assert view["id"] in taken.json()["detail"]
    assert (await neighbour.post(PATH, json=SLA)).status_code == 201
    mine = await api.patch(f"{PATH}/{view['id']}", json={"name": "SEM SLA"}, headers={"If-Match": '"1"'})
    assert (mine.status_code, mine.json()["name"]) == (200, "SEM SLA")


async def test_of_many_at_once_one_has_the_name_and_one_makes_the_change(api: httpx.AsyncClient) -> None:
    made = await asyncio.gather(*(api.post(PATH, json=SLA) for _ in range(6)))
    assert sorted(answer.status_code for answer in made) == [201, *[409] * 5]
    (view,) = (await api.get(PATH)).json()["items"]
    said = [{"filter": f"q={n}"} for n in range(6)]
    mine, headers = f"{PATH}/{view['id']}", {"If-Match": '"1"'}
    changed = await asyncio.gather(*(api.patch(mine, json=body, headers=headers) for body in said))
    assert sorted(answer.status_code for answer in changed) == [200, *[412] * 5]


async def test_nobody_changes_what_they_have_not_seen(api: httpx.AsyncClient) -> None:
    view = await save(api)
    mine = f"{PATH}/{view['id']}"
    for method, said in (("PUT", SLA), ("PATCH", {"name": "B"}), ("DELETE", None)):
        missing = await api.request(method, mine, json=said)
        stale = await api.request(method, mine, json=said, headers={"If-Match": '"7", W/"1"'})
        absent = await api.request(method, f"{PATH}/{'0' * 16}", json=said, headers={"If-Match": "*"})
        assert (missing.status_code, stale.status_code, absent.status_code) == (428, 412, 404), method
    same = await api.get(mine, headers={"If-None-Match": view["etag"]})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", view["etag"])


async def test_an_account_keeps_two_hundred_views(api: httpx.AsyncClient, database: Database, account: str) -> None:
    view = await save(api)
    document = await database[VIEWS].find_one({"_id": f"{account}|{view['id']}"})
    assert document is not None
    await database[VIEWS].insert_many(
        {**document, "_id": f"{account}|{n:016x}", "id": f"{n:016x}", "name": f"v{n}", "name_key": f"v{n}"}
        for n in range(199)
    )
    full = await api.post(PATH, json={**SLA, "name": "one more"})
    assert (full.status_code, "200 views" in full.json()["detail"]) == (409, True)
    assert len((await api.get(PATH)).json()["items"]) == 200
    assert (await api.delete(f"{PATH}/{view['id']}", headers={"If-Match": "*"})).status_code == 200
    assert (await api.post(PATH, json={**SLA, "name": "one more"})).status_code == 201


async def test_every_change_leaves_a_line_in_the_audit(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    made = await api.post(PATH, json=SLA, params={"reason": "for Monday"})
    mine = f"{PATH}/{made.json()['id']}"
    await api.patch(mine, json={"name": "B"}, headers={"If-Match": '"1"'}, params={"reason": "clearer"})
    await api.patch(mine, json={"name": "B"}, headers={"If-Match": '"2"'})
    await api.delete(mine, headers={"If-Match": '"2"'}, params={"reason": "over"})

    lines = (await api.get("/v1/audit", params={"target": made.json()["id"]})).json()["items"]

    assert [(line["action"], line["reason"]) for line in reversed(lines)] == [
        ("view.created", "for Monday"),
        ("view.changed", "clearer"),
        ("view.removed", "over"),
    ]
    assert await database[AUDIT].count_documents({"account": account, "action": {"$regex": "^view"}}) == 3


async def test_reading_is_for_readers_and_changing_for_admins(
    api: httpx.AsyncClient, reader: httpx.AsyncClient, neighbour: httpx.AsyncClient
) -> None:
    view = await save(api)
    mine, any_tag = f"{PATH}/{view['id']}", {"If-Match": "*"}
    assert (await reader.get(PATH)).json()["items"] == [view]
    assert (await neighbour.get(PATH)).json()["items"] == []
    for client, status in ((reader, 403), (neighbour, 404)):
        for method, said in (("PUT", SLA), ("PATCH", {"name": "B"}), ("DELETE", None)):
            assert (await client.request(method, mine, json=said, headers=any_tag)).status_code == status
    assert (await reader.post(PATH, json={**SLA, "name": "B"})).status_code == 403
    assert (await api.get(PATH)).json()["items"] == [view]

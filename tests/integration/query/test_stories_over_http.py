"""The story of an id: whatever has it, in every kind and marketplace, and all that happened to it."""

from typing import Any

import httpx
import pytest

from services.query.entrypoints.schemas.stories import StoryAnswer
from services.query.handlers import telling
from shared.contracts.names import ATTEMPTS, INTEGRATIONS
from shared.contracts.segments import write_segment
from shared.mongo.client import Database
from tests.support.builders import make_event
from tests.support.seed import seed_entries, seed_entry

SKU = "SKU-31042/Ação"
CPF, EMAIL = "529.982.247-25", "ana@example.com"
STORY = f"/v1/stories/{write_segment(SKU)}"


async def seed_sku(database: Database, account: str) -> None:
    """Product, price and stock in two marketplaces, and an order of it in one of them; each of them told of three times."""
    for at, (kind, affiliate, code) in enumerate(
        [
            ("product", "MLC", SKU), ("product", "SHP", SKU.lower()), ("price", "MLC", SKU), ("price", "SHP", "p-9"),
            ("stock", "MLC", SKU), ("stock", "SHP", SKU), ("order", "SHP", "2000001"),
        ]
    ):  # fmt: skip
        shared: dict[str, Any] = {"account": account, "kind": kind, "affiliate": affiliate, "code": code}
        shared["aliases"] = {"sku": SKU} if code in {"p-9", "2000001"} else {}
        cause = {"code": "ORD-SLA", "message": f"No sla for {EMAIL}", "evidence": {"request": CPF}}
        await seed_entry(
            database,
            make_event(**shared, processed_at=f"2026-11-0{at + 1}T10:00:00Z", status="error", causes=[cause]),
            make_event(**shared, processed_at=f"2026-11-20T1{at}:00:00Z", status="processing", causes=[]),
            make_event(**shared, processed_at=f"2026-11-21T1{at}:00:00Z", status="success", causes=[], payload={"cpf": CPF}, log={"message": f"Exportado {CPF}"}),
        )  # fmt: skip


async def walk(api: httpx.AsyncClient, follow: str = "next_cursor", **asked: Any) -> list[list[dict[str, Any]]]:
    pages = []
    while True:
        page = (await api.get(STORY, params=asked)).json()
        pages.append(page["timeline"])
        if page[follow] is None:
            return pages
        asked["cursor"] = page[follow]


async def test_a_sku_is_told_across_kinds_and_marketplaces_on_one_line(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_sku(database, account)
    await seed_entries(database, [{"account": account, "kind": "stock", "code": f"{SKU}-XL"}])
    named = {"_id": f"{account}|MLC", "account": account, "affiliate": "MLC", "marketplace": "Mercado Livre"}
    await database[INTEGRATIONS].insert_one(named)

    answer = await api.get(STORY, params={"lang": "en"})

    story = answer.json()
    assert answer.status_code == 200, answer.text
    StoryAnswer.model_validate_json(answer.content, strict=False)
    assert answer.headers["content-language"] == "en"
    assert (story["id"], story["complete"], story["next_cursor"], story["previous_cursor"]) == (SKU, True, None, None)
    assert [(one["kind"], one["marketplace"]) for one in story["entries"]] == [
        ("order", "SHP"),
        ("product", "Mercado Livre"),
        ("product", "SHP"),
        ("price", "Mercado Livre"),
        ("price", "SHP"),
        ("stock", "Mercado Livre"),
        ("stock", "SHP"),
    ]
    assert {one["status"] for one in story["entries"]} == {"success"}
    assert all(one["whole"] for one in story["entries"])
    line = story["timeline"]
    assert len(line) == 21
    assert [one["processed_at"] for one in line] == sorted((one["processed_at"] for one in line), reverse=True)
    assert [one["code"] for one in line if one["current"]] == ["2000001", SKU, SKU, "p-9", SKU, SKU.lower(), SKU]
    failed = next(one for one in line if one["status"] == "error")
    assert failed["causes"][0]["title"]
    assert failed["causes"][0]["retry"] == "fix"


async def test_personal_data_is_masked_and_content_is_not_told(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_sku(database, account)

    answer = await api.get(STORY)

    assert CPF not in answer.text
    assert EMAIL not in answer.text
    line = answer.json()["timeline"]
    assert {one["message"] for one in line if one["status"] == "success"} == {"Exportado ***.***.***-25"}
    assert {one["causes"][0]["message"] for one in line if one["causes"]} == {"No sla for ***@example.com"}
    assert not {"payload", "evidence"} & line[0].keys()


@pytest.mark.parametrize("limit", [1, 4, 7, 21])
async def test_a_line_is_told_whole_and_once_in_both_directions(
    api: httpx.AsyncClient, database: Database, account: str, limit: int
) -> None:
    await seed_sku(database, account)
    whole = (await api.get(STORY)).json()["timeline"]

    forward = await walk(api, limit=limit)
    asked: dict[str, Any] = {"limit": limit}
    while (page := (await api.get(STORY, params=asked)).json())["next_cursor"]:
        asked["cursor"] = page["next_cursor"]
    back = await walk(api, follow="previous_cursor", **asked)

    assert [one for page in forward for one in page] == whole
    assert back[::-1] == forward


async def test_whoever_leafs_on_after_attempts_expired_is_told_the_states_that_are_left(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_sku(database, account)
    await seed_entries(database, [{"account": account, "kind": "tracking", "code": SKU, "processed_at": "2020-01-01T00:00:00Z"}])  # fmt: skip
    first = (await api.get(STORY, params={"limit": 10})).json()
    assert not first["timeline"][-1]["current"]
    await database[ATTEMPTS].delete_many({})

    rest = (await api.get(STORY, params={"limit": 10, "cursor": first["next_cursor"]})).json()

    assert [one["kind"] for one in rest["timeline"]] == ["tracking"]


async def test_kinds_narrow_it(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_sku(database, account)

    story = (await api.get(STORY, params={"kind": ["stock", "price"]})).json()

    assert {one["kind"] for one in story["entries"]} == {one["kind"] for one in story["timeline"]} == {"price", "stock"}
    missing = await api.get(STORY, params={"kind": "tracking"})
    assert missing.status_code == 404
    assert "tracking" in missing.json()["detail"]


async def test_what_anothers_account_has_is_not_there(
    neighbour: httpx.AsyncClient, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_sku(database, account)
    cursor = (await api.get(STORY, params={"limit": 1})).json()["next_cursor"]

    assert (await neighbour.get(STORY)).status_code == 404
    await seed_sku(database, "vizinha")
    told = (await neighbour.get(STORY)).json()
    assert len(told["entries"]) == 7
    assert (await neighbour.get(STORY, params={"cursor": cursor})).status_code == 400


async def test_an_answer_that_is_held_is_not_sent_again(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_sku(database, account)
    first = await api.get(STORY)

    again = await api.get(STORY, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"colour": "x"}, 422, "colour"),
        ({"kind": "orders"}, 422, "kind"),
        ({"limit": 0}, 422, "limit"),
        ({"limit": 501}, 422, "limit"),
        ({"status": "error"}, 422, "status"),
        ({"cursor": "made-up"}, 400, None),
    ],
)
async def test_what_is_wrong_is_named(
    api: httpx.AsyncClient, database: Database, account: str, asked: dict[str, Any], status: int, field: str | None
) -> None:
    await seed_sku(database, account)

    answer = await api.get(STORY, params=asked)

    assert answer.status_code == status, answer.text
    assert [one["field"] for one in answer.json().get("errors", ())] == ([field] if field else [])


@pytest.mark.parametrize("segment", ["absent", "%09..", "%20", "x" * 300])
async def test_an_id_that_nothing_has_is_not_there(api: httpx.AsyncClient, segment: str) -> None:
    answer = await api.get(f"/v1/stories/{segment}")

    assert answer.status_code == 404
    assert "has the id" in answer.json()["detail"]


@pytest.mark.parametrize("segment", ["x" * 301, "a%00b", "%0A"])
async def test_what_is_no_id_is_refused(api: httpx.AsyncClient, segment: str) -> None:
    answer = await api.get(f"/v1/stories/{segment}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "item_id"


async def test_of_what_very_many_have_some_of_each_kind_are_told(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    shared = {"account": account, "aliases": {"category": "shoes"}}
    await seed_entries(database, [{"kind": "order", "code": f"{n}", **shared} for n in range(70)])
    await seed_entries(database, [{"kind": "stock", "code": f"{n}", **shared} for n in range(3)])

    story = (await api.get("/v1/stories/SHOES", params={"limit": 500})).json()

    kinds = [one["kind"] for one in story["entries"]]
    assert (kinds.count("order"), kinds.count("stock"), story["complete"]) == (47, 3, False)
    assert len(story["timeline"]) == 50
    assert (await api.get("/v1/stories/shoes", params={"kind": "stock"})).json()["complete"]


async def test_of_an_entry_with_too_many_attempts_the_newest_one_is_told(
    api: httpx.AsyncClient, database: Database, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed_sku(database, account)
    at = "2026-11-22T09:0{}:00Z".format
    busy = [make_event(account=account, kind="tracking", code=SKU, processed_at=at(n)) for n in range(4)]
    await seed_entry(database, *busy)
    monkeypatch.setattr(telling, "MOST_OLDER", 7 * 2 + 1)

    story = (await api.get(STORY)).json()

    assert [one["kind"] for one in story["entries"] if not one["whole"]] == ["tracking"]
    assert [one["event_id"] for one in story["timeline"] if one["kind"] == "tracking"] == [busy[-1].id]
    assert len(story["timeline"]) == 22

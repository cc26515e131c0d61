import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.query.entrypoints.schemas.integration_answers import IntegrationAnswer, IntegrationList
from shared.contracts.names import AUDIT
from shared.contracts.times import format_instant
from shared.mongo.client import Database
from tests.integration.query.conftest import client_of, revision_of
from tests.support.seed import seed_entries, seed_key

WHOLE: dict[str, Any] = {
    "marketplace": "Mercado Livre",
    "kinds": ["stock", "order", "order"],
    "minimum_availability": 10,
    "emails": ["ops@loja.com.br", "OPS@loja.com.br", "ana@loja.com.br"],
    "freshness_seconds": {"order": 3600},
}
MLC = "/v1/integrations/MLC"


def ago(**lapse: float) -> str:
    return format_instant(datetime.now(UTC) - timedelta(**lapse))


@pytest.fixture
async def registered(api: httpx.AsyncClient) -> str:
    """The ETag of MLC, just registered."""
    made = await api.post("/v1/integrations", json={"affiliate": "MLC", **WHOLE})
    assert made.status_code == 201, made.text
    return made.headers["etag"]


async def test_an_integration_is_registered_read_changed_paused_and_removed(api: httpx.AsyncClient) -> None:
    made = await api.post("/v1/integrations", json={"affiliate": "MLC", **WHOLE})
    assert (made.status_code, made.headers["location"], revision_of(made)) == (201, MLC, 1)
    IntegrationAnswer.model_validate(made.json())
    told = made.json()
    assert (told["state"], told["registered"], told["warnings"], told["etag"]) == (
        "active",
        True,
        [],
        made.headers["etag"],
    )
    assert (told["kinds"], told["emails"]) == (["order", "stock"], ["ops@loja.com.br", "ana@loja.com.br"])

    changed = await api.patch(
        MLC, json={"marketplace": "ML", "minimum_availability": None}, headers={"If-Match": '"1"'}
    )
    assert (changed.status_code, revision_of(changed)) == (200, 2)
    assert (changed.json()["minimum_availability"], changed.json()["kinds"]) == (None, ["order", "stock"])

    paused = await api.patch(MLC, json={"paused": True}, headers={"If-Match": '"2"'})
    assert (paused.json()["state"], paused.json()["registered"]) == ("paused", True)
    replaced = await api.put(MLC, json={"marketplace": "M"}, headers={"If-Match": '"3"'})
    assert (replaced.json()["emails"], replaced.json()["state"]) == ([], "paused")

    removed = await api.delete(MLC, headers={"If-Match": '"4"'})
    assert (removed.json()["state"], removed.json()["registered"]) == ("removed", False)
    assert (await api.delete(MLC, headers={"If-Match": '"5"'})).json() == removed.json()
    assert (await api.get(MLC)).json() == removed.json()
    assert (await api.patch(MLC, json={"paused": False}, headers={"If-Match": "*"})).status_code == 409
    again = await api.put(MLC, json={"marketplace": "New"})
    assert (again.status_code, revision_of(again), again.json()["state"]) == (201, 6, "active")


@pytest.mark.usefixtures("registered")
async def test_a_patch_is_merged_as_rfc_7396_says(api: httpx.AsyncClient) -> None:
    async def patched(changes: dict[str, Any]) -> dict[str, Any]:
        headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
        answer = await api.patch(MLC, content=json.dumps(changes), headers=headers)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    assert (await patched({"freshness_seconds": {"price": 120}}))["freshness_seconds"] == {"order": 3600, "price": 120}
    assert (await patched({"freshness_seconds": {"order": None}}))["freshness_seconds"] == {"price": 120}
    assert (await patched({"mask_at_write": True, "paused": True}))["paused"]
    cleared = await patched(
        dict.fromkeys(("emails", "kinds", "freshness_seconds", "mask_at_write", "paused", "marketplace"))
    )
    assert (cleared["emails"], cleared["freshness_seconds"], len(cleared["kinds"])) == ([], {}, 5)
    assert cleared["mask_at_write"]
    assert cleared["paused"]
    assert cleared["marketplace"] == "Mercado Livre"


async def test_automatic_retries_are_switched_off_for_good_and_come_back_by_a_null(api: httpx.AsyncClient) -> None:
    made = await api.post("/v1/integrations", json={"affiliate": "MLC", "marketplace": "A"})
    newest = {"If-Match": "*"}
    switched = await api.patch(MLC, json={"automatic_retries": False}, headers=newest)
    renamed = await api.put(MLC, json={"marketplace": "B"}, headers=newest)
    again = await api.patch(MLC, json={"automatic_retries": None}, headers=newest)

    told = [answer.json()["automatic_retries"] for answer in (made, switched, renamed, again)]
    assert told == [True, False, False, True]


async def test_nobody_changes_what_they_have_not_seen(api: httpx.AsyncClient, registered: str) -> None:
    body = {"marketplace": "B"}
    for method, said in (("PUT", body), ("PATCH", body), ("DELETE", None)):
        missing = await api.request(method, MLC, json=said)
        stale = await api.request(method, MLC, json=said, headers={"If-Match": '"7", W/"1", "x'})
        assert (missing.status_code, stale.status_code) == (428, 412), method
        assert '"1"' in missing.json()["detail"]
    for method in ("PATCH", "DELETE"):
        absent = await api.request(method, "/v1/integrations/AMZ", json=body if method == "PATCH" else None)
        assert absent.status_code == 404
    assert (await api.put(MLC, json=body, headers={"If-None-Match": "*"})).status_code == 412
    both = {"If-None-Match": "*", "If-Match": registered}
    assert (await api.put(MLC, json=body, headers=both)).status_code == 412
    assert (await api.post("/v1/integrations", json={"affiliate": "MLC", **body})).status_code == 409
    assert (await api.get(MLC)).headers["etag"] == registered


async def test_a_removal_whose_answer_was_lost_is_told_again_but_no_later_one_is_made_of_it(
    api: httpx.AsyncClient, registered: str
) -> None:
    newest = (await api.patch(MLC, json={"marketplace": "B"}, headers={"If-Match": registered})).headers["etag"]
    removed, again = [await api.delete(MLC, headers={"If-Match": newest}) for _ in "12"]
    stale, unsaid = await api.delete(MLC, headers={"If-Match": registered}), await api.delete(MLC)
    await api.post("/v1/integrations", json={"affiliate": "MLC", "marketplace": "C"})
    anew = await api.delete(MLC, headers={"If-Match": newest})

    assert (removed.status_code, again.status_code) == (200, 200)
    assert removed.json() == again.json()
    assert (stale.status_code, unsaid.status_code, anew.status_code) == (412, 428, 412)
    assert (await api.get(MLC)).json()["state"] == "active"


async def test_of_two_changes_at_once_one_is_refused(api: httpx.AsyncClient, registered: str) -> None:
    said = [{"marketplace": str(n)} for n in range(6)]
    answers = await asyncio.gather(*(api.patch(MLC, json=body, headers={"If-Match": registered}) for body in said))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]
    created = await asyncio.gather(*(api.put("/v1/integrations/NEW", json=body) for body in said))
    assert sorted(answer.status_code for answer in created) == [201, *[428] * 5]


async def test_an_integration_that_did_not_change_is_not_sent_again(api: httpx.AsyncClient, registered: str) -> None:
    same = await api.get(MLC, headers={"If-None-Match": f'"0", {registered}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", registered)
    assert (await api.patch(MLC, json={}, headers={"If-Match": registered})).headers["etag"] == registered
    other = await api.get(MLC, headers={"If-None-Match": '"0"'})
    assert other.status_code == 200


async def test_how_an_integration_does_is_not_sent_again_either_and_its_etag_names_no_revision(
    api: httpx.AsyncClient, database: Database, account: str, registered: str
) -> None:
    async def look(**headers: str) -> httpx.Response:
        return await api.get(MLC, params={"health": "true"}, headers=headers)

    seen = await look(**{"If-None-Match": registered})
    tag = seen.headers["etag"]
    assert (seen.status_code, tag.startswith('W/"'), seen.json()["etag"]) == (200, True, registered)
    same = await look(**{"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (await api.get(MLC, headers={"If-None-Match": tag})).status_code == 200
    for named in (tag, tag.removeprefix("W/"), f"W/{registered}"):
        for method, said in (("PUT", {"marketplace": "B"}), ("PATCH", {"marketplace": "B"}), ("DELETE", None)):
            refused = await api.request(method, MLC, json=said, headers={"If-Match": named})
            assert refused.status_code == 412, (method, named)

    await seed_entries(database, [{"account": account, "code": "1", "processed_at": ago(minutes=5)}])

    heard = await look(**{"If-None-Match": tag})
    assert (heard.status_code, heard.json()["etag"]) == (200, registered), "an event is no change of the integration"
    assert heard.headers["etag"] != tag
    changed = await api.patch(MLC, json={"marketplace": "B"}, headers={"If-Match": heard.json()["etag"]})
    assert changed.status_code == 200
    assert (await look(**{"If-None-Match": heard.headers["etag"]})).json()["marketplace"] == "B"


async def test_whoever_may_see_less_holds_another_etag_and_both_may_be_changed_by(
    api: httpx.AsyncClient, reader: httpx.AsyncClient, registered: str
) -> None:
    masked, whole = await reader.get(MLC), await api.get(MLC)

    again = await api.get(MLC, headers={"If-None-Match": masked.headers["etag"]})

    assert (again.status_code, again.json()["emails"]) == (200, whole.json()["emails"])
    assert (await reader.get(MLC, headers={"If-None-Match": registered})).status_code == 200
    assert (await reader.get(MLC, headers={"If-None-Match": masked.headers["etag"]})).status_code == 304
    for answer in (masked, whole, (await reader.get("/v1/integrations")), (await api.get("/v1/integrations"))):
        told = answer.json().get("items", [answer.json()])[0]
        assert told["etag"] == (whole if "ana@" in answer.text else masked).headers["etag"]
    changed = await api.patch(MLC, json={"paused": True}, headers={"If-Match": masked.headers["etag"]})
    assert (changed.status_code, revision_of(changed)) == (200, 2)
    stale = await api.patch(MLC, json={"paused": False}, headers={"If-Match": masked.headers["etag"]})
    assert stale.status_code == 412


@pytest.mark.parametrize("held", ["W/{}", "*", '"0", W/{}', "{}"])
async def test_an_etag_is_compared_weakly_where_it_is_looked_for(
    api: httpx.AsyncClient, registered: str, held: str
) -> None:
    assert registered.startswith('"1-')
    view = (await api.post("/v1/views", json={"name": "A", "kind": "order"})).json()
    for address, etag in ((MLC, registered), (f"/v1/views/{view['id']}", view["etag"])):
        same = await api.get(address, headers={"If-None-Match": held.format(etag)})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)


async def test_after_a_release_that_shows_it_otherwise_it_is_sent_again_and_may_still_be_changed(
    api: httpx.AsyncClient, registered: str
) -> None:
    earlier = '"1-of-an-earlier-release"'

    anew = await api.get(MLC, headers={"If-None-Match": f'"1", {earlier}'})
    changed = await api.patch(MLC, json={"paused": True}, headers={"If-Match": earlier})
    stale = await api.patch(MLC, json={"paused": False}, headers={"If-Match": registered})

    assert (anew.status_code, anew.headers["etag"]) == (200, registered)
    assert [answer.status_code for answer in (changed, stale)] == [200, 412]


async def test_what_has_an_etag_may_be_kept_by_whoever_asked(api: httpx.AsyncClient, registered: str) -> None:
    once = {"Idempotency-Key": "k-1"}
    answers = [
        await api.get(MLC),
        await api.get(MLC, headers={"If-None-Match": registered}),
        await api.get(MLC, params={"health": "true"}),
        await api.patch(MLC, json={}, headers={"If-Match": registered}),
        *[await api.post("/v1/views", json={"name": "A", "kind": "order"}, headers=once) for _ in range(2)],
    ]

    assert answers[-1].headers["idempotency-replayed"] == "true"
    for answer in answers:
        assert answer.headers["etag"]
        assert answer.headers["cache-control"] == "private, no-cache"
        assert {"authorization", "cookie"} <= {name.strip().lower() for name in answer.headers["vary"].split(",")}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"marketplace": " "}, "marketplace"),
        ({"marketplace": "a\x00"}, "marketplace"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["orders"]}, "kinds.0"),
        ({"minimum_availability": -1}, "minimum_availability"),
        ({"minimum_availability": "5"}, "minimum_availability"),
        ({"emails": ["ana"]}, "emails.0"),
        ({"emails": ["a@b"]}, "emails.0"),
        ({"emails": ["ana@loja.com\r\nBcc: x@y.zz"]}, "emails.0"),
        ({"emails": [f"a{n}@b.co" for n in range(21)]}, "emails"),
        ({"freshness_seconds": {"order": 5}}, "freshness_seconds.order"),
        ({"freshness_seconds": {"orders": 3600}}, "freshness_seconds.orders"),
        ({"mask_at_write": "yes"}, "mask_at_write"),
        ({"name": "x"}, "name"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_field(
    api: httpx.AsyncClient, registered: str, said: dict[str, Any], field: str
) -> None:
    for method, body in (("PATCH", said), ("PUT", {"marketplace": "A", **said})):
        answer = await api.request(method, MLC, json=body, headers={"If-Match": registered})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field
    assert (await api.post("/v1/integrations", json={"affiliate": "A B", "marketplace": "A"})).status_code == 422


async def test_an_odd_affiliate_id_is_taken_with_a_warning(api: httpx.AsyncClient) -> None:
    for affiliate, warns in (
        ("ABC", True),
        ("mlc", True),
        ("B2W", True),
        ("MLCC", True),
        ("SHP", False),
        ("GGG", False),
    ):
        made = await api.put(f"/v1/integrations/{affiliate}", json={"marketplace": "A"})
        assert made.status_code == 201
        assert [one["code"] for one in made.json()["warnings"]] == ["affiliate-rule"] * warns
    off = await api.patch(
        "/v1/integrations/SHP",
        json={"kinds": ["order"], "freshness_seconds": {"price": 60}},
        headers={"If-Match": '"1"'},
    )
    assert [one["field"] for one in off.json()["warnings"]] == ["freshness_seconds.price"]


async def test_e_mail_addresses_are_whole_for_admins_only(
    api: httpx.AsyncClient, reader: httpx.AsyncClient, registered: str
) -> None:
    assert (await reader.get(MLC)).json()["emails"] == ["***@loja.com.br"] * 2
    assert (await reader.get("/v1/integrations")).json()["items"][0]["emails"] == ["***@loja.com.br"] * 2
    assert "ana@loja.com.br" in (await api.get(MLC)).json()["emails"]


async def test_every_change_leaves_a_line_in_the_audit(
    api: httpx.AsyncClient, database: Database, account: str, registered: str
) -> None:
    await api.patch(MLC, json={"paused": True}, headers={"If-Match": '"1"'}, params={"reason": "promo"})
    await api.patch(MLC, json={"paused": False}, headers={"If-Match": '"2"'})
    await api.patch(MLC, json={"paused": False}, headers={"If-Match": '"3"'})
    await api.patch(MLC, json={"emails": []}, headers={"If-Match": '"3"'})
    await api.delete(MLC, headers={"If-Match": '"4"'})
    await api.delete(MLC, headers={"If-Match": '"4"'})

    lines = await database[AUDIT].find({"target": f"{account}|MLC"}).sort("at", 1).to_list()

    done = ["created", "paused", "resumed", "changed", "removed"]
    assert [line["action"] for line in lines] == [f"integration.{what}" for what in done]
    assert (lines[1]["reason"], lines[1]["key_name"]) == ("promo", "first")


async def test_health_tells_of_each_kind_what_was_heard_and_how_much_of_it_fails(
    api: httpx.AsyncClient, database: Database, account: str, registered: str
) -> None:
    def told(code: str, at: str, status: str = "success", **more: Any) -> dict[str, Any]:
        return {"account": account, "code": code, "processed_at": at, "status": status, "causes": [], **more}

    newest, success = ago(minutes=5), ago(minutes=50)
    await seed_entries(
        database,
        [
            told("1", newest, "error"),
            told("2", success),
            told("3", ago(hours=2)),
            told("4", ago(hours=30), "error"),
            told("1", ago(hours=40), kind="stock"),
            told("1", ago(hours=100), kind="price"),
        ],
    )
    await api.put("/v1/integrations/AMZ", json={"marketplace": "Amazon", "paused": True})
    await api.put("/v1/integrations/SHP", json={"marketplace": "Shopee"})

    listed = (await api.get("/v1/integrations", params={"health": "true"})).json()

    IntegrationList.model_validate(listed)
    health = {item["affiliate"]: item["health"] for item in listed["items"]}
    assert {affiliate: told["state"] for affiliate, told in health.items()} == {
        "AMZ": "paused",
        "MLC": "late",
        "SHP": "never",
    }
    kinds = {one["kind"]: one for one in health["MLC"]["kinds"]}
    assert {kind: one["state"] for kind, one in kinds.items()} == {"order": "fresh", "price": "paused", "stock": "late"}
    order = kinds["order"]
    assert (order["last_event_at"], order["last_success_at"], order["objective_seconds"]) == (newest, success, 3600)
    assert order["recent"] == {"items": 3, "failing": 1, "share": 0.3333, "is_whole": True}
    assert kinds["stock"]["recent"] is None
    one = (await api.get(MLC, params={"health": "true"})).json()
    assert one["health"] == health["MLC"]
    assert (await api.get(MLC)).json()["health"] is None


async def test_affiliates_that_only_events_speak_of_are_listed_and_their_items_say_so(
    api: httpx.AsyncClient, database: Database, account: str, registered: str
) -> None:
    rows = [
        {"account": account, "affiliate": name, "code": "1", "processed_at": ago(hours=1)}
        for name in ("MLC", "NEW", "OLD")
    ]
    await seed_entries(database, rows)
    await api.put("/v1/integrations/OLD", json={"marketplace": "Old shop"})
    await api.delete("/v1/integrations/OLD", headers={"If-Match": '"1"'})

    async def states(**asked: Any) -> dict[str, str]:
        items = (await api.get("/v1/integrations", params=asked)).json()["items"]
        return {item["affiliate"]: item["state"] for item in items}

    assert await states() == {"MLC": "active", "OLD": "removed"}
    assert await states(state="unregistered") == {"NEW": "unregistered"}
    assert await states(state=["active", "unregistered"]) == {"MLC": "active", "NEW": "unregistered"}
    (new,) = (await api.get("/v1/integrations", params={"state": "unregistered", "health": "true"})).json()["items"]
    assert (new["registered"], new["etag"], new["health"]["state"]) == (False, None, "fresh")
    items = (await api.get("/v1/logs/order")).json()["items"]
    assert {item["affiliate"]: (item["registered"], item["marketplace"]) for item in items} == {
        "MLC": (True, "Mercado Livre"),
        "NEW": (False, "NEW"),
        "OLD": (False, "Old shop"),
    }
    assert (await api.get("/v1/logs/order/NEW/1")).json()["registered"] is False


async def test_reading_is_for_readers_and_changing_for_admins(
    reader: httpx.AsyncClient, app: FastAPI, database: Database, account: str, registered: str
) -> None:
    assert (await reader.get("/v1/integrations", params={"health": "true"})).status_code == 200
    for method in ("PUT", "PATCH", "DELETE"):
        body = None if method == "DELETE" else {"marketplace": "B"}
        assert (await reader.request(method, MLC, json=body, headers={"If-Match": "*"})).status_code == 403
    assert (await reader.post("/v1/integrations", json={"affiliate": "X", "marketplace": "B"})).status_code == 403
    async with client_of(app, await seed_key(database, account, "export")) as exporter:
        assert (await exporter.get("/v1/integrations")).status_code == 403

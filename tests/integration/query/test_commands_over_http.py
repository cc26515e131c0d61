import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from gridfs import AsyncGridFSBucket

from deploy.local.servers import Servers
from services.query.entrypoints.schemas.jobs import (
    ExportAnswer,
    ReprocessAnswer,
    ReprocessDryRunAnswer,
    ReprocessStanding,
)
from shared.contracts.names import (
    EXPORT_FILES,
    EXPORTS,
    EXPORTS_TOPIC,
    KINDS,
    LOG_ENTRIES,
    REPROCESS_REQUESTS,
    REPROCESS_TOPIC,
)
from shared.mongo.client import Database
from shared.mongo.jobs import Jobs
from shared.runtime.clock import now
from tests.support.builders import now_text
from tests.support.fakes.query import FakeCommands
from tests.support.seed import seed_entries
from tests.support.topics import read_key

PROBLEM = "application/problem+json"
ITEMS = {"kind": "order", "items": [{"affiliate": "MLC", "code": "1"}], "reason": "the stock is back"}


async def test_a_reprocess_is_a_job_at_once_and_a_message_on_its_topic(
    api: httpx.AsyncClient, servers: Servers, database: Database, account: str
) -> None:
    answer = await api.post("/v1/reprocess", json=ITEMS)

    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/reprocess/{job['id']}"
    ReprocessAnswer.model_validate_json(answer.content, strict=False)
    assert (job["state"], job["requested_by"], job["reason"]) == ("queued", "first", "the stock is back")
    untouched = {
        "waiting": 0,
        "answered": dict.fromkeys(("success", "error", "warning", "processing"), 0),
        "unknown": 0,
    }
    assert (await api.get(answer.headers["location"])).json() == {**job, "outcome": untouched}
    assert [item["id"] for item in (await api.get("/v1/reprocess")).json()["items"]] == [job["id"]]
    stored = await database[REPROCESS_REQUESTS].find_one({"_id": f"{account}|{job['id']}"})
    sent = json.loads(await read_key(servers, REPROCESS_TOPIC, f"{account}|{job['id']}"))
    assert stored is not None
    assert sent == stored["command"]
    assert sent["account"] == account


async def test_the_same_id_and_body_is_the_same_job_and_another_body_is_a_conflict(api: httpx.AsyncClient) -> None:
    body = {**ITEMS, "id": "my-own-1"}
    first, again = [await api.post("/v1/reprocess", json=body) for _ in range(2)]
    other = await api.post("/v1/reprocess", json={**body, "reason": "another"})

    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 409)
    assert first.json()["id"] == again.json()["id"] == "my-own-1"
    assert len((await api.get("/v1/reprocess")).json()["items"]) == 1


@pytest.mark.parametrize("path", ["/v1/reprocess", "/v1/exports"])
async def test_jobs_are_leafed_through_both_ways_each_in_its_own_list(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, path: str
) -> None:
    body = ITEMS if path == "/v1/reprocess" else {"kind": "order"}
    for number in range(5):
        assert (await api.post(path, json={**body, "id": f"j-{number}"})).status_code == 202
    whole = (await api.get(path)).json()
    assert (len(whole["items"]), whole["next_cursor"], whole["previous_cursor"]) == (5, None, None)

    first = await api.get(path, params={"limit": "2"})
    second = await api.get(first.links["next"]["url"])
    third = await api.get(second.links["next"]["url"])
    back = await api.get(third.links["prev"]["url"])

    pages = [answer.json() for answer in (first, second, third)]
    assert [job["id"] for page in pages for job in page["items"]] == [job["id"] for job in whole["items"]]
    assert (pages[0]["previous_cursor"], pages[2]["next_cursor"]) == (None, None)
    assert back.json()["items"] == pages[1]["items"]
    unchanged = await api.get(second.url, headers={"If-None-Match": second.headers["etag"]})
    assert unchanged.status_code == 304
    other = "/v1/exports" if path == "/v1/reprocess" else "/v1/reprocess"
    for client, where in ((neighbour, path), (api, other)):
        assert (await client.get(where, params={"cursor": pages[0]["next_cursor"]})).status_code == 400


async def test_automatic_retries_are_a_list_of_their_own(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await api.post("/v1/reprocess", json={**ITEMS, "id": "asked"})
    stored = await Jobs(database, REPROCESS_REQUESTS).find(account, "asked")
    assert stored is not None
    for number in range(3):
        retry = {**stored["command"], "id": f"automatic:order:1:{number}", "requested_by": "ponte", "tries": 1}
        await Jobs(database, REPROCESS_REQUESTS).insert(retry, now=now(), keep_for=timedelta(days=7))

    asked = (await api.get("/v1/reprocess")).json()["items"]
    automatic = await api.get("/v1/reprocess", params={"automatic": "true", "limit": "2"})
    last = await api.get(automatic.links["next"]["url"])

    assert [(job["id"], job["automatic"]) for job in asked] == [("asked", False)]
    told = [job for answer in (automatic, last) for job in answer.json()["items"]]
    assert [(job["id"][-1], job["automatic"], job["requested_by"]) for job in told] == [
        (number, True, "ponte") for number in "210"
    ]
    assert (await api.get("/v1/reprocess/automatic:order:1:0")).json()["kind"] == "order"
    cursor = automatic.json()["next_cursor"]
    assert (await api.get("/v1/reprocess", params={"cursor": cursor})).status_code == 400


async def test_nobody_from_outside_asks_for_an_automatic_retry(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/reprocess", json={**ITEMS, "tries": 1})).status_code == 422


async def test_a_command_for_another_account_is_forbidden(api: httpx.AsyncClient, account: str) -> None:
    assert (await api.post("/v1/reprocess", json={**ITEMS, "account": "vizinha"})).status_code == 403
    assert (await api.post("/v1/exports", json={"account": "vizinha"})).status_code == 403
    assert (await api.post("/v1/reprocess", json={**ITEMS, "account": account})).status_code == 202


async def test_a_bad_command_is_named(api: httpx.AsyncClient) -> None:
    bodies: list[tuple[str, Any, str]] = [
        ("reprocess", {"kind": "order"}, "body"),
        ("reprocess", {**ITEMS, "filter": {}}, "body"),
        ("reprocess", {**ITEMS, "items": []}, "items"),
        ("reprocess", {**ITEMS, "kind": "pedido"}, "kind"),
        ("reprocess", {**ITEMS, "items": [{"affiliate": "MLC", "code": "a\x00"}]}, "items.0.code"),
        ("reprocess", {**ITEMS, "extra": 1}, "extra"),
        ("reprocess", {**ITEMS, "id": "a/b"}, "id"),
        ("reprocess", {"kind": "order", "filter": {"status": ["eror"]}}, "filter.status"),
        ("reprocess", {"kind": "order", "filter": {"status": {"$ne": "error"}}}, "filter.status"),
        ("reprocess", {"kind": "order", "filter": {"from": "2026-11-23"}}, "filter.from"),
        ("exports", {"kind": "order", "filter": {"$where": "1"}}, "filter.$where"),
        ("exports", {"format": "pdf"}, "format"),
        ("exports", {"time_zone": "Mars/Base"}, "time_zone"),
    ]
    for route, body, field in bodies:
        answer = await api.post(f"/v1/{route}", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["field"].startswith(field), (body, answer.json())


async def test_a_dry_run_tells_what_would_be_sent_and_why_not(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    never, fix = [{"code": "MKT-CLOSED", "message": "closed"}], [{"code": "ORD-SLA", "message": "no sla"}]
    documents = await seed_entries(
        database,
        [
            {"account": account, "code": "1", "causes": fix},
            {"account": account, "code": "2", "causes": never},
            {"account": account, "code": "3", "status": "success", "causes": []},
            {"account": account, "code": "4", "causes": fix},
            {"account": account, "code": "5", "status": "warning", "causes": [*never, *fix]},
            {"account": "vizinha", "code": "1", "causes": fix},
        ],
    )
    await database["log_entries"].update_one(
        {"_id": documents[3]["_id"]}, {"$set": {"reprocess": {"id": "j", "state": "sent"}}}
    )

    by_filter = await api.post("/v1/reprocess", json={"kind": "order", "filter": {}, "dry_run": True})
    items = [{"affiliate": "MLC", "code": code} for code in "1234569"]
    by_items = await api.post("/v1/reprocess", json={"kind": "order", "items": items, "dry_run": True})

    assert by_filter.status_code == by_items.status_code == 200

    def told(**reasons: str) -> list[dict[str, str]]:
        return [{"affiliate": "MLC", "code": code[1:], "reason": reason} for code, reason in reasons.items()]

    assert by_filter.json() == {
        "matched": 5,
        "eligible": 2,
        "skipped": {"never": 1, "not_failed": 1, "in_progress": 1},
        "skipped_items": told(c2="never", c3="not_failed", c4="in_progress"),
    }
    assert by_items.json() == {
        "matched": 7,
        "eligible": 3,
        "skipped": {"not_failed": 1, "in_progress": 1, "not_found": 2},
        "skipped_items": told(c3="not_failed", c4="in_progress", c6="not_found", c9="not_found"),
    }
    for answer in (by_filter, by_items):
        ReprocessDryRunAnswer.model_validate_json(answer.content, strict=False)
    assert (await api.get("/v1/reprocess")).json()["items"] == []


async def test_a_dry_run_names_the_first_hundred_and_counts_all(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    codes = [f"{number:03d}" for number in range(120)]
    await seed_entries(database, ({"account": account, "code": c, "status": "success", "causes": []} for c in codes))
    items = [{"affiliate": "MLC", "code": code} for code in reversed(codes)]

    by_filter = (await api.post("/v1/reprocess", json={"kind": "order", "filter": {}, "dry_run": True})).json()
    by_items = (await api.post("/v1/reprocess", json={"kind": "order", "items": items, "dry_run": True})).json()

    assert by_filter["skipped"] == by_items["skipped"] == {"not_failed": 120}
    assert [item["code"] for item in by_filter["skipped_items"]] == codes[:100]
    assert [item["code"] for item in by_items["skipped_items"]] == codes[::-1][:100]


async def test_a_job_tells_what_its_connectors_answered(
    app: FastAPI, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    job = (await api.post("/v1/reprocess", json=ITEMS)).json()
    documents = await seed_entries(database, ({"account": account, "code": str(number)} for number in range(4)))
    for document, state in zip(documents, ("sent", "answered", "unknown", "sent"), strict=True):
        mark = {"id": job["id"] if document["code"] != "3" else "later", "state": state}
        await database[LOG_ENTRIES].update_one({"_id": document["_id"]}, {"$set": {"reprocess": mark}})

    answer = await api.get(f"/v1/reprocess/{job['id']}")

    ReprocessStanding.model_validate_json(answer.content, strict=False)
    assert answer.json()["outcome"] == {
        "waiting": 1,
        "answered": {"success": 0, "error": 1, "warning": 0, "processing": 0},
        "unknown": 1,
    }


async def test_an_outcome_that_takes_too_long_to_count_is_null(
    app: FastAPI, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    job = (await api.post("/v1/reprocess", json=ITEMS)).json()
    mark = {"reprocess": {"id": job["id"], "state": "answered"}}
    await seed_entries(database, ({"account": account, "code": str(number)} for number in range(10_000)))
    await database[LOG_ENTRIES].update_many({}, {"$set": mark})
    object.__setattr__(app.state.services.outcomes, "_time_limit_ms", 1)

    answer = await api.get(f"/v1/reprocess/{job['id']}")

    assert (answer.status_code, answer.json()["outcome"]) == (200, None)


async def test_a_dry_run_by_the_topic_shows_as_one(api: httpx.AsyncClient, database: Database) -> None:
    job = (await api.post("/v1/reprocess", json=ITEMS)).json()
    assert (job["dry_run"], job["eligible"]) == (False, None)
    progress = {"matched": 3, "sent": 0, "skipped": {"never": 1}, "failed": 0, "dry_run": True, "eligible": 2}
    await database[REPROCESS_REQUESTS].update_one(
        {"id": job["id"]}, {"$set": {"command.dry_run": True, "progress": progress}}
    )

    shown = (await api.get(f"/v1/reprocess/{job['id']}")).json()

    assert (shown["dry_run"], shown["matched"], shown["eligible"]) == (True, 3, 2)


async def test_a_job_tells_which_items_failed_and_since_when_it_waits_and_why(
    api: httpx.AsyncClient, database: Database
) -> None:
    job = (await api.post("/v1/reprocess", json=ITEMS)).json()
    assert (job["failures"], job["stalled_since"], job["stalled_why"]) == ([], None, None)
    failure = {"affiliate": "MLC", "code": "1", "reason": "too_large", "detail": "Broker: Message size too large"}
    why = "1 of 1 messages on integration.retry.order: Broker: Unknown topic or partition"
    since = {"stalled_since": datetime(2026, 11, 23, 10, 11, 12, tzinfo=UTC), "stalled_why": why}
    progress = {"failed": 1, "failures": [failure], **since}
    await database[REPROCESS_REQUESTS].update_one({"id": job["id"]}, {"$set": {"progress": progress}})

    shown = (await api.get(f"/v1/reprocess/{job['id']}")).json()

    assert (shown["failures"], shown["stalled_since"]) == ([failure], "2026-11-23T10:11:12.000Z")
    assert shown["stalled_why"] == why


async def test_a_cancelled_job_that_nobody_began_ends_at_once(api: httpx.AsyncClient, database: Database) -> None:
    job = (await api.post("/v1/reprocess", json=ITEMS)).json()
    export = (await api.post("/v1/exports", json={"kind": "order"})).json()

    cancelled = await api.delete(f"/v1/reprocess/{job['id']}")
    again = await api.delete(f"/v1/reprocess/{job['id']}")
    await api.delete(f"/v1/exports/{export['id']}")

    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert again.json()["state"] == "cancelled"
    assert (await api.get(f"/v1/exports/{export['id']}")).json()["state"] == "cancelled"
    await database[REPROCESS_REQUESTS].update_many({}, {"$set": {"state": "done"}})
    assert (await api.delete(f"/v1/reprocess/{job['id']}")).status_code == 409
    assert (await api.delete("/v1/reprocess/absent")).status_code == 404


async def test_an_export_tells_the_kinds_whose_rows_it_holds(api: httpx.AsyncClient) -> None:
    cases: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({}, list(KINDS)),
        ({"kind": "price"}, ["price"]),
        ({"kinds": ["price", "order", "price"]}, ["price", "order"]),
        ({"filter": {"kind": ["order"]}}, ["order"]),
        ({"filter": {"kind": "order"}}, ["order"]),
        ({"kinds": ["order", "price"], "filter": {"kind": ["price"]}}, ["price"]),
    )
    for asked, kinds in cases:
        job = (await api.post("/v1/exports", json=asked)).json()
        assert job["kinds"] == kinds, asked
        assert (await api.get(f"/v1/exports/{job['id']}")).json()["kinds"] == kinds
        newest = (await api.get("/exports")).text.partition('<th scope="row">')[2].partition("·")[0]
        assert len(newest.split(",")) == len(kinds), newest


async def test_an_export_can_be_read_when_it_is_done_and_not_before(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, servers: Servers, database: Database, account: str
) -> None:
    body = {"kind": "order", "filter": {"status": ["error"]}, "format": "xlsx", "language": "en"}
    answer = await api.post("/v1/exports", json=body)
    job = answer.json()
    address = f"/v1/exports/{job['id']}"
    ExportAnswer.model_validate_json(answer.content, strict=False)
    assert (answer.status_code, job["rows"], job["rows_done"], job["file"]) == (202, None, 0, None)
    assert json.loads(await read_key(servers, EXPORTS_TOPIC, f"{account}|{job['id']}"))["filter"] == {
        "status": ["error"]
    }
    assert (await api.get(f"{address}/file")).status_code == 409

    content = bytes(range(256)) * 3000
    file_id = f"{account}|{job['id']}|token"
    await AsyncGridFSBucket(database, bucket_name=EXPORT_FILES).upload_from_stream_with_id(file_id, "x", content)
    progress = {
        "rows": 3,
        "rows_done": 3,
        "file_id": file_id,
        "file_name": 'relatório "1"\r\n.xlsx',
        "bytes": len(content),
        "sha256": "ab" * 32,
        "content_type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
    await database[EXPORTS].update_one({"id": job["id"]}, {"$set": {"state": "done", "progress": progress}})

    done = (await api.get(address)).json()
    whole = await api.get(f"{address}/file")
    part = await api.get(f"{address}/file", headers={"Range": "bytes=255-300000"})
    same = await api.get(f"{address}/file", headers={"If-None-Match": f'"{"ab" * 32}"'})
    for held in (f'W/"{"ab" * 32}"', "*", f'"other", "{"ab" * 32}"'):
        assert (await api.get(f"{address}/file", headers={"If-None-Match": held})).status_code == 304
    beyond = await api.get(f"{address}/file", headers={"Range": "bytes=99999999-"})

    assert (done["state"], done["rows"], done["rows_done"], done["file"]) == ("done", 3, 3, f"{address}/file")
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["content-length"] == str(len(content))
    assert whole.headers["etag"] == f'"{"ab" * 32}"'
    assert whole.headers["cache-control"] == "private, no-cache"
    assert "\r" not in whole.headers["content-disposition"]
    assert "filename*=UTF-8''relat%C3%B3rio" in whole.headers["content-disposition"]
    assert (part.status_code, part.content) == (206, content[255:300001])
    assert part.headers["content-range"] == f"bytes 255-300000/{len(content)}"
    assert (same.status_code, beyond.status_code) == (304, 416)
    assert (beyond.headers["content-type"], beyond.headers["content-range"]) == (PROBLEM, f"bytes */{len(content)}")
    assert beyond.json()["correlation_id"] == beyond.headers["x-request-id"]
    assert (await neighbour.get(f"{address}/file")).status_code == 404
    assert (await neighbour.get(address)).status_code == 404


async def test_a_command_is_accepted_while_kafka_is_away(app: FastAPI, api: httpx.AsyncClient) -> None:
    object.__setattr__(app.state.services, "commands", FakeCommands(available=False))

    answer = await api.post("/v1/reprocess", json=ITEMS)

    assert answer.status_code == 202
    assert (await api.get(answer.headers["location"])).json()["state"] == "queued"


async def test_counts_follow_the_filter(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_entries(
        database,
        [
            {"account": account, "code": "1", "processed_at": "2026-11-23T10:59:00Z"},
            {"account": account, "code": "2", "processed_at": "2026-11-23T11:00:00Z"},
            {"account": account, "code": "1", "kind": "price", "affiliate": "AMZ", "status": "success", "causes": []},
            {"account": "vizinha", "code": "1"},
        ],
    )

    period = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
    everything = (await api.get("/v1/summary", params=period)).json()
    orders = (await api.get("/v1/summary", params={"kind": "order", "status": "error", "lang": "es"})).json()

    assert everything["by_kind"] == {"order": {"error": 2}, "price": {"success": 1}}
    assert everything["by_affiliate"] == {"AMZ": {"success": 1}, "MLC": {"error": 2}}
    assert [(point["at"], point["by_status"]) for point in everything["series"]] == [
        ("2026-11-23T10:00:00.000Z", {"error": 1, "success": 1}),
        ("2026-11-23T11:00:00.000Z", {"error": 1}),
    ]
    assert everything["bucket"] == "hour"
    assert orders["bucket"] == "day"
    assert [(cause["code"], cause["count"]) for cause in orders["by_cause"]] == [("ORD-SLA", 2)]
    assert (await api.get("/v1/summary", params={"bucket": "hour"})).status_code == 422
    assert (await api.get("/v1/summary", params={"bucket": "week"})).status_code == 422


async def test_a_registered_marketplace_names_its_rows(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_entries(database, [{"account": account, "code": "1", "processed_at": now_text()}])

    async def name() -> str:
        return str((await api.get("/v1/logs/order")).json()["items"][0]["marketplace"])

    assert await name() == "MLC"
    saved = await api.put("/v1/integrations/MLC", json={"marketplace": "Mercado Livre"})
    assert (saved.json()["affiliate"], saved.json()["marketplace"]) == ("MLC", "Mercado Livre")
    assert await name() == "Mercado Livre"
    assert (await api.get("/v1/integrations")).json() == {"items": [saved.json()]}
    assert (await api.get("/v1/integrations/MLC")).json() == saved.json()
    assert (await api.get("/v1/integrations/AMZ")).status_code == 404

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from gridfs import AsyncGridFSBucket

from deploy.local.servers import Servers
from services.query.entrypoints.schemas.jobs import ImportAnswer, ImportRowList, ReprocessAnswer
from shared.contracts.imports import ImportRow, RowState, row_document, upload_id
from shared.contracts.names import AUDIT, EXPORTS_TOPIC, IMPORT_FILES, IMPORT_ROWS, IMPORTS, MIB, REPROCESS_TOPIC
from shared.mongo.client import Database
from tests.support.topics import read_key

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CONTENT = b"PK\x03\x04 whatever is in it: query never looks inside" + b"x" * 2 * MIB


async def bring_back(api: httpx.AsyncClient, content: bytes = CONTENT, **headers: str) -> httpx.Response:
    return await api.post("/v1/imports?name=editado.xlsx", content=content, headers={"Content-Type": XLSX, **headers})


def row(number: int, state: RowState, *, kind: str = "order") -> ImportRow:
    return ImportRow(number=number, sheet="", row=number + 1, kind=kind, affiliate="MLC", code=f"{number}", state=state)


async def finish(database: Database, account: str, job_id: str, *rows: ImportRow) -> None:
    """End a job as the exporter does."""
    preview = f"{account}|{job_id}|token"
    await database[IMPORT_ROWS].insert_many([row_document(preview, account, one) for one in rows])
    states = [one.state for one in rows]
    eligible = [one.kind for one in rows if one.state == "eligible"]
    told = {
        "file_id": preview,
        "rows": len(rows),
        "rows_done": len(rows),
        "rows_read": len(rows) + 3,
        "hidden": 2,
        "unmarked": 1,
        "counts": {state: states.count(state) for state in states},
        "eligible": {kind: eligible.count(kind) for kind in eligible},
    }
    change = {"state": "done", "progress": told, "finished_at": datetime.now(UTC)}
    await database[IMPORTS].update_one({"_id": f"{account}|{job_id}"}, {"$set": change})


async def test_a_file_is_stored_whole_and_becomes_a_job_a_message_and_a_line(
    api: httpx.AsyncClient, servers: Servers, database: Database, account: str
) -> None:
    answer = await bring_back(api)

    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/imports/{job['id']}")
    ImportAnswer.model_validate_json(answer.content, strict=False)
    assert (job["state"], job["file_name"], job["bytes"]) == ("queued", "editado.xlsx", len(CONTENT))
    assert job["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    stored = await database[IMPORTS].find_one({"_id": f"{account}|{job['id']}"})
    sent = json.loads(await read_key(servers, EXPORTS_TOPIC, f"{account}|{job['id']}"))
    assert stored is not None
    assert sent == stored["command"]
    assert (sent["operation"], sent["account"]) == ("import", account)
    stream = await AsyncGridFSBucket(database, IMPORT_FILES).open_download_stream(upload_id(account, job["id"]))
    assert await stream.read() == CONTENT
    line = await database[AUDIT].find_one({"account": account, "action": "import.requested"})
    assert line is not None
    assert line["target"] == job["id"]
    assert (await api.get(answer.headers["location"])).json() == job
    assert [one["id"] for one in (await api.get("/v1/imports")).json()["items"]] == [job["id"]]


async def test_the_same_request_under_its_key_is_the_same_job_and_another_file_is_refused(
    api: httpx.AsyncClient, database: Database
) -> None:
    first, again = [await bring_back(api, **{"Idempotency-Key": "k1"}) for _ in range(2)]
    other = await bring_back(api, b"another", **{"Idempotency-Key": "k1"})

    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    assert first.json()["id"] == again.json()["id"]
    assert await database[f"{IMPORT_FILES}.files"].count_documents({}) == 1


async def test_a_request_that_broke_off_after_its_file_is_done_again_whole(
    app: FastAPI, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    broken = app.state.services.imports.insert

    async def lost(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the process dies here")

    app.state.services.imports.insert = lost
    assert (await bring_back(api, **{"Idempotency-Key": "k1"})).status_code == 500
    app.state.services.imports.insert = broken

    answer = await bring_back(api, **{"Idempotency-Key": "k1"})

    assert answer.status_code == 202
    stream = await AsyncGridFSBucket(database, IMPORT_FILES).open_download_stream(
        upload_id(account, answer.json()["id"])
    )
    assert await stream.read() == CONTENT


async def test_what_is_no_file_is_refused_by_name_and_nothing_is_stored(
    api: httpx.AsyncClient, database: Database
) -> None:
    empty = await bring_back(api, b"")
    too_long = await api.post("/v1/imports", content=b"x" * (16 * MIB + 1), headers={"Content-Type": "text/csv"})
    as_json = await api.post("/v1/imports", json={"a": 1})
    packed = await bring_back(api, **{"Content-Encoding": "gzip"})
    named = await api.post("/v1/imports?name=a%00b", content=b"x", headers={"Content-Type": "text/csv"})
    unknown = await api.post("/v1/imports?id=1", content=b"x", headers={"Content-Type": "text/csv"})

    assert [answer.status_code for answer in (empty, too_long, as_json, packed, named, unknown)] == [
        422, 413, 415, 415, 422, 422,
    ]  # fmt: skip
    assert [answer.json()["errors"][0]["field"] for answer in (empty, named, unknown)] == ["body", "name", "id"]
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in (too_long, as_json))
    assert await database[IMPORTS].count_documents({}) == 0
    assert await database[f"{IMPORT_FILES}.files"].count_documents({}) == 0


async def test_a_long_body_is_taken_nowhere_else(api: httpx.AsyncClient) -> None:
    body = json.dumps({"kind": "order", "reason": "x" * 2 * MIB}).encode()
    headers = {"Content-Type": "application/json"}

    for path in ("/v1/exports", "/v1/imports/i1/reprocess"):
        assert (await api.post(path, content=body, headers=headers)).status_code == 413


async def test_rows_are_read_page_by_page_and_by_state(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    job = (await bring_back(api)).json()["id"]
    assert (await api.get(f"/v1/imports/{job}/rows")).status_code == 409
    states: list[RowState] = ["eligible", "not_failed", "eligible", "not_found", "eligible"]
    await finish(database, account, job, *(row(number, state) for number, state in enumerate(states, 1)))

    told = (await api.get(f"/v1/imports/{job}")).json()
    first = await api.get(f"/v1/imports/{job}/rows?limit=2")
    second = await api.get(first.links["next"]["url"])
    third = await api.get(second.links["next"]["url"])
    back = await api.get(third.links["prev"]["url"])
    some = await api.get(f"/v1/imports/{job}/rows?state=not_found&state=not_failed")

    assert (told["rows"], told["rows_read"], told["hidden"], told["unmarked"]) == (5, 8, 2, 1)
    assert told["counts"] == {"eligible": 3, "not_failed": 1, "not_found": 1}
    assert told["eligible"] == {"order": 3}
    ImportRowList.model_validate_json(first.content, strict=False)
    pages = [[one["number"] for one in page.json()["items"]] for page in (first, second, third, back, some)]
    assert pages == [[1, 2], [3, 4], [5], [3, 4], [2, 4]]
    assert (await api.get(f"/v1/imports/{job}/rows?state=fine")).status_code == 422
    foreign = {"cursor": first.json()["next_cursor"], "state": "eligible"}
    assert (await api.get(f"/v1/imports/{job}/rows", params=foreign)).status_code == 400
    unchanged = await api.get(first.url, headers={"If-None-Match": first.headers["etag"]})
    assert unchanged.status_code == 304


async def test_the_chosen_rows_are_one_reprocess_job(
    api: httpx.AsyncClient, servers: Servers, database: Database, account: str
) -> None:
    job = (await bring_back(api)).json()["id"]
    await finish(database, account, job, row(1, "eligible"), row(2, "not_failed"), row(3, "never"), row(4, "eligible"))
    path = f"/v1/imports/{job}/reprocess"

    all_of_them = await api.post(path, json={"reason": "the stock is back", "max_per_second": 5})
    some = await api.post(path, json={"numbers": [4, 3, 4]})
    twice = [await api.post(path, json={}, headers={"Idempotency-Key": "k2"}) for _ in range(2)]

    assert (all_of_them.status_code, all_of_them.headers["location"]) == (
        202,
        f"/v1/reprocess/{all_of_them.json()['id']}",
    )
    ReprocessAnswer.model_validate_json(all_of_them.content, strict=False)
    sent = json.loads(await read_key(servers, REPROCESS_TOPIC, f"{account}|{all_of_them.json()['id']}"))
    assert [item["code"] for item in sent["items"]] == ["1", "4"]
    assert (sent["kind"], sent["reason"], sent["max_per_second"]) == ("order", "the stock is back", 5)
    assert [item["code"] for item in some.json()["items"]] == ["3", "4"]
    assert len({answer.json()["id"] for answer in twice}) == 1


async def test_rows_that_cannot_be_sent_are_named(api: httpx.AsyncClient, database: Database, account: str) -> None:
    job = (await bring_back(api)).json()["id"]
    path = f"/v1/imports/{job}/reprocess"
    early = await api.post(path, json={})
    await finish(database, account, job, row(1, "eligible"), row(2, "eligible", kind="price"), row(3, "not_found"))

    several = await api.post(path, json={})
    one = await api.post(path, json={"kind": "price"})
    none = await api.post(path, json={"kind": "stock"})
    absent = await api.post(path, json={"numbers": [9]})
    refused = await api.post(path, json={"numbers": [3]})

    assert [a.status_code for a in (early, several, one, none, absent, refused)] == [409, 422, 202, 409, 422, 422]
    assert several.json()["errors"][0]["field"] == "kind"
    assert several.json()["errors"][0]["allowed"] == ["order", "price"]
    assert [item["code"] for item in one.json()["items"]] == ["2"]
    assert {a.json()["errors"][0]["field"] for a in (absent, refused)} == {"numbers"}


async def test_an_import_that_expired_or_was_cancelled_has_no_rows(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    gone, queued = [(await bring_back(api)).json()["id"] for _ in range(2)]
    await finish(database, account, gone, row(1, "eligible"))
    await database[IMPORTS].update_one({"_id": f"{account}|{gone}"}, {"$set": {"state": "expired"}})

    cancelled = await api.delete(f"/v1/imports/{queued}", params={"reason": "wrong file"})

    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert (await api.get(f"/v1/imports/{gone}/rows")).status_code == 404
    assert (await api.post(f"/v1/imports/{gone}/reprocess", json={})).status_code == 404
    assert (await api.get(f"/v1/imports/{queued}/rows")).status_code == 409


@pytest.mark.parametrize("rest", ["", "/rows"])
async def test_nobody_else_sees_it(
    api: httpx.AsyncClient,
    neighbour: httpx.AsyncClient,
    reader: httpx.AsyncClient,
    database: Database,
    account: str,
    rest: str,
) -> None:
    job = (await bring_back(api)).json()["id"]
    await finish(database, account, job, row(1, "eligible"))

    assert (await neighbour.get(f"/v1/imports/{job}{rest}")).status_code == 404
    assert (await reader.get(f"/v1/imports/{job}{rest}")).status_code == 403
    assert (await api.get(f"/v1/imports/{job}{rest}")).status_code == 200

import base64
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.servers import Servers
from services.query.entrypoints.letter_schemas import (
    LetterAnswer,
    LetterPageAnswer,
    LetterSummary,
    ReplayAnswer,
)
from shared.contracts.names import DEAD_LETTERS, REPLAY_REQUESTS, REPLAY_TOPIC
from shared.mongo.client import Database
from tests.support.letters import make_letter
from tests.support.topics import read_key


async def seed(database: Database, account: str, **told: Any) -> dict[str, Any]:
    letter = make_letter(**{"account": account, **told})
    await database[DEAD_LETTERS].insert_one(letter)
    return letter


async def test_the_list_is_filtered_paged_and_counted(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, database: Database, account: str
) -> None:
    for number in range(5):
        await seed(database, account, offset=number, seconds=number)
    await seed(database, account, offset=7, error_class="NotUtf8", value=b"\xff", state="replayed")

    first = (await api.get("/v1/dead-letters?state=open&error_class=InvalidJson&limit=2")).json()
    rest = f"/v1/dead-letters?state=open&error_class=InvalidJson&limit=2&cursor={first['next_cursor']}"
    second = (await api.get(rest)).json()
    back = (await api.get(rest.replace(first["next_cursor"], second["previous_cursor"]))).json()
    summary = (await api.get("/v1/dead-letters/summary")).json()

    LetterPageAnswer.model_validate(first)
    LetterSummary.model_validate(summary)
    assert first["total"] == {"value": 5, "relation": "exact"}
    assert [item["offset"] for item in first["items"] + second["items"]] == [4, 3, 2, 1]
    assert back["items"] == first["items"]
    assert summary["items"] == [
        {"error_class": "InvalidJson", "open": 5, "replayed": 0},
        {"error_class": "NotUtf8", "open": 0, "replayed": 1},
    ]
    assert (await neighbour.get("/v1/dead-letters")).json()["items"] == []
    assert (await neighbour.get("/v1/dead-letters/summary")).json()["items"] == []


async def test_one_letter_is_shown_whole_as_text_or_base64_and_downloaded_byte_for_byte(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, database: Database, account: str
) -> None:
    text = await seed(database, account, offset=1, value='{"não'.encode(), headers=(("trace", b"\xfe"), ("x", None)))
    binary = await seed(database, account, offset=2, value=b"\xff\x00<script>")

    shown = (await api.get(f"/v1/dead-letters/{text['_id']}")).json()
    other = (await api.get(f"/v1/dead-letters/{binary['_id']}")).json()
    raw = await api.get(f"/v1/dead-letters/{binary['_id']}/raw")

    LetterAnswer.model_validate(shown)
    assert (shown["value"], shown["value_encoding"], shown["size"]) == ('{"não', "utf-8", 6)
    assert shown["headers"] == [
        {"name": "trace", "value": base64.b64encode(b"\xfe").decode(), "encoding": "base64"},
        {"name": "x", "value": None, "encoding": None},
    ]
    assert (base64.b64decode(other["value"]), other["value_encoding"]) == (b"\xff\x00<script>", "base64")
    assert (raw.content, raw.headers["content-type"]) == (b"\xff\x00<script>", "application/octet-stream")
    assert raw.headers["content-disposition"].startswith("attachment; ")
    for path in ("", "/raw"):
        assert (await neighbour.get(f"/v1/dead-letters/{text['_id']}{path}")).status_code == 404
    assert (await neighbour.post(f"/v1/dead-letters/{text['_id']}/replay")).status_code == 404


async def test_a_replay_is_a_job_and_a_command_and_one_id_is_one_job(
    api: httpx.AsyncClient, servers: Servers, database: Database, account: str
) -> None:
    letter = await seed(database, account)
    body = {"id": "r1", "filter": {"error_class": ["InvalidJson"]}}

    accepted = await api.post("/v1/dead-letters/replay", json=body)
    again = await api.post("/v1/dead-letters/replay", json=body)
    other = await api.post("/v1/dead-letters/replay", json={**body, "filter": {}})
    one = await api.post(f"/v1/dead-letters/{letter['_id']}/replay")

    ReplayAnswer.model_validate(accepted.json())
    assert (accepted.status_code, again.status_code, other.status_code, one.status_code) == (202, 202, 409, 202)
    assert accepted.headers["location"] == "/v1/dead-letters/replays/r1"
    assert again.json()["id"] == "r1"
    assert one.json()["letters"] == [letter["_id"]]
    assert await database[REPLAY_REQUESTS].count_documents({"account": account}) == 2
    assert b'"error_class":["InvalidJson"]' in await read_key(servers, REPLAY_TOPIC, f"{account}|r1")
    assert (await api.get("/v1/dead-letters/replays/r1")).json()["state"] == "queued"
    assert (await api.delete("/v1/dead-letters/replays/r1")).json()["state"] == "cancelled"


async def test_a_dry_run_tells_how_many_and_why_not_and_changes_nothing(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, database: Database, account: str
) -> None:
    letters = [await seed(database, account, offset=1), await seed(database, account, offset=2, state="replayed")]
    letters.append(await seed(database, account, offset=3, topic="integration.replay"))
    ids = [letter["_id"] for letter in letters]

    everything = await api.post("/v1/dead-letters/replay", json={"filter": {}, "dry_run": True})
    named = {"letters": [*ids, "absent"], "dry_run": True}
    mine, foreign = [await client.post("/v1/dead-letters/replay", json=named) for client in (api, neighbour)]

    assert everything.json() == {"matched": 2, "eligible": 1, "skipped": {"not_replayable": 1}}
    assert mine.json()["skipped"] == {"not_open": 1, "not_replayable": 1, "not_found": 1}
    assert foreign.json() == {"matched": 4, "eligible": 0, "skipped": {"not_found": 4}}
    assert await database[REPLAY_REQUESTS].count_documents({}) == 0
    for identity, status in zip(ids[1:], (409, 409), strict=True):
        assert (await api.post(f"/v1/dead-letters/{identity}/replay")).status_code == status


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"letters": ["a"], "filter": {}}, "body"),
        ({"filter": {"state": "open"}}, "filter.state"),
        ({"filter": {"status": "error"}}, "filter.status"),
        ({"filter": {"from": "yesterday"}}, "filter.from"),
        ({"filter": {}, "unknown": 1}, "unknown"),
    ],
)
async def test_a_bad_replay_is_422_with_its_field(api: httpx.AsyncClient, body: Any, field: str) -> None:
    answer = await api.post("/v1/dead-letters/replay", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_bad_parameter_is_422_and_names_what_is_known(app: FastAPI, api: httpx.AsyncClient) -> None:
    unknown = await api.get("/v1/dead-letters?status=open")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "status")
    assert "error_class" in unknown.json()["errors"][0]["allowed"]
    for query in ("state=gone", "limit=0", "from=2026-11-23", "from=2026-11-23T10:00:00Z&to=2026-11-23T10:00:00Z"):
        assert (await api.get(f"/v1/dead-letters?{query}")).status_code == 422, query
    assert (await api.get("/v1/dead-letters?cursor=x")).status_code == 400
    assert (await api.get("/v1/dead-letters/absent")).status_code == 404
    schema = app.openapi()["components"]["schemas"]["ReplayBody"]
    assert schema["examples"][1]["dry_run"] is True

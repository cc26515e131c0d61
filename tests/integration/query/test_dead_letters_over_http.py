import base64
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.servers import Servers
from services.query.entrypoints.schemas.letters import (
    LetterAnswer,
    LetterPageAnswer,
    LetterSummary,
    ReplayAnswer,
)
from services.query.handlers.auditing import AuditLine
from shared.contracts.errors import StoreUnavailable
from shared.contracts.names import AUDIT, DEAD_LETTERS, REPLAY_REQUESTS, REPLAY_TOPIC
from shared.mongo.client import Database
from tests.integration.query.conftest import FIRST_KEY, client_of
from tests.support.letters import make_letter
from tests.support.lost_answers import Lame
from tests.support.seed import seed_key
from tests.support.topics import read_key


class AuditAway:
    async def record(self, line: AuditLine) -> None:
        raise StoreUnavailable(f"no place for {line.action}")


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


async def test_a_page_whose_rows_have_all_gone_leads_back_to_those_that_are_left(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    letters = [await seed(database, account, offset=number, seconds=number) for number in range(6)]

    async def page(cursor: str | None = None) -> dict[str, Any]:
        asked = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        found: dict[str, Any] = (await api.get("/v1/dead-letters", params=asked)).json()
        return {**found, "offsets": [item["offset"] for item in found["items"]]}

    first = await page()
    second = await page(first["next_cursor"])
    third = await page(second["next_cursor"])
    await database[DEAD_LETTERS].delete_many({"_id": {"$in": [letter["_id"] for letter in letters[:2] + letters[4:]]}})
    beyond_the_end = await page(second["next_cursor"])
    before_the_beginning = await page(second["previous_cursor"])

    assert (second["offsets"], third["offsets"]) == ([3, 2], [1, 0])
    for gone, ahead, back in (
        (beyond_the_end, "next_cursor", "previous_cursor"),
        (before_the_beginning, "previous_cursor", "next_cursor"),
    ):
        assert (gone["items"], gone[ahead], gone["total"]["value"]) == ([], None, 2)
        assert gone[back] is not None, back
        assert (await page(gone[back]))["offsets"] == [3, 2]


@pytest.mark.parametrize("path", ["/v1/dead-letters", "/v1/dead-letters/summary"])
@pytest.mark.parametrize(
    ("field", "value", "known"),
    [("error_class", "InvalidJsn", "InvalidJson"), ("topic", "integration.events.orders", "integration.events.order")],
)
async def test_a_class_or_topic_that_no_letter_can_have_is_refused_with_those_that_it_can(
    api: httpx.AsyncClient, path: str, field: str, value: str, known: str
) -> None:
    answer = await api.get(path, params={field: value})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["field"], known in fault["allowed"]) == (field, True)

    replayed = await api.post("/v1/dead-letters/replay", json={"filter": {field: [value]}, "dry_run": True})
    assert replayed.status_code == 422
    assert replayed.json()["errors"][0]["field"] == f"filter.{field}"
    assert (await api.get(path, params={field: ""})).status_code == 200


PERSON = b'{"buyer": {"name": "Ana Silva"}, "note": "ana@example.com", "id": 7}'
REVEAL = {"reveal": "true", "reason": "ticket 7"}


async def test_one_letter_is_shown_masked_and_what_is_not_text_is_withheld(
    reader: httpx.AsyncClient, database: Database, account: str
) -> None:
    headers = (("trace", b"\xfe"), ("x", None), ("mail", b"ana@example.com"), ("ce_id", b"e-1"))
    text = await seed(database, account, offset=1, value=PERSON, headers=headers)
    broken = await seed(database, account, offset=2, value=PERSON[:-1])
    binary = await seed(database, account, offset=3, value=b"\xff Ana Silva", key=account.encode() + b"|\xff Ana")
    told = {"error_message": "no such buyer: ana@example.com"}
    await database[DEAD_LETTERS].update_one({"_id": text["_id"]}, {"$set": told})

    shown, cut, other = [(await reader.get(f"/v1/dead-letters/{one['_id']}")).json() for one in (text, broken, binary)]
    listed = await reader.get("/v1/dead-letters")

    LetterAnswer.model_validate(shown)
    assert shown["masked"] is True
    assert (shown["value_encoding"], shown["size"]) == ("utf-8", len(PERSON))
    assert shown["value"] == '{"buyer":{"name":"A*** S***"},"note":"***@example.com","id":7}'
    assert shown["error_message"] == "no such buyer: ***@example.com"
    assert shown["headers"] == [
        {"name": "trace", "value": None, "encoding": "withheld"},
        {"name": "x", "value": None, "encoding": None},
        {"name": "mail", "value": "***@example.com", "encoding": "utf-8"},
        {"name": "ce_id", "value": "e-1", "encoding": "utf-8"},
    ]
    assert cut["value"] == '{"buyer": {"name": "A*** S***"}, "note": "a***", "id": 7'
    assert (other["value"], other["value_encoding"], other["key"]) == (None, "withheld", None)
    assert not {word for word in ("Ana", "ana@") if word in listed.text}


async def test_an_admin_with_a_reason_sees_a_letter_as_it_came_and_is_written_down(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, database: Database, account: str
) -> None:
    text = await seed(database, account, offset=1, value=PERSON, headers=(("trace", b"\xfe"),))
    binary = await seed(database, account, offset=2, value=b"\xff\x00<script>")

    shown = (await api.get(f"/v1/dead-letters/{text['_id']}", params=REVEAL)).json()
    other = (await api.get(f"/v1/dead-letters/{binary['_id']}", params=REVEAL)).json()
    raw = await api.get(f"/v1/dead-letters/{binary['_id']}/raw", params={"reason": "ticket 8"})

    LetterAnswer.model_validate(shown)
    assert (shown["masked"], shown["value"], shown["value_encoding"]) == (False, PERSON.decode(), "utf-8")
    assert shown["headers"] == [{"name": "trace", "value": base64.b64encode(b"\xfe").decode(), "encoding": "base64"}]
    assert (base64.b64decode(other["value"]), other["value_encoding"]) == (b"\xff\x00<script>", "base64")
    assert (raw.content, raw.headers["content-type"]) == (b"\xff\x00<script>", "application/octet-stream")
    assert raw.headers["content-disposition"].startswith("attachment; ")
    lines = await database[AUDIT].find({"account": account}).to_list()
    assert len(lines) == 3
    assert {(line["action"], line["target"], line["reason"]) for line in lines} == {
        ("dead_letter.revealed", text["_id"], "ticket 7"),
        ("dead_letter.revealed", binary["_id"], "ticket 7"),
        ("dead_letter.revealed", binary["_id"], "ticket 8"),
    }
    for path in ("", "/raw?reason=x", "?reveal=true&reason=x"):
        assert (await neighbour.get(f"/v1/dead-letters/{text['_id']}{path}")).status_code == 404
    assert (await neighbour.post(f"/v1/dead-letters/{text['_id']}/replay")).status_code == 404


async def test_nobody_else_and_nobody_without_a_reason_sees_a_letter_as_it_came(
    app: FastAPI, api: httpx.AsyncClient, database: Database, account: str
) -> None:
    letter = await seed(database, account, value=PERSON)
    key = await seed_key(database, account, "read", "export", "reprocess")

    async with client_of(app, key) as client:
        for path in ("?reveal=true&reason=curious", "/raw?reason=curious", "/raw"):
            assert (await client.get(f"/v1/dead-letters/{letter['_id']}{path}")).status_code == 403, path
    for path in ("?reveal=true", "?reveal=true&reason=%20", "/raw", "/raw?reason=%20", f"/raw?reason={'x' * 501}"):
        refused = await api.get(f"/v1/dead-letters/{letter['_id']}{path}")
        assert refused.status_code == 422, path
        assert [error["field"] for error in refused.json()["errors"]] == ["reason"]
    assert await database[AUDIT].count_documents({}) == 0


async def test_nothing_is_revealed_that_could_not_be_written_down(
    app: FastAPI, database: Database, account: str
) -> None:
    letter = await seed(database, account, value=PERSON)
    app.state.services = replace(app.state.services, audit=AuditAway())
    async with client_of(app, FIRST_KEY) as client:
        for path in ("?reveal=true&reason=x", "/raw?reason=x"):
            answer = await client.get(f"/v1/dead-letters/{letter['_id']}{path}")
            assert (answer.status_code, "Ana" in answer.text) == (503, False)


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


async def test_a_replay_whose_answer_was_lost_is_the_same_job_though_the_letter_was_sent_meanwhile(
    app: FastAPI, database: Database, account: str
) -> None:
    object.__setattr__(app.state.services, "replays", Lame(app.state.services.replays, "insert"))
    letter = await seed(database, account, offset=1)
    address, under = f"/v1/dead-letters/{letter['_id']}/replay", {"Idempotency-Key": "monday"}
    async with client_of(app, FIRST_KEY) as client:
        lost = await client.post(address, headers=under)
        await database[DEAD_LETTERS].update_one({"_id": letter["_id"]}, {"$set": {"state": "replayed"}})
        told = await client.post(address, headers=under)
        other = await client.post(address, headers={"Idempotency-Key": "tuesday"})

    assert (lost.status_code, told.status_code, other.status_code) == (503, 202, 409)
    (job,) = await database[REPLAY_REQUESTS].find({"account": account}).to_list()
    assert told.json()["id"] == job["id"]


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

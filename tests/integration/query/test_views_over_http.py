from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.query.adapters.log.mongo_entry_walk import LONGEST_REMEMBERED
from services.query.adapters.log.mongo_log_reader import MongoLogReader
from services.query.entrypoints.schemas.diff import DiffAnswer
from services.query.entrypoints.schemas.entries import AttemptPageAnswer, EntryAnswer, EntryItem, PartialPage
from shared.contracts.errors import TooBroad
from shared.contracts.names import LOG_ENTRIES
from shared.contracts.times import format_instant
from shared.mongo.client import Database
from tests.support.builders import make_event
from tests.support.seed import seed_entries, seed_entry

ENTRY = "/v1/logs/order/MLC/2000004567"


async def codes(api: httpx.AsyncClient, **asked: Any) -> list[str]:
    answer = await api.get("/v1/logs/order", params=asked)
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


async def test_a_list_is_sorted_by_code_and_by_attempts(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    for code, affiliate, attempts in [("b", "MLC", 1), ("a", "SHP", 3), ("c", "AMZ", 2), ("d", "MLC", 1)]:
        await seed_entry(database, make_event(account=account, code=code, affiliate=affiliate), attempts=attempts)

    assert await codes(api, sort="code") == ["a", "b", "c", "d"]
    assert await codes(api, sort="-code") == ["d", "c", "b", "a"]
    assert (await codes(api, sort="-attempts"))[:2] == ["a", "c"]
    assert await codes(api, sort="-attempts", attempts_min=2) == ["a", "c"]
    assert (await codes(api, sort="attempts"))[2:] == ["c", "a"]


async def test_only_the_fields_asked_for_are_told(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_entries(database, [{"account": account}])
    for asked in ({"fields": "status,code"}, {"fields": ["code", "status"]}):
        answer = await api.get("/v1/logs/order", params=asked)
        assert answer.headers["content-type"] == "application/vnd.ponte.partial+json"
        PartialPage.model_validate_json(answer.content)
        assert answer.json()["items"] == [{"code": "2000004567", "status": "error"}]
    refused = (await api.get("/v1/logs/order", params={"fields": "colour"})).json()
    assert refused["errors"][0]["allowed"] == list(EntryItem.model_fields)
    assert "marketplace" in (await api.get("/v1/logs/order", params={"fields": ""})).json()["items"][0]


async def test_links_lead_to_the_pages_before_and_after(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    await seed_entries(database, [{"account": account, "code": f"{n} & +é"} for n in range(5)])
    assert await codes(api, q="3 & +É") == ["3 & +é"]
    first = await api.get("/v1/logs/order", params={"limit": 2, "status": "error", "sort": "code", "lang": "en"})
    second = await api.get(first.links["next"]["url"])
    third = await api.get(second.links["next"]["url"])

    assert "prev" not in first.links
    assert "next" not in third.links
    assert [item["code"][0] for page in (first, second, third) for item in page.json()["items"]] == list("01234")
    assert (await api.get(second.links["prev"]["url"])).json()["items"] == first.json()["items"]


async def test_links_of_a_history_keep_the_code_as_it_was_written(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    events = [make_event(account=account, code="a/b ç+%", processed_at=f"2026-11-23T10:00:0{n}Z") for n in range(3)]
    await seed_entry(database, *events)
    page = await api.get("/v1/logs/order/MLC/a%2Fb%20%C3%A7%2B%25/attempts", params={"limit": 2})
    rest = await api.get(page.links["next"]["url"])
    assert (len(page.json()["items"]), len(rest.json()["items"])) == (2, 1)


@pytest.mark.parametrize("address", ["/v1/logs/order", ENTRY, f"{ENTRY}/attempts", f"{ENTRY}/diff"])
async def test_an_answer_that_has_not_changed_is_not_sent_again(
    api: httpx.AsyncClient, database: Database, account: str, address: str
) -> None:
    await seed_entry(database, make_event(account=account))
    first = await api.get(address, params={"lang": "pt"})
    etag = first.headers["etag"]

    for held in (etag, f'"other", {etag}', "*", etag.removeprefix("W/")):
        again = await api.get(address, params={"lang": "pt"}, headers={"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == first.headers["cache-control"] == "private, no-cache"
        assert {"authorization", "accept-language"} <= set(again.headers["vary"].lower().split(", "))
    other = await api.get(address, params={"lang": "en"}, headers={"If-None-Match": etag})
    assert (other.status_code, other.headers["etag"] != etag) == (200, True)

    change = {"$set": {"state.status": "warning", "state.causes.0.message": "another"}}
    await database[LOG_ENTRIES].update_one({"_id": f"{account}|order|MLC|2000004567"}, change)
    changed = await api.get(address, params={"lang": "pt"}, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_a_list_shows_every_change_of_a_row_that_it_showed_before(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    identity = {"_id": f"{account}|order|MLC|2000004567"}
    await seed_entry(
        database, make_event(account=account, causes=[{"code": "ORD-SLA", "message": "ask ana@example.com"}])
    )

    async def row(**asked: str) -> dict[str, Any]:
        (found,) = (await api.get("/v1/logs/order", params={"lang": "pt", **asked})).json()["items"]
        return dict(found)

    first = await row()
    assert await row() == first
    assert first["causes"][0]["message"] == "ask ***@example.com"
    assert (await row(lang="en"))["causes"][0]["guidance"] != first["causes"][0]["guidance"]
    assert await row(fields="code") == {"code": "2000004567"}

    await database[LOG_ENTRIES].update_one(identity, {"$set": {"reprocess": {"id": "j", "state": "claimed"}}})
    assert (await row())["reprocess"] == {"id": "j", "state": "claimed"}
    await database[LOG_ENTRIES].update_one(identity, {"$unset": {"reprocess": ""}})
    assert await row() == first
    assert (await api.put("/v1/integrations/MLC", json={"marketplace": "Livre"})).status_code == 201
    named = await row()
    assert (named["marketplace"], named["registered"], first["registered"]) == ("Livre", True, False)

    revealed = (await api.get(ENTRY, params={"reveal": "true", "reason": "ticket 7"})).json()
    assert revealed["causes"][0]["message"] == "ask ana@example.com"
    assert (await row())["causes"][0]["message"] == "ask ***@example.com"


async def test_a_row_too_long_to_be_remembered_is_shown_whole(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    message = "x" * (LONGEST_REMEMBERED + 1)
    await seed_entry(database, make_event(account=account, causes=[{"code": "ORD-SLA", "message": message}]))
    for _ in range(2):
        (found,) = (await api.get("/v1/logs/order")).json()["items"]
        assert found["causes"][0]["message"] == message


async def test_a_cause_has_the_same_group_in_the_entry_its_history_and_its_comparison(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    told = [("success", []), ("error", [{"code": "ORD-SLA", "message": "No sla for ana@example.com"}])]
    events = [
        make_event(account=account, status=status, causes=causes, processed_at=f"2026-11-23T10:00:0{n}Z")
        for n, (status, causes) in enumerate(told)
    ]
    await seed_entry(database, *events)

    for asked in ({}, {"reveal": "true", "reason": "ticket 7"}):
        entry = (await api.get(ENTRY, params=asked)).json()
        newest, _ = (await api.get(f"{ENTRY}/attempts", params=asked)).json()["items"]
        diff = (await api.get(f"{ENTRY}/diff", params=asked)).json()
        group = entry["causes"][0]["group"]
        assert group
        assert newest["causes"][0]["group"] == diff["causes"]["after"][0]["group"] == group
        assert await codes(api, group=group) == ["2000004567"]


async def test_what_was_revealed_is_kept_by_nobody(api: httpx.AsyncClient, database: Database, account: str) -> None:
    await seed_entry(database, make_event(account=account, payload={"email": "ana@example.com"}))
    masked = await api.get(ENTRY)
    for page in ("", "/attempts", "/diff"):
        asked = {"reveal": "true", "reason": "ticket 7"}
        shown = await api.get(f"{ENTRY}{page}", params=asked, headers={"If-None-Match": masked.headers["etag"]})
        assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
        assert "etag" not in shown.headers
    assert "ana@" not in masked.text
    lines = await database["audit"].find({"account": account}).to_list()
    assert len([line for line in lines if line["reason"] == "ticket 7"]) == 3


async def test_attempts_tell_their_evidence_masked(api: httpx.AsyncClient, database: Database, account: str) -> None:
    evidence = {"request": {"email": "ana@example.com", "sku": "7"}, "response": {"status": 400}}
    cause = {"code": "ORD-SLA", "message": "No available sla", "evidence": evidence}
    await seed_entry(database, make_event(account=account, causes=[cause, {"code": "X", "message": "plain"}]))

    answer = await api.get(f"{ENTRY}/attempts")
    entry = await api.get(ENTRY)

    AttemptPageAnswer.model_validate_json(answer.content, strict=False)
    told, plain = answer.json()["items"][0]["causes"]
    assert told["evidence"]["response"] == {"status": 400}
    assert told["evidence"]["request"]["sku"] == "7"
    assert "ana@" not in answer.text
    assert plain["evidence"] is None
    EntryAnswer.model_validate_json(entry.content, strict=False)
    assert entry.json()["next_retry_at"] is None


async def test_an_entry_tells_when_it_is_tried_again_by_itself(
    api: httpx.AsyncClient, database: Database, account: str
) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    down = [{"code": "NET-DOWN", "message": "502 Bad Gateway"}]
    event = make_event(account=account, causes=down, processed_at=at.isoformat(), received_at=at)
    await seed_entry(database, event)

    told = (await api.get(ENTRY)).json()["next_retry_at"]

    assert told == format_instant(at + timedelta(minutes=1))


async def test_a_diff_tells_what_changed_since_it_last_worked(
    api: httpx.AsyncClient, neighbour: httpx.AsyncClient, database: Database, account: str
) -> None:
    at = "2026-11-23T10:00:0{}Z".format
    good = {"price": 10, "buyer": {"name": "Ana Souza"}, "$items": [{"a.b": 1}]}
    bad = {"price": 11, "buyer": {"name": "Bia Lima"}, "$items": [{"a.b": 1}, {}]}
    await seed_entry(
        database,
        make_event(account=account, processed_at=at(0), status="success", causes=[], payload=good),
        make_event(account=account, processed_at=at(1), payload=bad),
    )

    answer = await api.get(f"{ENTRY}/diff", params={"lang": "en"})

    DiffAnswer.model_validate_json(answer.content, strict=False)
    found = answer.json()
    assert (found["basis"], found["status"]) == ("attempt", {"before": "success", "after": "error"})
    assert found["last_success_at"] == found["last_success"]["processed_at"] == "2026-11-23T10:00:00.000Z"
    assert found["causes"]["before"] == []
    assert found["causes"]["after"][0]["code"] == "ORD-SLA"
    assert found["payload"]["comparable"]
    assert [(change["path"], change["change"]) for change in found["payload"]["changes"]] == [
        ("/price", "changed"),
        ("/buyer/name", "changed"),
        ("/$items/1", "added"),
    ]
    assert "Souza" not in answer.text
    assert "Lima" not in answer.text
    assert (await neighbour.get(f"{ENTRY}/diff")).status_code == 404


async def test_a_question_that_takes_too_long_is_told_what_to_narrow(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def give_up(*_: object, **__: object) -> None:
        raise TooBroad("the answer takes longer than 5 s; narrow the question by `affiliate`")

    monkeypatch.setattr(MongoLogReader, "list_entries", give_up)
    answer = await api.get("/v1/logs/order")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"]
    assert "narrow the question by `affiliate`" in answer.json()["detail"]

"""From records as publishers write them to what the API answers: ids, order, and both clocks."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.handlers.ingesting import Ingest
from services.query.entrypoints.schemas.entries import EntryAnswer
from shared.contracts.events import CONNECTOR_LOG_TYPE, ITEM_CHANGED_TYPE, ORDER_RESULT_TYPE
from shared.mongo.client import Database
from tests.support.builders import RECEIVED_AT, make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters

IDS = {
    "ean": "7891000100103",
    "ref_id": "REF-é/37",
    "shipment_id": "44215551212",
    "marketplace_order_id": "ML.2000004567",
    "vtex_order_id": "MLC-2000004567",
    "pack_id": "2000009$1",
}
ORDER = "/v1/logs/order/MLC/2000004567"


class Publisher:
    """Messages → ingest on the real store, one record after the other."""

    def __init__(self, database: Database, account: str) -> None:
        self.account = account
        self.dead_letters = MemoryDeadLetters()
        self._ingest = Ingest(MongoLogStore(database), self.dead_letters)
        self._offsets = count()

    async def __call__(self, message: dict[str, Any], *, topic: str = "order", **record: Any) -> None:
        value = json.dumps(message).encode()
        record = {"topic": f"integration.events.{topic}", "offset": next(self._offsets), **record}
        await self._ingest.handle([make_record(value, **record)])
        assert self.dead_letters.letters == []

    async def event(self, **changes: Any) -> None:
        await self(make_cloudevent(account=self.account, **changes), topic=changes.get("kind", "order"))


@pytest.fixture
def publish(database: Database, account: str) -> Publisher:
    return Publisher(database, account)


async def found(api: httpx.AsyncClient, text: str, kind: str = "order") -> list[str]:
    answer = await api.get(f"/v1/logs/{kind}", params={"q": text})
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


@pytest.mark.parametrize("name", IDS)
async def test_an_item_is_found_by_each_of_its_ids_whole_or_by_its_beginning(
    api: httpx.AsyncClient, publish: Publisher, name: str
) -> None:
    await publish.event(code="mine", aliases=IDS)
    await publish.event(code="other", aliases={key: f"0{value}" for key, value in IDS.items()})

    for text in (IDS[name], IDS[name].upper(), IDS[name][:-1], IDS[name][:7]):
        assert await found(api, text) == ["mine"], text
    item = (await api.get("/v1/logs/order/MLC/mine")).json()
    assert item["aliases"] == IDS


async def test_the_ids_that_foreign_shapes_carry_are_found_too(
    api: httpx.AsyncClient, publish: Publisher, account: str
) -> None:
    def envelope(kind: str, data: Any) -> dict[str, Any]:
        return {"specversion": "1.0", "id": kind, "source": "/x", "type": kind, "data": data}

    result = {"accountName": account, "code": "EOI003", "message": "", "marketplaceOrderId": "55"}
    await publish(
        envelope(ORDER_RESULT_TYPE, {**result, "fields": {"mainOrderId": "MKP-55", "franchiseOrderId": "F9"}})
    )
    notice = {"IdSku": "37", "An": account, "IdAffiliate": "MLC", "DateModified": "2026-11-20T00:00:00.1234567Z"}
    flags = {"StockModified": True, "PriceModified": True}
    await publish(envelope(ITEM_CHANGED_TYPE, {**notice, **flags, "ProductId": 24, "Ean": "789"}), topic="product")
    log = {"Status": "success", "ContentSource": {"a": 1}}
    await publish(envelope(CONNECTOR_LOG_TYPE, log), topic="tracking", key=f"{account}|tracking|MLC|T1".encode())

    assert await found(api, "MKP-5") == await found(api, "f9") == ["55"]
    assert await found(api, "78", "stock") == await found(api, "24", "price") == ["37"]
    assert await found(api, "t1", "tracking") == ["T1"]
    assert await found(api, "37", "product") == []
    stock = (await api.get("/v1/logs/stock/MLC/37")).json()
    assert (stock["status"], stock["attempts"], stock["processed_at"]) == ("processing", 1, "2026-11-20T00:00:00.123Z")


async def test_a_late_result_overwrites_success_with_error_and_back_and_success_clears_the_error(
    api: httpx.AsyncClient, publish: Publisher
) -> None:
    def at(second: int) -> str:
        return f"2026-11-23T10:00:0{second}Z"

    async def stands() -> tuple[Any, ...]:
        entry = (await api.get(ORDER)).json()
        return entry["status"], len(entry["causes"]), entry["error_streak"], entry["attempts"]

    await publish.event(status="success", causes=[], processed_at=at(2))
    assert await stands() == ("success", 0, 0, 1)
    await publish.event(processed_at=at(1))  # older: history only
    assert await stands() == ("success", 0, 0, 2)
    await publish.event(processed_at=at(4))
    assert await stands() == ("error", 1, 1, 3)
    await publish.event(processed_at=at(3))  # late, and between the two
    assert await stands() == ("error", 1, 2, 4)
    entry = (await api.get(ORDER)).json()
    EntryAnswer.model_validate_json(json.dumps(entry), strict=False)
    assert (entry["failing_since"], entry["last_success_at"]) == (f"{at(3)[:-1]}.000Z", f"{at(2)[:-1]}.000Z")
    await publish.event(status="success", causes=[], processed_at=at(5))
    assert await stands() == ("success", 0, 0, 5)
    entry = (await api.get(ORDER)).json()
    assert (entry["failing_since"], entry["first_seen_at"]) == (None, f"{at(1)[:-1]}.000Z")


async def test_a_clock_a_day_ahead_neither_hides_what_comes_after_nor_loses_what_it_said(
    api: httpx.AsyncClient, publish: Publisher
) -> None:
    ahead = "2026-11-24T10:11:13.000Z"
    await publish.event(processed_at=ahead)
    entry = (await api.get(ORDER)).json()
    assert (entry["processed_at"], entry["received_at"]) == (ahead, "2026-11-23T10:11:13.000Z")
    assert entry["first_seen_at"] == "2026-11-23T10:11:13.000Z"

    later = make_cloudevent(account=publish.account, status="success", causes=[], processed_at="2026-11-23T10:11:14Z")
    await publish(later, timestamp=RECEIVED_AT + timedelta(seconds=2))

    entry = (await api.get(ORDER)).json()
    assert (entry["status"], entry["processed_at"]) == ("success", "2026-11-23T10:11:14.000Z")
    assert entry["last_success_at"] == "2026-11-23T10:11:14.000Z"
    history = (await api.get(f"{ORDER}/attempts")).json()["items"]
    assert [attempt["status"] for attempt in history] == ["success", "error"]
    assert history[1]["processed_at"] == ahead

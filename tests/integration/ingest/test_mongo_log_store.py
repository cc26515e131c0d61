"""The real store on the real MongoDB."""

from typing import Any

import pytest

from services.ingest.adapters import mongo_log_store
from services.ingest.adapters.mongo_log_store import MongoLogStore
from services.ingest.core.fold import PastDelivery
from services.ingest.core.plan import Unordered
from services.ingest.handlers.ports import Answer
from shared.mongo.client import Database
from tests.contract.log_store_suite import Documents, LogStoreSuite, delivered, write
from tests.contract.long_history_suite import LongHistorySuite
from tests.support.builders import RECEIVED_AT, make_event


@pytest.fixture
def store(database: Database) -> MongoLogStore:
    return MongoLogStore(database)


@pytest.fixture
def documents(database: Database) -> Documents:
    async def read(collection: str) -> dict[str, dict[str, Any]]:
        return {document["_id"]: document async for document in database[collection].find()}

    return read


class TestLongHistoriesInMongoDB(LongHistorySuite):
    async def test_a_history_is_put_in_order_a_stretch_after_the_other(
        self, store: MongoLogStore, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mongo_log_store, "STRETCH", 2)
        for kept in (4, 5):
            events = [make_event(code=str(kept)) for _ in range(kept)]
            await store.store_attempts([PastDelivery(delivered(event, n)) for n, event in enumerate(events)])
            await database.attempts.update_one({"_id": events[1].attempt_id}, {"$set": {"entry": events[1].entry_id}})

            await store.put_in_order([Unordered(events[0].entry_id)])

            assert await database.attempts.count_documents({"entry": events[0].entry_id}) == kept


class TestMongoLogStore(LogStoreSuite):
    @pytest.fixture
    def narrow(self, database: Database) -> MongoLogStore:
        return MongoLogStore(database, held_bytes=1)

    async def test_an_answer_ends_the_wait_of_its_job(self, store: MongoLogStore, database: Database) -> None:
        event, other = make_event(), make_event(code="other")
        await write(store, delivered(event, 1), delivered(other, 2))
        await database.log_entries.update_many({}, {"$set": {"reprocess": {"id": "job-1", "state": "sent"}}})

        await store.mark_answered([Answer(event.entry_id, "job-1", RECEIVED_AT)])
        await store.mark_answered([Answer(other.entry_id, "job-0", RECEIVED_AT)])

        marks = {entry["_id"]: entry["reprocess"] async for entry in database.log_entries.find()}
        assert marks == {
            event.entry_id: {"id": "job-1", "state": "answered", "answered_at": RECEIVED_AT},
            other.entry_id: {"id": "job-1", "state": "sent"},
        }

    async def test_what_the_driver_would_take_for_a_reference_stays_an_object(
        self, store: MongoLogStore, database: Database
    ) -> None:
        reference = {"$ref": "orders", "$id": "5"}
        cause = {
            "code": "X",
            "message": "m",
            "field": None,
            "evidence": {"request": [reference], "response": {"$ref": 1}},
        }
        event = make_event(causes=[cause | reference, cause | {"more": reference}])
        later = make_event(causes=[], status="success", sequence=2, id="later")
        await write(store, delivered(event, 1))
        await write(store, delivered(later, 2))

        (attempt,) = await database.attempts.find().to_list()

        kept = {"$ref ": "orders", "$id": "5"}
        first, second = attempt["causes"]
        assert {name: first[name] for name in kept} == second["more"] == kept
        assert second["evidence"] == {"request": [kept], "response": {"$ref": 1}}

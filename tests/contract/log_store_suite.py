"""What every LogStore promises ingest. Subclass it with a fixture `store` and one `documents`."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.ingest.core.fold import Delivery
from services.ingest.core.plan import PlannedAttempt, plan_attempts, plan_entries
from services.ingest.handlers.ports import Answer, LogStore
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.support.builders import RECEIVED_AT, make_event

Documents = Callable[[str], Awaitable[dict[str, dict[str, Any]]]]
TOPIC = "integration.events.order"


def delivered(event: IntegrationEvent, offset: int, partition: int = 0, topic: str = TOPIC) -> Delivery:
    return Delivery(event, Address(topic, partition, offset))


async def write(store: LogStore, *deliveries: Delivery) -> frozenset[tuple[str, str]]:
    return (await store.write_entries(plan_entries(deliveries))).conflicts


class LogStoreSuite:
    async def entry(self, documents: Documents) -> dict[str, Any]:
        (found,) = (await documents("log_entries")).values()
        return found

    async def test_an_attempt_that_is_there_stays_as_it_is(self, store: LogStore, documents: Documents) -> None:
        first, other = make_event(id="1"), make_event(id="2")
        await store.record_attempts(plan_attempts([delivered(first, 3)]))

        again = await store.record_attempts(plan_attempts([delivered(first, 9), delivered(other, 10)]))

        assert again.present == {first.attempt_id}
        addresses = await store.find_addresses([first.attempt_id, other.attempt_id, "absent"])
        assert addresses == {first.attempt_id: Address(TOPIC, 0, 3), other.attempt_id: Address(TOPIC, 0, 10)}
        assert len(await documents("attempts")) == 2

    async def test_an_attempt_that_cannot_be_encoded_harms_no_other(
        self, store: LogStore, documents: Documents
    ) -> None:
        bad, good = make_event(id="1"), make_event(id="2")
        (planned,) = plan_attempts([delivered(bad, 1)])
        broken = [
            PlannedAttempt(f"{planned.id}{n}", {**planned.document, "_id": f"{planned.id}{n}", "payload": payload}, ())
            for n, payload in enumerate([2**64, {"\x00": 1}, "\ud800", _nested(5000)])
        ]

        recorded = await store.record_attempts([*broken, *plan_attempts([delivered(good, 2)])])

        assert set(recorded.unstorable) == {attempt.id for attempt in broken}
        assert set(await documents("attempts")) == {good.attempt_id}

    async def test_forgotten_attempts_are_gone(self, store: LogStore, documents: Documents) -> None:
        event = make_event()
        await store.record_attempts(plan_attempts([delivered(event, 1)]))

        await store.forget_attempts([event.attempt_id, "absent"])

        assert await documents("attempts") == {}

    async def test_the_first_update_creates_the_entry(self, store: LogStore, documents: Documents) -> None:
        event = make_event(status="success", causes=[])

        assert await write(store, delivered(event, 7)) == frozenset()

        entry = await self.entry(documents)
        assert entry["_id"] == event.entry_id
        assert (entry["account"], entry["kind"], entry["affiliate"], entry["code"]) == tuple(event.entry_id.split("|"))
        assert entry["state"]["status"] == "success"
        assert entry["state"]["version"] == list(event.version)
        assert entry["last_success_at"] == entry["first_seen_at"] == event.order_at
        assert (entry["attempts"], entry["applied"]) == (1, {"0": 7})
        assert entry["aliases"] == {"vtex_order_id": [event.version[0], "MLC-2000004567"]}
        assert entry["ids"] == ["2000004567", "mlc-2000004567"]

    @pytest.mark.parametrize(
        ("older", "newer"),
        [
            ({"processed_at": "2026-11-23T10:11:12Z"}, {"processed_at": "2026-11-23T10:11:12.0000001Z"}),
            ({"sequence": None}, {"sequence": 0}),
            ({"sequence": 2**31 - 1}, {"sequence": 2**31}),
            ({"sequence": 2**31}, {"sequence": 2**62}),
            ({"sequence": 9}, {"sequence": 10}),
            ({"source": "/a"}, {"source": "/b"}),
            ({"source": "/Z"}, {"source": "/é"}),
            ({"source": "/\uffee"}, {"source": "/\U0001f600"}),
            ({"source": "/a"}, {"source": "/a\x00"}),
            ({"id": "x1"}, {"id": "x2"}),
            ({"id": "x"}, {"id": "xx"}),
            ({"id": "Ω"}, {"id": "😀"}),
        ],
    )
    @pytest.mark.parametrize("first", ["older", "newer"])
    async def test_the_newest_version_is_the_state_whatever_came_first(
        self,
        store: LogStore,
        documents: Documents,
        older: dict[str, Any],
        newer: dict[str, Any],
        first: str,
    ) -> None:
        # The older payload sorts after the newer one, so that only the version can decide.
        old = make_event(**{"id": "e", "payload": {"z": 2}, **older})
        new = make_event(**{"id": "e", "payload": {"a": 1}, **newer})
        assert old.version < new.version

        for offset, event in enumerate([new, old] if first == "newer" else [old, new]):
            await write(store, delivered(event, offset))

        entry = await self.entry(documents)
        assert entry["state"]["payload"] == {"a": 1}
        assert entry["attempts"] == 2

    async def test_the_guard_lets_no_offset_count_twice(self, store: LogStore, documents: Documents) -> None:
        one, two, three = (make_event(id=str(n)) for n in range(3))
        await write(store, delivered(one, 5), delivered(two, 6))
        before = await self.entry(documents)

        conflicts = await write(store, delivered(two, 6), delivered(three, 7))

        assert conflicts == {(one.entry_id, "0")}
        assert await self.entry(documents) == before
        assert await store.find_applied([one.entry_id, "absent"]) == {one.entry_id: {"0": 6}}
        assert await write(store, delivered(three, 7)) == frozenset()
        assert (await self.entry(documents))["attempts"] == 3

    async def test_partitions_count_apart(self, store: LogStore, documents: Documents) -> None:
        one, two = make_event(id="1"), make_event(id="2")

        assert await write(store, delivered(one, 5, partition=0), delivered(two, 5, partition=11)) == frozenset()

        entry = await self.entry(documents)
        assert (entry["attempts"], entry["applied"]) == (2, {"0": 5, "11": 5})

    async def test_offsets_of_another_kinds_topic_count_apart(self, store: LogStore, documents: Documents) -> None:
        one, two, three = (make_event(id=str(n)) for n in range(3))
        elsewhere = "integration.events.product"

        await write(store, delivered(one, 900), delivered(two, 3, topic=elsewhere))
        assert await write(store, delivered(two, 3, topic=elsewhere)) == {(one.entry_id, "product:0")}
        assert await write(store, delivered(three, 4, topic="other.$topic")) == frozenset()

        entry = await self.entry(documents)
        assert entry["attempts"] == 3
        assert entry["applied"] == {"0": 900, "product:0": 3, "other%2E%24topic:0": 4}
        assert await store.find_applied([one.entry_id]) == {one.entry_id: entry["applied"]}

    async def test_merging_without_counting_changes_what_is_said_and_no_count(
        self, store: LogStore, documents: Documents
    ) -> None:
        old = make_event(id="1", status="success", causes=[], processed_at="2026-11-23T10:00:00Z")
        new = make_event(id="2", processed_at="2026-11-23T10:00:01Z")
        await write(store, delivered(old, 900))

        await store.write_entries(plan_entries([delivered(new, 3)], counted=False))
        await store.write_entries(plan_entries([delivered(make_event(code="absent"), 3)], counted=False))

        entry = await self.entry(documents)
        assert (entry["state"]["status"], entry["attempts"], entry["applied"]) == ("error", 1, {"0": 900})
        assert entry["last_success_at"] == old.order_at

    async def test_each_alias_keeps_its_newest_value_and_every_id_stays_findable(
        self, store: LogStore, documents: Documents
    ) -> None:
        names = {"a.b": "1", "$x": "2", "%2E": "3", "": "nameless", "none": None}
        new = make_event(id="1", processed_at="2026-11-23T10:00:02Z", aliases={**names, "shipment": "NEW"})
        old = make_event(id="2", processed_at="2026-11-23T10:00:01Z", aliases={"shipment": "OLD"})

        await write(store, delivered(new, 1))
        await write(store, delivered(old, 2))

        entry = await self.entry(documents)
        assert {name: value for name, (_, value) in entry["aliases"].items()} == {
            "a%2Eb": "1",
            "%24x": "2",
            "%252E": "3",
            "shipment": "NEW",
        }
        assert set(entry["ids"]) == {"2000004567", "1", "2", "3", "new", "old", "nameless"}

    async def test_first_seen_is_the_earliest_and_last_success_the_latest(
        self, store: LogStore, documents: Documents
    ) -> None:
        at = {n: f"2026-11-23T10:00:0{n}.123456Z" for n in range(4)}
        events = [
            make_event(id="2", processed_at=at[2]),
            make_event(id="3", processed_at=at[3], status="success", causes=[]),
            make_event(id="0", processed_at=at[0]),
            make_event(id="1", processed_at=at[1], status="success", causes=[]),
        ]

        for offset, event in enumerate(events):
            await write(store, delivered(event, offset))

        entry = await self.entry(documents)
        cut = timedelta(microseconds=456)
        assert entry["first_seen_at"] == events[2].order_at - cut
        assert entry["last_success_at"] == events[1].order_at - cut

    @pytest.mark.parametrize(
        "payload",
        [
            {"$where": "sleep(1)", "$function": {"body": "x", "args": [], "lang": "js"}},
            {"a.b": 1, "$inc": {"attempts": 5}, "": 0},
            ["$account", "$$ROOT", None, 2**63 - 1, -(2**63), 1.5, True],
            "text with \x00, \x1f and 😀",
            {"$literal": {"$ref": "log_entries"}},
        ],
    )
    async def test_a_payload_is_stored_as_it_is_and_never_evaluated(
        self, store: LogStore, documents: Documents, payload: Any
    ) -> None:
        event = make_event(payload=payload)

        await store.record_attempts(plan_attempts([delivered(event, 1)]))
        await write(store, delivered(event, 1))

        (attempt,) = (await documents("attempts")).values()
        assert attempt["payload"] == payload
        assert (await self.entry(documents))["state"]["payload"] == payload

    async def test_an_answer_marks_only_its_own_job(self, store: LogStore, documents: Documents) -> None:
        event = make_event()
        await write(store, delivered(event, 1))
        answered = [Answer(event.entry_id, "job-1", RECEIVED_AT), Answer("absent", "job-1", RECEIVED_AT)]

        await store.mark_answered(answered)

        assert "reprocess" not in await self.entry(documents)
        assert len(await documents("log_entries")) == 1


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value

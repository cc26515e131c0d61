"""What every LogStore promises ingest. Subclass it with a fixture `store` and one `documents`."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.ingest.core.fold import Delivery, PastDelivery, PastState, new_entry
from services.ingest.core.plan import Change, by_entry, plan
from services.ingest.handlers.ports import Answer, AttemptsStored, LogStore
from services.ingest.handlers.writing import Tally, for_ever
from services.ingest.handlers.writing import write as write_deliveries
from shared.contracts.entries import attempt_from_document, entry_from_document, state_document
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.ingest_shop import whole_history

Documents = Callable[[str], Awaitable[dict[str, dict[str, Any]]]]
TOPIC = "integration.events.order"
BROKEN = [2**64, {"\x00": 1}, "\ud800"]


def delivered(event: IntegrationEvent, offset: int, partition: int = 0, topic: str = TOPIC) -> Delivery:
    return Delivery(event, Address(topic, partition, offset))


def attempt(event: IntegrationEvent, offset: int) -> PastDelivery:
    return PastDelivery(delivered(event, offset))


def attempt_of(event: IntegrationEvent, *, is_long: bool = False) -> PastState:
    """Return the attempt of the state that the event was."""
    return PastState(event.entry_id, state_document(event), is_long=is_long)


async def write(store: LogStore, *deliveries: Delivery) -> Tally:
    return await write_deliveries(store, deliveries, for_ever())


async def planned(store: LogStore, *deliveries: Delivery) -> list[Change]:
    told = by_entry(deliveries)
    return list(plan(told, (await store.find_entries(list(told))).held, {}, for_ever()))


class LogStoreSuite:
    """`narrow` is a store, on the same documents as `store`, that holds no more than one entry at a time, or one stretch of them."""

    async def entry(self, documents: Documents) -> dict[str, Any]:
        (found,) = (await documents("log_entries")).values()
        return found

    async def test_an_attempt_that_is_there_stays_as_it_is(self, store: LogStore, documents: Documents) -> None:
        first, other = make_event(id="1"), make_event(id="2")
        assert await store.store_attempts([attempt(first, 3)]) == AttemptsStored()

        again = await store.store_attempts([attempt(first, 9), attempt(other, 10)])

        assert again == AttemptsStored(present=frozenset({first.attempt_id}))

        addresses = await store.find_attempts([first.attempt_id, other.attempt_id, "absent"])
        assert addresses == {first.attempt_id: Address(TOPIC, 0, 3), other.attempt_id: Address(TOPIC, 0, 10)}
        assert len(await documents("attempts")) == 2

    async def test_an_attempt_that_was_a_state_has_no_address_any_more(self, store: LogStore) -> None:
        first, other = make_event(id="1"), make_event(id="2")
        await store.store_attempts([attempt(first, 3), attempt(other, 4)])

        await store.store_attempts([attempt_of(first)])

        assert await store.find_attempts([first.attempt_id, other.attempt_id]) == {
            first.attempt_id: None,
            other.attempt_id: Address(TOPIC, 0, 4),
        }

    async def test_what_cannot_be_encoded_harms_no_other(self, store: LogStore, documents: Documents) -> None:
        good = make_event(id="good")
        bad = [make_event(id=str(n), broken=extra) for n, extra in enumerate([*BROKEN, _nested(5000)])]

        stored = await store.store_attempts([*[attempt(one, 1) for one in bad], attempt(good, 2)])

        assert set(stored.unstorable) == {one.attempt_id for one in bad}
        assert set(await documents("attempts")) == {good.attempt_id}

    async def test_forgotten_attempts_are_gone(self, store: LogStore, documents: Documents) -> None:
        event = make_event()
        await store.store_attempts([attempt(event, 1)])

        await store.forget_attempts([event.attempt_id, "absent"])

        assert await documents("attempts") == {}

    async def test_the_first_event_makes_the_entry_and_is_its_only_document(
        self, store: LogStore, documents: Documents
    ) -> None:
        event = make_event(status="success", causes=[])

        assert await write(store, delivered(event, 7)) == Tally(attempts=1, entries=1)

        entry = await self.entry(documents)
        assert entry["_id"] == event.entry_id
        assert (entry["account"], entry["kind"], entry["affiliate"], entry["code"]) == tuple(event.entry_id.split("|"))
        assert entry["state"]["status"] == "success"
        assert entry["state"]["version"] == list(event.version)
        assert entry["last_success_at"] == entry["first_seen_at"] == event.order_at
        assert (entry["attempts"], entry["applied"]) == (1, {"0": 7})
        assert entry["aliases"] == {"vtex_order_id": [event.version[0], "MLC-2000004567"]}
        assert entry["ids"] == ["2000004567", "mlc-2000004567"]
        assert await documents("attempts") == {}

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
    @pytest.mark.parametrize("first", ["older", "newer", "together"])
    async def test_the_newest_version_is_the_state_and_the_other_is_history(
        self, store: LogStore, documents: Documents, older: dict[str, Any], newer: dict[str, Any], first: str
    ) -> None:
        # The ids sort the other way round where they do not decide, and the older payload sorts after the newer one.
        old = make_event(**{"id": "e2", "payload": {"z": 2}, **older})
        new = make_event(**{"id": "e1" if "source" not in newer else "e2", "payload": {"a": 1}, **newer})
        assert old.version < new.version

        if first == "together":
            await write(store, delivered(old, 0), delivered(new, 1))
        else:
            for offset, event in enumerate([new, old] if first == "newer" else [old, new]):
                await write(store, delivered(event, offset))

        entry = await self.entry(documents)
        assert (entry["state"]["payload_json"], entry["attempts"]) == ('{"a":1}', 2)
        (earlier,) = (await documents("attempts")).values()
        assert (earlier["_id"], earlier["version"]) == (old.attempt_id, list(old.version))
        assert earlier["payload_json"] == '{"z":2}'

    async def test_a_change_of_an_entry_that_is_no_longer_as_it_was_found_does_nothing(
        self, store: LogStore, documents: Documents
    ) -> None:
        one, two, three = (make_event(id=str(n)) for n in range(3))
        other = make_event(id="4", code="other")
        await write(store, delivered(one, 5), delivered(other, 6))
        late = await planned(store, delivered(three, 8), delivered(make_event(id="5", code="other"), 9))
        await write(store, delivered(two, 7))
        before = await documents("log_entries")

        written = await store.write_entries(late)

        assert (written.conflicts, written.unstorable) == ({one.entry_id}, {})
        after = await documents("log_entries")
        assert after[one.entry_id] == before[one.entry_id]
        assert after[other.entry_id]["attempts"] == 2

    async def test_two_who_make_the_same_entry_are_a_conflict(self, store: LogStore, documents: Documents) -> None:
        one, two = make_event(id="1"), make_event(id="2")
        first, second = await planned(store, delivered(one, 1)), await planned(store, delivered(two, 2))

        assert (await store.write_entries(first)).conflicts == frozenset()
        assert (await store.write_entries(second)).conflicts == {one.entry_id}

        assert (await self.entry(documents))["attempts"] == 1

    async def test_an_entry_that_cannot_be_encoded_harms_no_other(self, store: LogStore, documents: Documents) -> None:
        await write(store, delivered(make_event(code="known"), 1))
        bad = [make_event(code=code, broken=BROKEN[0]) for code in ("new", "known")]

        tally = await write(store, *(delivered(e, 2 + n) for n, e in enumerate([*bad, make_event(code="good")])))

        assert set(tally.unstorable) == {Address(TOPIC, 0, 2), Address(TOPIC, 0, 3)}
        assert (tally.attempts, tally.entries) == (1, 1)
        assert {one["code"]: one["attempts"] for one in (await documents("log_entries")).values()} == {
            "known": 1,
            "good": 1,
        }

    @pytest.mark.parametrize("known", [0, 1])
    async def test_of_several_events_of_an_item_only_the_one_that_cannot_be_stored_is_refused(
        self, store: LogStore, documents: Documents, known: int
    ) -> None:
        if known:
            await write(store, delivered(make_event(id="0", processed_at="2026-11-23T09:00:00Z"), 0))
        events = [
            make_event(id=str(n), processed_at=f"2026-11-23T10:00:0{n}Z", payload=n, extra=BROKEN[0] if n == bad else n)
            for n, bad in ((1, 0), (2, 2), (3, 0))
        ]

        tally = await write(store, *(delivered(event, n) for n, event in enumerate(events, 1)))

        assert set(tally.unstorable) == {Address(TOPIC, 0, 2)}
        entry = await self.entry(documents)
        assert (entry["attempts"], entry["state"]["payload_json"]) == (2 + known, "3")
        ids = whole_history(await documents("attempts"), {entry["_id"]: entry})
        assert events[1].attempt_id not in ids
        assert {events[0].attempt_id, events[2].attempt_id} <= set(ids)

    async def test_partitions_count_apart(self, store: LogStore, documents: Documents) -> None:
        one, two = make_event(id="1"), make_event(id="2")

        await write(store, delivered(one, 5, partition=0), delivered(two, 5, partition=11))

        entry = await self.entry(documents)
        assert (entry["attempts"], entry["applied"]) == (2, {"0": 5, "11": 5})

    async def test_offsets_of_another_kinds_topic_count_apart(self, store: LogStore, documents: Documents) -> None:
        one, two, three = (make_event(id=str(n)) for n in range(3))
        elsewhere = "integration.events.product"

        await write(store, delivered(one, 900), delivered(two, 3, topic=elsewhere))
        assert (await write(store, delivered(two, 3, topic=elsewhere))).attempts == 0
        await write(store, delivered(three, 4, topic="other.$topic"))

        entry = await self.entry(documents)
        assert entry["attempts"] == 3
        assert entry["applied"] == {"0": 900, "product:0": 3, "other%2E%24topic:0": 4}
        held = (await store.find_entries([one.entry_id, "absent"])).held[one.entry_id]
        assert (dict(held.applied), held.attempts, held.version) == (entry["applied"], 3, entry["state"]["version"])

    async def test_an_attempt_that_a_crash_left_behind_counts_at_its_own_address_alone(
        self, store: LogStore, documents: Documents
    ) -> None:
        first, left = make_event(id="1"), make_event(id="0", processed_at="2026-11-22T00:00:00Z")
        await write(store, delivered(first, 1))
        await store.store_attempts([attempt(left, 2)])

        assert (await write(store, delivered(left, 2, partition=1))).attempts == 0
        assert (await write(store, delivered(left, 2))).attempts == 1
        assert (await write(store, delivered(left, 2))).attempts == 0

        entry = await self.entry(documents)
        assert (entry["attempts"], entry["first_seen_at"]) == (2, left.order_at)

    async def test_an_attempt_that_another_stores_while_we_plan_counts_once(
        self, store: LogStore, documents: Documents
    ) -> None:
        first, late = make_event(id="1"), make_event(id="0", processed_at="2026-11-22T00:00:00Z")
        await write(store, delivered(first, 1))
        ours, theirs = delivered(late, 2), delivered(late, 7, partition=1)

        class Between:
            """The other one stores the attempt between our look and our writing, and goes on when we are done."""

            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

            async def store_attempts(self, attempts: Any) -> Any:
                await store.store_attempts([PastDelivery(theirs)])
                return await store.store_attempts(attempts)

        between: Any = Between()
        await write(between, ours)
        await write(store, theirs)
        await write(store, ours)

        assert (await self.entry(documents))["attempts"] == 2

    async def test_a_topic_made_again_counts_its_new_events(self, store: LogStore, documents: Documents) -> None:
        old = make_event(id="1", status="success", causes=[], processed_at="2026-11-23T10:00:01Z")
        new = make_event(id="2", processed_at="2026-11-23T10:00:02Z")
        late = make_event(id="3", processed_at="2026-11-23T10:00:00Z")
        await write(store, delivered(old, 900))

        await write(store, delivered(new, 3), delivered(late, 4))
        await write(store, delivered(old, 5), delivered(new, 6))

        entry = await self.entry(documents)
        assert (entry["state"]["status"], entry["attempts"], entry["applied"]) == ("error", 3, {"0": 4})
        assert (entry["last_success_at"], entry["first_seen_at"]) == (old.order_at, late.order_at)

    async def test_an_old_event_whose_attempt_may_have_expired_does_not_count_again(
        self, store: LogStore, documents: Documents
    ) -> None:
        old = make_event(id="1", processed_at="2026-11-23T10:00:01Z")
        new = make_event(id="2", processed_at="2026-11-23T10:00:02Z")
        await write(store, delivered(old, 1), delivered(new, 2))
        await store.forget_attempts([old.attempt_id])

        again = [delivered(old, 1), delivered(new, 2)]
        tally = await write_deliveries(store, again, RECEIVED_AT + timedelta(days=1))

        assert tally == Tally(known=1)
        assert (await self.entry(documents))["attempts"] == 2

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

    async def test_of_aliases_of_one_instant_the_one_of_the_newest_version_stands(
        self, store: LogStore, documents: Documents
    ) -> None:
        first = make_event(id="1", source="/b", sequence=1, aliases={"shipment": "Z9", "order": "O"})
        second = make_event(id="2", source="/a", sequence=2, aliases={"shipment": "A1"})
        third = make_event(id="0", source="/a", sequence=2, aliases={"shipment": "Z8", "order": "P"})

        for offset, event in enumerate([first, second, third]):
            await write(store, delivered(event, offset))

        order = first.version[0]
        assert (await self.entry(documents))["aliases"] == {
            "order": [order, "P", 2, "/a", "0"],
            "shipment": [order, "A1"],
        }

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
        first, second = (make_event(id=str(n), sequence=n, payload=payload) for n in range(2))

        await write(store, delivered(first, 1))
        assert entry_from_document(await self.entry(documents)).payload == payload
        await write(store, delivered(second, 2))

        (earlier,) = (await documents("attempts")).values()
        assert attempt_from_document(earlier).payload == payload
        assert entry_from_document(await self.entry(documents)).payload == payload

    async def test_unknown_fields_are_stored_as_they_are_and_never_evaluated(
        self, store: LogStore, documents: Documents
    ) -> None:
        unknown = {"$where": "sleep(1)", "a.b": {"$inc": {"attempts": 5}}, "": ["$account", "$$ROOT", 2**63 - 1]}

        for sequence in range(2):
            await write(store, delivered(make_event(id=str(sequence), sequence=sequence, note=unknown), sequence))

        (earlier,) = (await documents("attempts")).values()
        assert earlier["extra"] == (await self.entry(documents))["state"]["extra"] == {"note": unknown}

    async def test_a_payload_of_before_its_text_was_stored_goes_on_into_history(
        self, store: LogStore, documents: Documents
    ) -> None:
        old = make_event(id="1", sequence=1, payload={"old": [True]})
        new = make_event(id="2", sequence=2, payload={"new": True})

        class Before(Change):
            def document(self) -> dict[str, Any]:
                made = new_entry(self.deliveries)
                made["state"]["payload"] = json.loads(made["state"].pop("payload_json"))
                return made

        await store.write_entries([Before(old.entry_id, [delivered(old, 1)], ())])

        await write(store, delivered(new, 2))

        (earlier,) = (await documents("attempts")).values()
        assert attempt_from_document(earlier).payload == {"old": [True]}
        assert entry_from_document(await self.entry(documents)).payload == {"new": True}

    async def test_an_answer_marks_only_its_own_job(self, store: LogStore, documents: Documents) -> None:
        event = make_event()
        await write(store, delivered(event, 1))
        answered = [Answer(event.entry_id, "job-1", RECEIVED_AT), Answer("absent", "job-1", RECEIVED_AT)]

        await store.mark_answered(answered)

        assert "reprocess" not in await self.entry(documents)
        assert len(await documents("log_entries")) == 1

    async def test_what_takes_too_much_memory_is_left_for_the_next_look(
        self, store: LogStore, narrow: LogStore
    ) -> None:
        events = [make_event(id=str(number), code=f"{number:03d}") for number in range(120)]
        await write(store, *(delivered(event, offset) for offset, event in enumerate(events)))
        wanted, held, looks = [event.entry_id for event in reversed(events)], set[str](), 0
        absent = [f"{one}-absent" for one in wanted]

        asked = [*wanted, *absent]
        while asked:
            looked = await narrow.find_entries(asked)
            assert len(looked.left) < len(asked)
            assert not held & set(looked.held)
            asked, held, looks = list(looked.left), held | set(looked.held), looks + 1

        assert held == set(wanted)
        assert looks > 2

    async def test_a_batch_that_meets_more_than_may_be_held_is_written_whole(
        self, store: LogStore, narrow: LogStore, documents: Documents
    ) -> None:
        events = [make_event(id=str(number), code=f"{number:03d}") for number in range(120)]
        later = [make_event(id=f"{n}-later", code=f"{n:03d}", processed_at="2026-11-24T00:00:00Z") for n in range(130)]
        await write(store, *(delivered(event, offset) for offset, event in enumerate(events)))

        tally = await write(narrow, *(delivered(event, 200 + offset) for offset, event in enumerate(later)))

        assert (tally.attempts, tally.entries, tally.known) == (130, 130, 120)
        entries = await documents("log_entries")
        assert sorted(entry["attempts"] for entry in entries.values()) == [1] * 10 + [2] * 120
        assert len(await documents("attempts")) == 120


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import ExecutionTimeout

from services.reprocessor.adapters.mongo_entry_store import MongoEntryStore
from services.reprocessor.adapters.mongo_failed_entries import MongoFailedEntries
from services.reprocessor.adapters.mongo_pending_entries import MongoPendingEntries
from services.reprocessor.handlers.ports import Claim
from shared.contracts.entries import entry_from_document
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from tests.support.fakes.reprocessor import FakeEntryStore
from tests.support.reprocessing import AT, make_document

Holds = Callable[[Sequence[dict[str, Any]]], Awaitable[None]]
ROWS = LogFilter(kind=("order",), status=("error",))
CODES = [f"{number:04d}" for number in range(200)]


def ids_of(codes, account="loja"):
    return [f"{account}|order|MLC|{code}" for code in codes]


def documents(codes, **changes):
    return [make_document(code, **{"account": "loja", **changes}) for code in codes]


def claim_of(job_id, at=AT):
    return Claim(job_id, at, "ana")


async def held_by(store, job_id, ids):
    return [entry async for stretch in store.stream_claimed(ids, job_id) for entry in stretch]


class EntryStoreSuite:
    """The promises of EntryStore, PendingEntries and FailedEntries; `store` and the others come from the implementation's class."""

    store: Any
    pending: Any
    failed: Any
    holds: Holds

    async def test_entries_are_found_by_id_without_payload(self):
        await self.holds(documents(["1", "2"]))

        found = await self.store.find_entries([*ids_of(["2", "9"]), "x"])

        assert list(found) == ids_of(["2"])
        entry = found[ids_of(["2"])[0]]
        assert (entry.status, entry.payload, entry.causes[0]["code"]) == ("error", None, "ORD-SLA")

    async def test_of_two_claims_at_once_each_entry_goes_to_exactly_one(self):
        await self.holds(documents(CODES))
        ids = ids_of(CODES)

        await asyncio.gather(
            self.store.claim(ids, claim_of("a")),
            self.store.claim(list(reversed(ids)), claim_of("b")),
            self.store.claim(ids[50:150], claim_of("c")),
        )

        winners = [entry.id for job in "abc" for entry in await held_by(self.store, job, ids)]
        assert sorted(winners) == ids

    async def test_a_repeated_claim_leaves_the_first_as_it_is(self):
        await self.holds(documents(["1"]))
        await self.store.claim(ids_of(["1"]), claim_of("a"))

        await self.store.claim(ids_of(["1"]), claim_of("a", AT + timedelta(hours=1)))

        (entry,) = await held_by(self.store, "a", ids_of(["1"]))
        assert entry.reprocess == {"id": "a", "state": "claimed", "claimed_at": AT, "requested_by": "ana"}

    async def test_claimed_entries_come_whole(self):
        await self.holds(documents(["1"], payload={"deep": [{"$set": 1, "a.b": 2**60}]}))
        await self.store.claim(ids_of(["1"]), claim_of("a"))

        (entry,) = await held_by(self.store, "a", ids_of(["1"]))

        assert entry.payload == {"deep": [{"$set": 1, "a.b": 2**60}]}
        assert type(entry.payload) is dict
        assert entry.aliases == {"vtex_order_id": "MLC-2000004567"}

    async def test_what_is_sent_cannot_be_claimed_by_another(self):
        await self.holds(documents(["1"]))
        await self.store.claim(ids_of(["1"]), claim_of("a"))
        await self.store.mark_sent(ids_of(["1"]), "a", at=AT)

        await self.store.claim(ids_of(["1"]), claim_of("b"))

        assert await held_by(self.store, "b", ids_of(["1"])) == []
        assert (await self.store.find_entries(ids_of(["1"])))[ids_of(["1"])[0]].reprocess == {
            "id": "a",
            "state": "sent",
            "claimed_at": AT,
            "sent_at": AT,
            "requested_by": "ana",
        }

    async def test_what_is_answered_or_unknown_can_be_claimed_anew(self):
        for code, state in (("1", "answered"), ("2", "unknown")):
            await self.holds(documents([code], reprocess={"id": "a", "state": state, "claimed_at": AT}))

        await self.store.claim(ids_of(["1", "2"]), claim_of("b"))

        assert len(await held_by(self.store, "b", ids_of(["1", "2"]))) == 2

    async def test_an_answer_that_was_faster_than_the_mark_stays(self):
        await self.holds(documents(["1"], reprocess={"id": "a", "state": "answered", "claimed_at": AT}))

        await self.store.mark_sent(ids_of(["1"]), "a", at=AT)

        assert (await self.store.find_entries(ids_of(["1"])))[ids_of(["1"])[0]].reprocess["state"] == "answered"

    async def test_only_the_claimer_can_mark_or_release(self):
        await self.holds(documents(["1"]))
        await self.store.claim(ids_of(["1"]), claim_of("a"))

        await self.store.mark_sent(ids_of(["1"]), "b", at=AT)
        await self.store.release(ids_of(["1"]), "b")

        assert len(await held_by(self.store, "a", ids_of(["1"]))) == 1

    async def test_a_released_entry_is_as_if_never_claimed(self):
        await self.holds(documents(["1"]))
        await self.store.claim(ids_of(["1"]), claim_of("a"))

        await self.store.release(ids_of(["1"]), "a")

        assert (await self.store.find_entries(ids_of(["1"])))[ids_of(["1"])[0]].reprocess is None

    async def test_an_automatic_claim_says_which_try_it_is_and_a_given_up_one_keeps_saying_it(self):
        await self.holds(documents(["1"]))
        await self.store.claim(ids_of(["1"]), Claim("a", AT, "ponte", tries=2))

        await self.store.give_up(ids_of(["1"]), "b")
        (entry,) = await held_by(self.store, "a", ids_of(["1"]))
        await self.store.give_up(ids_of(["1"]), "a")

        mark = {"id": "a", "claimed_at": AT, "requested_by": "ponte", "tries": 2}
        assert entry.reprocess == {**mark, "state": "claimed"}
        (found,) = (await self.store.find_entries(ids_of(["1"]))).values()
        assert found.reprocess == {**mark, "state": "unknown"}

    async def test_a_try_that_is_taken_back_is_counted_no_more_and_what_was_sent_stays(self):
        await self.holds(documents(["1", "2"]))
        await self.store.claim(ids_of(["1", "2"]), Claim("a", AT, "ponte", tries=2))
        await self.store.mark_sent(ids_of(["2"]), "a", at=AT)

        await self.store.take_try_back(ids_of(["1", "2"]), "b")
        await self.store.take_try_back(ids_of(["1", "2"]), "a")

        found = await self.store.find_entries(ids_of(["1", "2"]))
        mark = {"id": "a", "claimed_at": AT, "requested_by": "ponte"}
        assert [found[identity].reprocess for identity in ids_of(["1", "2"])] == [
            {**mark, "tries": 1, "state": "unknown"},
            {**mark, "tries": 2, "state": "sent", "sent_at": AT},
        ]

    async def test_what_is_left_alone_says_so_if_the_job_held_it(self):
        await self.holds(documents(["1", "2"]))
        await self.store.claim(ids_of(["1"]), Claim("a", AT, "ponte", tries=2))

        await self.store.leave_alone(ids_of(["1", "2"]), "b")
        await self.store.leave_alone(ids_of(["1", "2"]), "a")

        found = await self.store.find_entries(ids_of(["1", "2"]))
        mark = {"id": "a", "claimed_at": AT, "requested_by": "ponte", "tries": 2, "state": "unknown", "cancelled": True}
        assert [found[identity].reprocess for identity in ids_of(["1", "2"])] == [mark, None]

    async def test_nothing_to_do_is_fine(self):
        await self.store.claim([], claim_of("a"))
        await self.store.mark_sent([], "a", at=AT)
        await self.store.release([], "a")
        assert await held_by(self.store, "a", []) == []
        assert await self.store.find_entries([]) == {}

    async def test_a_walk_meets_every_matching_entry_once_in_order(self):
        await self.holds(documents(CODES[:25]))
        await self.holds(documents(["ok"], status="success"))
        await self.holds(documents(["other"], account="loja2"))
        await self.holds(documents(["price"], kind="price"))
        met, after, is_last = [], None, False

        while not is_last:
            walk = await self.store.list_matching("loja", ROWS, job_id="a", after=after, limit=10)
            met += [entry.id for entry in walk.entries]
            after, is_last = walk.last_id, walk.is_last

        assert met == ids_of(CODES[:25])

    async def test_a_walk_also_meets_what_the_job_has_marked_though_it_no_longer_matches(self):
        await self.holds(documents(["1", "4", "7"]))
        mark = {"id": "a", "state": "answered", "claimed_at": AT}
        await self.holds(documents(["2", "5", "8"], status="success", reprocess=mark))
        await self.holds(documents(["3"], status="success", reprocess={**mark, "id": "b"}))

        first = await self.store.list_matching("loja", ROWS, job_id="a", after=None, limit=2)
        second = await self.store.list_matching("loja", ROWS, job_id="a", after=first.last_id, limit=2)

        assert [entry.id for entry in first.entries] == ids_of(["1", "2", "4"])
        assert [entry.id for entry in second.entries] == ids_of(["5", "7", "8"])
        assert (first.is_last, second.is_last) == (False, True)

    async def test_a_walk_over_nothing_is_over(self):
        walk = await self.store.list_matching("loja", ROWS, job_id="a", after=None, limit=2)

        assert (list(walk.entries), walk.last_id, walk.is_last) == ([], None, True)

    async def test_codes_of_any_letters_are_walked_in_one_order(self):
        codes = ["Z", "a", "é", "~", "|x", "日本", "😀", "0"]
        await self.holds(documents(codes))
        met, after = [], None

        for _ in codes:
            walk = await self.store.list_matching("loja", ROWS, job_id="a", after=after, limit=1)
            after = walk.last_id
            met += [entry.id for entry in walk.entries]

        assert sorted(met) == sorted(ids_of(codes))

    async def test_stale_claims_are_found_and_given_up(self):
        await self.holds(documents(["1", "2"]))
        await self.store.claim(ids_of(["1"]), claim_of("a", AT - timedelta(seconds=1)))
        await self.store.claim(ids_of(["2"]), claim_of("a"))

        stale = [claim async for stretch in self.pending.stream_stale_claims(AT) for claim in stretch]
        given_up = await self.pending.give_up_claims(ids_of(["1", "2", "9"]), "a")

        assert [(claim.entry_id, claim.account, claim.job_id) for claim in stale] == [(ids_of(["1"])[0], "loja", "a")]
        assert given_up == 2
        assert await held_by(self.store, "a", ids_of(["1", "2"])) == []

    async def test_what_nobody_answered_is_given_up_once(self):
        await self.holds(documents(["1", "2"]))
        await self.store.claim(ids_of(["1", "2"]), claim_of("a", AT - timedelta(seconds=9)))
        await self.store.mark_sent(ids_of(["1"]), "a", at=AT - timedelta(seconds=1))
        await self.store.mark_sent(ids_of(["2"]), "a", at=AT)

        assert await self.pending.give_up_answers(AT) == 1
        assert await self.pending.give_up_answers(AT) == 0
        found = await self.store.find_entries(ids_of(["1", "2"]))
        assert [entry.reprocess["state"] for entry in found.values()] == ["unknown", "sent"]

    async def test_retriable_is_what_failed_lately_by_causes_that_pass_by_themselves_and_is_not_under_way(self):
        down, unknown, sla = ({"code": code, "message": "x"} for code in ("NET-DOWN", "mine", "ORD-SLA"))
        mark = {"id": "a", "claimed_at": AT}
        await self.holds(documents(["down"], causes=[down]))
        await self.holds(documents(["both"], causes=[down, unknown]))
        await self.holds(documents(["warned"], causes=[down], status="warning"))
        await self.holds(documents(["answered"], causes=[down], reprocess={**mark, "state": "answered"}))
        for code, changes in {
            "one of two": {"causes": [down, sla]},
            "worked": {"status": "success"},
            "sent": {"causes": [down], "reprocess": {**mark, "state": "sent"}},
            "claimed": {"causes": [down], "reprocess": {**mark, "state": "claimed"}},
            "old": {"causes": [down], "processed_at": "2026-11-16T10:00:00Z"},
            "elsewhere": {"causes": [down], "account": "loja2"},
            "price": {"causes": [down], "kind": "price"},
        }.items():
            await self.holds(documents([code], **changes))
        recent = {"since": AT - timedelta(days=7), "heard_before": AT + timedelta(days=1)}

        found = [entry async for entry in self.failed.stream_retriable("loja", "order", **recent)]
        too_new = self.failed.stream_retriable("loja", "order", **{**recent, "heard_before": AT - timedelta(days=1)})

        assert sorted(entry.code for entry in found) == ["answered", "both", "down", "warned"]
        assert {entry.payload for entry in found} == {None}
        assert [entry async for entry in too_new] == []
        assert await self.failed.list_accounts() == ["loja", "loja2"]


class TestFakeEntryStore(EntryStoreSuite):
    @pytest.fixture(autouse=True)
    def plug(self) -> None:
        self.store = self.pending = self.failed = FakeEntryStore()

    async def holds(self, found: Sequence[dict[str, Any]]) -> None:
        for document in found:
            self.store.put(entry_from_document(document))


class TestMongoEntryStore(EntryStoreSuite):
    @pytest.fixture(autouse=True)
    async def plug(self, database) -> None:
        self.store, self.pending = MongoEntryStore(database), MongoPendingEntries(database)
        self.failed = MongoFailedEntries(database)
        self.database = database

    async def holds(self, found: Sequence[dict[str, Any]]) -> None:
        await self.database[LOG_ENTRIES].insert_many(list(found))

    async def test_large_entries_come_in_stretches_of_bounded_memory(self):
        await self.holds(documents(CODES[:12], payload={"text": "x" * 1_000_000}))
        await self.store.claim(ids_of(CODES[:12]), claim_of("a"))

        stretches = [len(stretch) async for stretch in self.store.stream_claimed(ids_of(CODES[:12]), "a")]

        assert sum(stretches) == 12
        assert max(stretches) <= 5


class TestMongoEntryStoreWithoutAnIndex(TestMongoEntryStore):
    """The same promises when the server gives up on a search, and the walk goes on window by window."""

    @pytest.fixture(autouse=True)
    async def plug(self, database) -> None:
        self.store, self.pending = MongoEntryStore(database, window=3), MongoPendingEntries(database)
        self.failed = MongoFailedEntries(database)
        self.store._find = give_up_without_hint(self.store._find)
        self.database = database

    async def test_a_walk_through_entries_that_do_not_match_gets_on_with_empty_hands(self):
        await self.holds(documents(CODES[:40], status="success"))
        await self.holds(documents(["9999"]))

        first = await self.store.list_matching("loja", ROWS, job_id="a", after=None, limit=10)
        second = await self.store.list_matching("loja", ROWS, job_id="a", after=first.last_id, limit=10)

        assert (list(first.entries), first.last_id, first.is_last) == ([], ids_of(CODES[29:30])[0], False)
        assert ([entry.id for entry in second.entries], second.is_last) == (ids_of(["9999"]), True)


def give_up_without_hint(find):
    """Return `find`, whose cursors time out when they are given a time limit."""

    def found(*arguments):
        cursor = find(*arguments)

        def max_time_ms(_):
            raise ExecutionTimeout("operation exceeded time limit", 50)

        cursor.max_time_ms = max_time_ms
        return cursor

    return found

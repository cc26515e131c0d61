import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from services.reprocessor.handlers import reprocessing
from services.reprocessor.handlers.ports import Delivery
from shared.contracts.errors import NotEligible, OutcomeUnknown
from tests.support.fakes.reprocessor import Killed
from tests.support.reprocessing import AT, make_entry

FAILED = {"status": ["error"]}


def failed(count, **changes):
    return [make_entry(f"{number:06d}", **changes) for number in range(count)]


def dies():
    raise Killed


def dies_at_call(number):
    calls = itertools.count(1)

    def call():
        if next(calls) == number:
            dies()

    return call


async def test_a_named_item_is_claimed_sent_and_marked(world):
    world.holds(make_entry())
    await world.asks()

    await world.works_on()

    ((kind, message),) = world.topics.published
    assert (kind, message.key) == ("order", "loja|order|MLC|2000004567")
    mark = world.entries.entries[message.key].reprocess
    assert mark == {
        "id": "job-1",
        "state": "sent",
        "claimed_at": world.clock.at,
        "requested_by": "ana",
        "sent_at": world.clock.at,
    }
    assert world.job()["state"] == "done"
    assert world.counts() == {"matched": 1, "sent": 1, "skipped": {}, "failed": 0}


async def test_named_items_go_in_the_order_given_each_once(world):
    world.holds(*failed(30))
    codes = ["000029", "000003", "000029", "000011"]
    await world.asks(items=[{"affiliate": "MLC", "code": code} for code in codes])

    await world.works_on()

    assert [message.event.data["code"] for _, message in world.topics.published] == ["000029", "000003", "000011"]


async def test_every_item_that_is_not_sent_is_counted_with_its_reason(world):
    mark = {"id": "other", "state": "sent", "claimed_at": AT, "requested_by": "bo"}
    world.integrations.paused["loja"] = {"AMZ"}
    world.holds(
        make_entry("fine"),
        make_entry("well", status="success"),
        make_entry("busy", reprocess=mark),
        make_entry("off", affiliate="AMZ"),
    )
    items = [{"affiliate": "MLC", "code": code} for code in ("fine", "well", "busy", "gone")]
    await world.asks(items=[*items, {"affiliate": "AMZ", "code": "off"}])

    await world.works_on()

    skipped = {"not_failed": 1, "in_progress": 1, "not_found": 1, "paused": 1}
    assert world.counts() == {"matched": 5, "sent": 1, "skipped": skipped, "failed": 0}


async def test_a_filter_sends_all_that_match_and_nothing_else(world):
    world.holds(*failed(35), *(make_entry(f"x{number}", status="success") for number in range(20)))
    world.holds(make_entry("elsewhere", account="outra"), make_entry("price", kind="price"))
    await world.asks(filter=FAILED)

    await world.works_on()

    assert len(set(world.topics.event_ids)) == len(world.topics.event_ids) == 35
    assert world.counts() == {"matched": 35, "sent": 35, "skipped": {}, "failed": 0}


async def test_a_dry_run_counts_and_touches_nothing(world):
    world.holds(*failed(12), make_entry("well", status="success"))
    await world.asks(filter={}, dry_run=True)

    await world.works_on()

    assert world.topics.published == []
    assert all(entry.reprocess is None for entry in world.entries.entries.values())
    assert world.counts() == {"matched": 13, "sent": 0, "skipped": {"not_failed": 1}, "failed": 0}
    assert world.job()["state"] == "done"
    progress = world.job()["progress"]
    assert (progress["dry_run"], progress["eligible"]) == (True, 12)
    assert world.status.told[-1]["progress"]["eligible"] == 12


async def test_the_message_tells_what_stands_after_the_claim(world):
    world.holds(make_entry(payload={"old": True}))
    await world.asks()
    world.entries.before_claim = lambda: world.holds(make_entry(payload={"new": True}))

    await world.works_on()

    ((_, message),) = world.topics.published
    assert message.event.data["payload"] == {"new": True}


async def test_an_entry_that_succeeds_while_it_is_claimed_is_let_go(world):
    world.holds(make_entry())
    await world.asks()
    world.entries.before_claim = lambda: world.holds(make_entry(status="success"))

    await world.works_on()

    assert world.topics.published == []
    assert world.entries.entries["loja|order|MLC|2000004567"].reprocess is None
    assert world.counts()["skipped"] == {"not_failed": 1}


async def test_of_two_jobs_that_want_the_same_entry_one_sends_it(world):
    world.holds(make_entry())
    rival = {"id": "rival", "state": "claimed", "claimed_at": AT, "requested_by": "bo"}
    world.entries.before_claim = lambda: world.holds(make_entry(reprocess=rival))
    await world.asks()

    await world.works_on()

    assert world.topics.published == []
    assert world.counts()["skipped"] == {"in_progress": 1}


async def test_after_a_crash_between_publish_and_mark_the_same_event_is_sent_again(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)
    world.entries.before_mark = dies_at_call(2)
    with pytest.raises(Killed):
        await world.works()
    claimed_at = world.clock.at

    world.clock.advance(seconds=30)
    await world.works_on()

    repeated = [message for _, message in world.topics.published if world.topics.event_ids.count(message.event.id) == 2]
    assert len(set(world.topics.event_ids)) == 25
    assert len(repeated) == 20
    assert all(message.event.time == claimed_at.strftime("%Y-%m-%dT%H:%M:%S.000Z") for message in repeated)
    assert all(world.entries.state_of(identity) == "sent" for identity in world.entries.entries)
    assert world.counts() == {"matched": 25, "sent": 25, "skipped": {}, "failed": 0}


async def test_after_a_crash_between_mark_and_progress_nothing_is_sent_or_counted_twice(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)
    world.jobs.before_record = dies_at_call(2)  # the first keeps the lease
    with pytest.raises(Killed):
        await world.works()
    world.jobs.before_record = lambda: None
    # The connector is quick: two have already succeeded and no longer match the filter.
    for identity in sorted(world.entries.entries)[3:5]:
        entry = world.entries.entries[identity]
        world.holds(replace(entry, status="success", reprocess={**entry.reprocess, "state": "answered"}))

    world.clock.advance(seconds=30)
    await world.works_on()

    assert len(world.topics.event_ids) == len(set(world.topics.event_ids)) == 25
    assert world.counts() == {"matched": 25, "sent": 25, "skipped": {}, "failed": 0}


async def test_a_job_waits_for_its_next_slice_and_goes_on_where_it_stopped(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)

    await world.works(may_go_on=False)

    assert len(world.topics.published) == 10
    assert world.job()["leased_by"] is None
    assert world.job()["progress"]["last_id"] == "loja|order|MLC|000009"
    await world.works_on()
    assert len(world.topics.published) == 25


async def test_a_slice_ends_in_time_however_much_is_left(world):
    world.holds(*failed(100))
    world.limit(slice=timedelta(seconds=3))
    await world.asks(filter=FAILED, max_per_second=10)

    await world.works()

    assert world.job()["state"] == "running"
    assert len(world.topics.published) == 31


async def test_a_paced_job_sends_no_more_a_second_than_asked_across_its_slices(world):
    world.holds(*failed(100))
    await world.asks(filter=FAILED, max_per_second=10)
    started = world.clock.at

    await world.works_on()

    assert (world.clock.at - started).total_seconds() == pytest.approx(9.9, abs=0.2)


async def test_a_cancelled_job_stops_after_the_batch_in_hand(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)
    await world.works(may_go_on=False)
    world.job()["cancel_requested"] = True

    await world.works_on()

    assert world.job()["state"] == "cancelled"
    assert len(world.topics.published) == 10
    assert world.counts()["sent"] == 10


async def test_what_the_broker_refuses_is_released_and_counted_and_the_rest_goes_on(world):
    world.holds(*failed(12))
    await world.asks(filter=FAILED)
    world.topics.outcome = lambda message: (
        Delivery("refused", "too_large", "Broker: Message size too large")
        if message.key.endswith("000004")
        else Delivery("sent")
    )

    await world.works_on()

    assert world.counts() == {"matched": 12, "sent": 11, "skipped": {}, "failed": 1}
    assert world.entries.entries["loja|order|MLC|000004"].reprocess is None
    failure = {"affiliate": "MLC", "code": "000004", "reason": "too_large", "detail": "Broker: Message size too large"}
    assert world.job()["progress"]["failures"] == [failure]


async def test_without_the_brokers_word_nothing_is_said_to_be_sent_and_the_same_event_goes_again(world):
    world.holds(*failed(5))
    await world.asks(filter=FAILED)
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "timed out")
    with pytest.raises(OutcomeUnknown):
        await world.works()
    assert {world.entries.state_of(identity) for identity in world.entries.entries} == {"claimed"}
    assert world.counts()["sent"] == 0
    assert world.job()["progress"]["stalled_why"] == "5 of 5 messages on integration.retry.order: timed out"

    world.topics.outcome = lambda _: Delivery("sent")
    world.clock.advance(seconds=30)
    await world.works_on()

    assert len(world.topics.published) == 5
    assert world.counts() == {"matched": 5, "sent": 5, "skipped": {}, "failed": 0}
    assert (world.job()["progress"]["stalled_since"], world.job()["progress"]["stalled_why"]) == (None, None)


async def test_a_job_that_can_send_nothing_for_long_fails_and_says_why(world):
    world.holds(make_entry())
    await world.asks()
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "timed out")
    with pytest.raises(OutcomeUnknown):
        await world.works()

    world.clock.advance(minutes=16)
    await world.works()

    assert world.job()["state"] == "failed"
    assert "timed out" in world.job()["error"]


async def test_a_job_that_can_send_nothing_can_be_cancelled(world):
    world.holds(make_entry())
    await world.asks()
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "timed out")
    with pytest.raises(OutcomeUnknown):
        await world.works()
    world.job()["cancel_requested"] = True

    world.clock.advance(seconds=30)
    await world.works()

    assert world.job()["state"] == "cancelled"


async def test_a_runner_that_lost_its_lease_leaves_the_sums_to_the_other(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)
    calls = itertools.count(1)
    world.jobs.before_record = lambda: next(calls) > 1 and world.job().update(leased_by="another")

    await world.works()

    assert world.counts()["sent"] == 0
    assert len(world.topics.published) > 0
    assert world.job()["leased_by"] == "another"


async def test_a_runner_that_lost_its_lease_while_it_told_of_the_start_sends_nothing(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)
    world.jobs.before_record = lambda: world.job().update(leased_by="another")

    await world.works()

    assert world.topics.published == []
    assert world.job()["leased_by"] == "another"


async def test_a_runner_that_lost_its_lease_sends_nothing_of_the_batch_that_waits_for_its_turn(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED, max_per_second=1)
    world.limit(lease=timedelta(seconds=0.1), publish_timeout=timedelta(seconds=0.05))

    async def lose_it_meanwhile(_):
        world.job().update(leased_by="another")
        await asyncio.Event().wait()

    world.plugs = replace(world.plugs, sleep=lose_it_meanwhile)
    async with asyncio.timeout(20):
        await world.works()

    assert len(world.topics.published) == 1
    assert (world.job()["state"], world.job()["leased_by"]) == ("running", "another")


async def test_a_runner_that_was_frozen_for_longer_than_its_lease_sends_nothing(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED, max_per_second=10)

    async def freeze(_):
        world.clock.advance(seconds=30)

    plugs, world.plugs = world.plugs, replace(world.plugs, sleep=freeze)
    await world.works()
    sent = len(world.topics.published)
    world.plugs = plugs
    await world.works_on()

    assert sent == 1
    assert len(world.topics.event_ids) == len(set(world.topics.event_ids)) == 25
    assert world.counts() == {"matched": 25, "sent": 25, "skipped": {}, "failed": 0}


@pytest.mark.parametrize("sent_before", [0, 7])
async def test_a_runner_that_is_frozen_while_it_hands_a_batch_over_sends_nothing_more_of_it(world, sent_before):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)
    calls = itertools.count()
    world.topics.before_each = lambda: world.clock.advance(seconds=30) if next(calls) == sent_before else None

    with pytest.raises(OutcomeUnknown, match=f"{10 - sent_before} of 10 .*too late"):
        await world.works()
    sent = len(world.topics.published)
    await world.works_on()

    assert sent == sent_before
    assert len(world.topics.event_ids) == len(set(world.topics.event_ids)) == 25
    assert world.counts() == {"matched": 25, "sent": 25, "skipped": {}, "failed": 0}


async def test_what_the_client_could_still_hold_when_the_lease_ends_is_not_given_to_it(world):
    world.holds(*failed(5))
    await world.asks(filter=FAILED)
    world.topics.before_each = lambda: world.clock.advance(seconds=13)  # of 20, and a message may take 8

    with pytest.raises(OutcomeUnknown):
        await world.works()

    assert world.topics.published == []


async def test_whoever_asked_is_told_at_the_start_and_at_the_end(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)

    await world.works_on()

    first, last = world.status.told
    assert (first["state"], first["progress"]["sent"]) == ("running", 0)
    assert (last["state"], last["progress"]["sent"], last["id"], last["kind"]) == ("done", 25, "job-1", "order")


async def test_whoever_asked_is_told_at_most_once_a_second_in_between(world):
    world.holds(*failed(100))
    world.limit(slice=timedelta(seconds=19))
    await world.asks(filter=FAILED, max_per_second=20)

    await world.works_on()

    assert 5 <= len(world.status.told) <= 7


async def test_the_same_command_again_is_the_same_job(world):
    world.holds(make_entry())
    await world.asks()
    await world.works_on()

    await world.asks(requested_by="bo")
    await world.works_on()

    assert len(world.topics.published) == 1


async def test_another_command_under_an_old_id_is_refused(world):
    await world.asks()

    with pytest.raises(NotEligible, match="use a new id"):
        await world.asks(reason="another")


async def test_a_stored_command_that_nobody_can_read_fails_its_job(world):
    await world.asks()
    world.job()["command"] = {**world.job()["command"], "kind": "invoice"}

    await world.works_on()

    assert world.job()["state"] == "failed"
    assert "kind" in world.job()["error"]


async def test_a_lack_of_memory_says_nothing_of_the_job_that_met_it(world):
    world.holds(*failed(25))
    await world.asks(filter=FAILED)
    sent = world.topics.outcome

    def no_room(_):
        raise MemoryError

    world.topics.outcome = no_room
    with pytest.raises(MemoryError):
        await world.works()
    assert world.job()["state"] == "running"

    world.topics.outcome = sent
    world.clock.advance(seconds=30)
    await world.works_on()

    assert len(world.topics.event_ids) == len(set(world.topics.event_ids)) == 25
    assert world.job()["state"] == "done"


async def test_a_lack_of_memory_says_nothing_of_a_stored_command(world, monkeypatch):
    await world.asks()

    def no_room(_):
        raise MemoryError

    monkeypatch.setattr(reprocessing, "Work", no_room)
    with pytest.raises(MemoryError):
        await world.works()

    assert world.job()["state"] == "running"


async def test_a_job_that_can_send_nothing_rests_as_long_as_it_has_and_leaves_the_runners_to_others(world):
    world.holds(make_entry())
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "no such topic")
    await world.asks()
    rests = []
    for _ in range(4):
        with pytest.raises(OutcomeUnknown):
            await world.works()
        rests.append((world.job()["leased_until"] - world.clock.at).total_seconds())
        world.clock.advance(seconds=rests[-1] + 8)

    assert rests == [0, 8, 10, 10]

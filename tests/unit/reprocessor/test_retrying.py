from dataclasses import replace
from datetime import timedelta

import pytest

from services.reprocessor.handlers import retrying
from services.reprocessor.handlers.ports import Delivery
from services.reprocessor.handlers.retrying import RetryPlugs, retry_due
from shared.contracts.errors import OutcomeUnknown, StoreUnavailable
from tests.support.reprocessing import make_entry

ENTRY = "loja|order|MLC|2000004567"
DOWN = [{"code": "NET-DOWN", "message": "502 Bad Gateway"}]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(world):
    world.limit(retry_delays=(MINUTE, 5 * MINUTE))
    return world


def failed(world, code="2000004567", **changes):
    now = world.clock()
    return make_entry(code, **{"causes": DOWN, "processed_at": now, "received_at": now, **changes})


async def looks(world, entries=None, postponed=None):
    plugs = world.plugs
    return await retry_due(
        RetryPlugs(entries or world.entries, plugs.jobs, plugs.integrations, plugs.clock, plugs.limits),
        lambda account, kind, _: postponed.append((account, kind)),
    )


def answers(world, **changes):
    """Let the connector answer with an error again."""
    entry = world.entries.entries[ENTRY]
    mark = {**entry.reprocess, "state": "answered"}
    now = world.clock()
    world.holds(replace(entry, reprocess=mark, processed_at=now, received_at=now, **changes))


async def test_what_failed_is_tried_again_after_each_delay_and_then_left_to_people(world):
    world.holds(failed(world))
    asked = []

    for minutes in (0.5, 0.5, 4.5, 0.5, 600):
        world.clock.advance(minutes=minutes)
        asked.append(await looks(world))
        await world.works_on()
        if asked[-1]:
            answers(world)

    assert asked == [0, 1, 0, 1, 0]
    assert [message.event.data["reason"] for _, message in world.topics.published] == [
        "automatic retry 1",
        "automatic retry 2",
    ]
    assert {message.event.data["requested_by"] for _, message in world.topics.published} == {"ponte"}


async def test_an_account_that_takes_too_long_to_look_through_is_told_and_keeps_nobody_elses_retries(world):
    class SlowForOne:
        def __init__(self, entries):
            self.list_accounts = entries.list_accounts
            self._entries = entries

        def stream_retriable(self, account, kind, **bounds):
            if (account, kind) == ("antiga", "order"):
                raise StoreUnavailable("time limit")
            return self._entries.stream_retriable(account, kind, **bounds)

    world.holds(failed(world, account="antiga"))
    world.holds(failed(world))
    world.clock.advance(minutes=1)
    postponed = []

    assert await looks(world, SlowForOne(world.entries), postponed) == 1

    await world.works_on()
    assert [key for key, _ in world.topics.published] != []
    assert postponed == [("antiga", "order")]


async def test_two_workers_that_look_at_once_ask_once(world):
    world.holds(failed(world))
    world.clock.advance(minutes=1)

    one, another = await looks(world), await looks(world)
    await world.works_on()

    assert (one, another, len(world.topics.published)) == (1, 0, 1)


async def test_a_worker_that_asks_in_the_same_second_for_something_else_asks_again_later(world):
    world.holds(failed(world))
    world.clock.advance(minutes=1)
    await looks(world)
    await world.works_on()
    world.holds(failed(world, "late", received_at=world.clock() - MINUTE))

    too_early = await looks(world)
    world.clock.advance(seconds=1)

    assert (too_early, await looks(world)) == (0, 1)


async def test_an_item_that_is_not_due_any_more_when_its_turn_comes_is_skipped(world):
    world.holds(failed(world))
    world.clock.advance(minutes=1)
    await looks(world)
    (job,) = world.jobs.jobs.values()

    world.holds(failed(world))
    await world.works_on()

    assert (job["progress"]["skipped"], world.topics.published) == ({"not_due": 1}, [])


async def test_nothing_is_asked_of_an_integration_that_is_paused_or_wants_no_automatic_retries(world):
    world.integrations.paused = {"loja": {"MLC"}}
    world.integrations.unasked = {"AMZ"}
    world.holds(failed(world), failed(world, affiliate="AMZ"))
    world.clock.advance(minutes=1)

    assert await looks(world) == 0


async def test_what_the_broker_refuses_counts_as_a_try_and_does_not_come_for_ever(world):
    world.topics.outcome = lambda _: Delivery("refused", "too_large", "2 MiB")
    world.holds(failed(world))
    asked = 0

    for _ in range(30):
        world.clock.advance(minutes=1)
        asked += await looks(world)
        await world.works_on()

    assert asked == 2
    assert world.entries.state_of(ENTRY) == "unknown"


async def test_a_crowd_goes_in_jobs_of_bounded_size_one_after_the_other(world, monkeypatch):
    monkeypatch.setattr(retrying, "MOST_ITEMS", 10)
    world.limit(retries_per_second=10)
    world.holds(*(failed(world, str(number)) for number in range(25)))
    world.clock.advance(minutes=1)

    first, meanwhile = await looks(world), await looks(world)
    began_at = world.clock()
    await world.works_on()
    took = world.clock() - began_at
    rest = []
    for _ in range(3):
        world.clock.advance(seconds=1)
        rest.append(await looks(world))
        await world.works_on()

    assert (first, meanwhile, rest) == (10, 0, [10, 5, 0])
    assert took >= timedelta(seconds=0.9)
    assert len(set(world.topics.event_ids)) == 25


@pytest.mark.parametrize(("limit", "paces"), [(10, [7, 3]), (2, [1, 1]), (1, [1])])
async def test_jobs_of_an_account_and_kind_that_go_side_by_side_keep_the_limit_together(world, limit, paces):
    world.limit(retries_per_second=limit)
    mark = {"id": "old", "state": "answered", "claimed_at": world.clock(), "tries": 1}
    world.holds(*(failed(world, str(number)) for number in range(30)))
    world.clock.advance(seconds=1)
    world.holds(*(failed(world, f"again-{number}", reprocess=mark) for number in range(10)))
    world.clock.advance(minutes=5)

    await looks(world)
    asked = [job["command"]["max_per_second"] for job in world.jobs.jobs.values()]
    world.holds(failed(world, "late", received_at=world.clock() - MINUTE))
    world.clock.advance(seconds=1)

    assert asked == paces
    assert await looks(world) == 0


async def test_without_delays_nobody_is_looked_for(world):
    world.limit(retry_delays=())
    world.holds(failed(world))
    world.clock.advance(hours=1)

    assert await looks(world) == 0


async def test_the_jobs_are_forgotten_after_a_while(world):
    world.holds(failed(world))
    world.clock.advance(minutes=1)

    await looks(world)

    (job,) = world.jobs.jobs.values()
    assert job["expires_at"] == world.clock() + timedelta(days=7)


async def test_a_cancelled_retry_is_not_asked_for_again_before_the_item_is_heard_of(world):
    codes = [f"{number:03d}" for number in range(30)]
    world.holds(*(failed(world, code) for code in codes))
    world.clock.advance(minutes=1)
    assert await looks(world) == 30
    await world.works(may_go_on=False)
    sent = len(world.topics.published)
    (job,) = world.jobs.jobs.values()
    job["cancel_requested"] = True
    await world.works_on()

    world.clock.advance(minutes=10)
    assert (job["state"], await looks(world)) == ("cancelled", 0)
    assert 0 < len(world.topics.published) == sent < 30

    world.holds(replace(world.entries.entries["loja|order|MLC|029"], received_at=world.clock()))
    world.clock.advance(minutes=5)
    assert await looks(world) == 1


async def test_a_retry_that_is_cancelled_while_kafka_is_away_is_not_asked_for_again_either(world):
    world.holds(failed(world))
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "no broker")
    world.clock.advance(minutes=1)
    await looks(world)
    (job,) = world.jobs.jobs.values()
    world.plugs.entries.before_claim = lambda: job.update(cancel_requested=True)
    await world.works_on()

    world.clock.advance(minutes=10)
    assert (job["state"], await looks(world), world.topics.published) == ("cancelled", 0, [])


async def test_a_retry_that_could_send_nothing_for_long_uses_up_no_try(world):
    world.holds(failed(world))
    world.topics.outcome = lambda _: Delivery("unknown", "unknown", "no such topic")
    world.clock.advance(minutes=1)
    await looks(world)
    with pytest.raises(OutcomeUnknown):
        await world.works()
    world.clock.advance(minutes=16)
    await world.works()
    (stalled,) = world.jobs.jobs.values()
    world.topics.outcome = lambda _: Delivery("sent")

    asked = []
    for minutes in (0, 5, 600):
        world.clock.advance(minutes=minutes)
        asked.append(await looks(world))
        await world.works_on()
        if asked[-1]:
            answers(world)

    assert (stalled["state"], asked) == ("failed", [1, 1, 0])
    assert [message.event.data["reason"] for _, message in world.topics.published] == [
        "automatic retry 1",
        "automatic retry 2",
    ]

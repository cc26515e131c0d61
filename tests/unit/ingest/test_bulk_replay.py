import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.entrypoints.replays import replay_jobs
from services.ingest.handlers.ports import Fate, Replayed
from services.ingest.handlers.replaying import BATCH, ReplayPlugs, accept
from shared.contracts.errors import BrokerUnavailable, InvalidCommand, NotEligible, StoreUnavailable
from tests.support.builders import RECEIVED_AT
from tests.support.fakes.ingest import MemoryLetterBook, MemoryReplayJobs, MemoryTopics
from tests.support.letters import make_letter

ASKED_AT = RECEIVED_AT + timedelta(hours=1)


class World:
    def __init__(self) -> None:
        self.jobs, self.book, self.topics = MemoryReplayJobs(), MemoryLetterBook(), MemoryTopics()
        self.plugs = ReplayPlugs(self.jobs, self.book, self.topics, lambda: ASKED_AT)
        self.runner = replay_jobs("r", self.plugs, lambda: True)

    async def ask(self, **command: Any) -> dict[str, Any]:
        said = {"id": "1", "account": "loja", "requested_by": "Ana", **command}
        await accept(said, self.jobs, clock=lambda: ASKED_AT)
        return self.jobs.jobs[f"{said['account']}|{said['id']}"]

    async def keep(self, letters: Iterable[dict[str, Any]]) -> None:
        await self.book.keep(list(letters))

    def states(self) -> set[str]:
        return {letter["state"] for letter in self.book.letters.values()}


@asynccontextmanager
async def slow_batch(world: World, lease_for: timedelta) -> AsyncIterator[asyncio.Event]:
    """Let a runner send a job's batch that the broker takes once the event is set; at the end the runner has ended its slice."""
    goes_on, begun, send = asyncio.Event(), asyncio.Event(), world.topics.republish_all

    async def send_slowly(records: Any) -> Any:
        begun.set()
        await goes_on.wait()
        return await send(records)

    world.plugs = replace(world.plugs, clock=lambda: datetime.now(UTC), lease_for=lease_for)
    world.topics.republish_all = send_slowly  # type: ignore[method-assign]
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(replay_jobs("slow", world.plugs, lambda: True).work())
        await begun.wait()
        yield goes_on


async def test_all_letters_of_a_filter_go_back_as_they_came_and_are_marked() -> None:
    world = World()
    headers = (("ce_id", b"7"), ("ce_id", b"8"))
    await world.keep(make_letter(offset=number, value=b"\xff%d" % number, headers=headers) for number in range(1201))
    job = await world.ask(filter={"error_class": ["InvalidJson"]})

    await world.runner.work()

    assert (job["state"], job["progress"]["matched"], job["progress"]["sent"]) == ("done", 1201, 1201)
    assert world.states() == {"replayed"}
    topic, record = world.topics.sent[0]
    letter = world.book.letters[record.headers[-1][1].decode()]
    assert (topic, record.key, record.value) == ("integration.events.order", letter["key"], letter["value"])
    assert list(record.headers[:-1]) == list(headers)
    assert len({record.value for _, record in world.topics.sent}) == 1201
    assert letter["replay"] == {"at": ASKED_AT, "by": "Ana", "id": "1"}


@pytest.mark.parametrize("rows", [{}, {"to": "2060-01-01T00:00:00Z"}])
async def test_letters_that_come_while_a_job_runs_are_not_its_own(rows: dict[str, str]) -> None:
    world = World()
    await world.keep([make_letter(offset=1)])
    job = await world.ask(filter=rows)
    await world.keep([{**make_letter(offset=2), "received_at": ASKED_AT}])

    await world.runner.work()

    assert (job["progress"]["sent"], world.states()) == (1, {"open", "replayed"})


async def test_a_batch_that_outlasts_the_lease_is_sent_by_one_worker() -> None:
    world, lease_for = World(), timedelta(seconds=0.5)
    await world.keep([make_letter(offset=1)])
    job = await world.ask(filter={})

    async with slow_batch(world, lease_for) as goes_on:
        other, first = replay_jobs("other", world.plugs, lambda: True), job["leased_until"]
        while job["leased_until"] < first + lease_for:
            assert not await other.work()
            await asyncio.sleep(0.01)
        goes_on.set()

    assert (job["state"], job["progress"]["sent"], len(world.topics.sent)) == ("done", 1, 1)


async def test_a_worker_that_lost_its_lease_sends_no_more_of_the_batch() -> None:
    world = World()
    await world.keep([make_letter(offset=1)])
    job = await world.ask(filter={})

    async with slow_batch(world, timedelta(seconds=0.1)):
        job["leased_by"] = "another"

    assert (job["state"], job["leased_by"], world.topics.sent, world.states()) == ("running", "another", [], {"open"})


async def test_a_worker_that_was_frozen_past_its_lease_may_send_again_and_counts_nothing_twice() -> None:
    world = World()
    await world.keep(make_letter(offset=number) for number in range(3))
    job = await world.ask(filter={})

    async with slow_batch(world, timedelta(hours=1)) as thawed:
        del world.topics.republish_all  # the other's batch is not slow
        job["leased_until"] = ASKED_AT
        await replay_jobs("other", world.plugs, lambda: True).work()
        thawed.set()

    assert (job["state"], job["progress"]["sent"], len(world.topics.sent)) == ("done", 3, 6)


async def test_what_cannot_go_back_is_skipped_and_told() -> None:
    world = World()
    cut, foreign = make_letter(offset=4), make_letter(offset=5, account="vizinha")
    letters = [
        make_letter(offset=1),
        make_letter(offset=2, topic="integration.replay"),
        {**cut, "size": 10**9},
        foreign,
    ]
    await world.keep([*letters, make_letter(offset=3, state="replayed")])
    job = await world.ask(letters=[letter["_id"] for letter in world.book.letters.values()])

    await world.runner.work()

    assert (job["state"], len(world.topics.sent)) == ("done", 1)
    assert job["progress"]["skipped"] == {"not_replayable": 1, "cut": 1, "not_open": 2}


async def test_a_broker_that_goes_away_leaves_the_rest_open_and_the_job_goes_on_later() -> None:
    world = World()
    await world.keep(make_letter(offset=number) for number in range(4))
    job = await world.ask(filter={})
    fates: list[Fate] = ["sent", "unknown", "unknown", "refused"]
    world.topics.fates = iter(fates)

    with pytest.raises(BrokerUnavailable):
        await world.runner.work()
    assert (job["state"], job["leased_by"], job["progress"]["sent"]) == ("running", None, 1)
    world.topics.fates = iter(fates[:1] + fates[:1] + fates[3:])
    await world.runner.work()

    assert (job["state"], job["progress"]["sent"], job["progress"]["failed"]) == ("done", 3, 1)
    assert world.states() == {"open", "replayed"}


async def test_a_worker_that_dies_after_sending_costs_a_double_and_no_letter() -> None:
    world = World()
    await world.keep(make_letter(offset=number) for number in range(BATCH + 1))
    job = await world.ask(filter={})
    mark = world.book.mark_replayed

    async def die(*_: Any) -> None:
        raise asyncio.CancelledError

    world.book.mark_replayed = die  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await world.runner.work()
    world.book.mark_replayed = mark  # type: ignore[method-assign]
    job["leased_until"] = ASKED_AT
    await world.runner.work()

    assert (job["state"], world.states()) == ("done", {"replayed"})
    assert len(world.topics.sent) == 2 * BATCH + 1


async def test_a_worker_that_dies_before_it_has_counted_what_it_marked_costs_no_count() -> None:
    world = World()
    letters = [make_letter(offset=number) for number in range(BATCH + 1)]
    await world.keep([*letters, make_letter(offset=BATCH + 1, topic="integration.replay")])
    await world.book.mark_replayed("loja", [letters[0]["_id"]], Replayed(ASKED_AT, "Bia", "another"))
    by_filter, by_name = (
        await world.ask(filter={}),
        await world.ask(id="2", letters=[letter["_id"] for letter in letters[:2]]),
    )
    mark = world.book.mark_replayed

    async def mark_and_die(*told: Any) -> None:
        await mark(*told)
        raise StoreUnavailable("the answer was lost")

    world.book.mark_replayed = mark_and_die  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await world.runner.work()
    world.book.mark_replayed = mark  # type: ignore[method-assign]
    await world.runner.work()
    await world.runner.work()

    told = [(job["state"], job["progress"]) for job in (by_filter, by_name)]
    assert [(state, done["matched"], done["sent"], done["skipped"]) for state, done in told] == [
        ("done", BATCH + 1, BATCH, {"not_replayable": 1}),
        ("done", 2, 0, {"not_open": 2}),
    ]


async def test_sums_that_cannot_be_counted_again_hold_no_job_up() -> None:
    world = World()
    await world.keep([make_letter(offset=1)])
    job = await world.ask(filter={})
    job["progress"] = {"matched": 2, "sent": 0, "failed": 0, "skipped": {}}

    async def fail(*_: Any) -> int:
        raise StoreUnavailable("it takes too long")

    world.book.count_replayed = fail  # type: ignore[method-assign]
    await world.runner.work()

    assert (job["state"], job["progress"]["sent"]) == ("done", 1)


async def test_a_cancelled_job_stops_before_its_next_batch() -> None:
    world = World()
    await world.keep([make_letter(offset=1)])
    job = await world.ask(filter={})
    job["cancel_requested"] = True

    await world.runner.work()

    assert (job["state"], world.topics.sent) == ("cancelled", [])


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"account": "loja", "letters": []}, "letters"),
        ({"account": "loja", "letters": ["a b"]}, "letters.0"),
        ({"account": "loja", "letters": ["a"], "filter": {}}, "body"),
        ({"account": "loja", "filter": {"state": "open"}}, "filter.state"),
        ({"account": "loja", "filter": {"status": "x"}}, "filter.status"),
        ({"account": {"$ne": 1}, "filter": {}}, "account"),
        ({"filter": {}}, "account"),
    ],
)
async def test_a_bad_command_is_refused_with_its_field(command: Any, field: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        await accept(command, MemoryReplayJobs(), clock=lambda: ASKED_AT)
    assert refused.value.field == field


async def test_one_id_is_one_job() -> None:
    world = World()
    await world.ask(filter={})
    await world.ask(filter={}, requested_by="Bia")
    with pytest.raises(NotEligible):
        await world.ask(filter={"topic": ["integration.events.order"]})

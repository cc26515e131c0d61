import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from services.query.core.stream.changes import CaughtUp, Change, What
from services.query.core.stream.channel import Wish
from services.query.core.stream.position import Position, event_id, position_of
from services.query.handlers.stream import pump
from services.query.handlers.stream.feed import FeedFollower
from services.query.handlers.stream.hub import StreamHub
from services.query.handlers.stream.ports import HistoryLost, KeyFull, ProcessFull
from services.query.handlers.stream.streaming import follow_stream
from shared.contracts.errors import StoreUnavailable
from shared.contracts.filters import LogFilter
from shared.mongo.client import Document
from tests.support.builders import make_event
from tests.support.eventually import eventually_async
from tests.support.fakes.streams import BOUNDS, START, FakeChangedEntries, FakeFeed, hub_over
from tests.support.live_stream import Event, parse_events
from tests.support.seed import entry_document

ERRORS = Wish("loja", LogFilter(status=("error",)), "pt")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.query.handlers.stream.feed.delay_before", lambda _: 0)
    monkeypatch.setattr("shared.runtime.retry.FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(pump, "WINDOW_SECONDS", 0.001)


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed()


@pytest.fixture
def entries() -> FakeChangedEntries:
    return FakeChangedEntries(entry_document([make_event(code=str(code))]) for code in (*range(210), 2_001))


@pytest.fixture
async def hub(feed: FakeFeed, entries: FakeChangedEntries) -> AsyncIterator[StreamHub]:
    made = hub_over(feed, entries)
    yield made
    await made.close()


def change(number: int, code: int | None = None, what: What = "changed") -> Change:
    return Change(Position(START + number), f"loja|order|MLC|{number if code is None else code}", what)


@asynccontextmanager
async def reading(
    hub: StreamHub, wish: Wish = ERRORS, *, key: str = "k1", since: Position | None = None
) -> AsyncIterator[AsyncIterator[Event]]:
    """Give the events of a stream, those without a name left out."""

    async def always() -> bool:
        return True

    async with hub.joined(wish, key, since) as stream, aclosing(follow_stream(hub, stream, always)) as chunks:

        async def events() -> AsyncIterator[Event]:
            async for chunk in chunks:
                for event in parse_events(chunk.decode()):
                    if event.name:
                        yield event

        async with aclosing(events()) as told:
            yield told


async def codes(told: AsyncIterator[Event], count: int) -> list[str]:
    return [(await asyncio.wait_for(anext(told), 5)).data.get("code") for _ in range(count)]  # type: ignore[arg-type]


async def test_one_feed_and_one_reading_serve_all_streams(
    hub: StreamHub, feed: FakeFeed, entries: FakeChangedEntries
) -> None:
    async with reading(hub) as one, reading(hub) as another, reading(hub, replace(ERRORS, language="en")) as english:
        feed.put(change(1), change(2))
        seen = [await codes(told, 2) for told in (one, another, english)]

    assert seen == [["1", "2"]] * 3
    assert feed.followed == [None]
    assert sorted(identity for asked in entries.asked for identity in asked) == ["loja|order|MLC|1", "loja|order|MLC|2"]


async def test_streams_that_ask_for_the_same_share_their_bytes(hub: StreamHub, feed: FakeFeed) -> None:
    async with hub.joined(ERRORS, "k1", None) as one, hub.joined(ERRORS, "k2", None) as another:
        feed.put(change(1))
        taken = [(await stream.take(5))[0] for stream in (one, another)]

    assert taken[0] is taken[1]


async def test_a_feed_that_breaks_off_goes_on_where_it_was_and_nobody_is_told(hub: StreamHub, feed: FakeFeed) -> None:
    async with reading(hub) as told:
        feed.put(change(1), StoreUnavailable("no primary"), change(2))
        seen = await codes(told, 2)

    assert seen == ["1", "2"]
    assert feed.followed == [None, change(1).position]


async def test_a_feed_that_lost_its_place_starts_again_and_everybody_is_told(hub: StreamHub, feed: FakeFeed) -> None:
    async with reading(hub) as told:
        feed.start = Position(START + 100)
        feed.put(HistoryLost("no longer in the oplog"), change(101))
        lost = await asyncio.wait_for(anext(told), 5)  # type: ignore[arg-type]
        seen = await codes(told, 1)

    assert (lost.name, lost.data["reason"]) == ("resync", "interrupted")
    assert seen == ["101"]
    assert feed.followed == [None, None]


async def test_an_id_from_before_the_loss_is_too_old(hub: StreamHub, feed: FakeFeed) -> None:
    async with reading(hub) as told:
        feed.put(change(1))
        await codes(told, 1)
        feed.start = Position(START + 100)
        feed.put(HistoryLost("no longer in the oplog"))
        await anext(told)
        async with reading(hub, since=change(1).position) as again:
            event = await asyncio.wait_for(anext(again), 5)  # type: ignore[arg-type]

    assert (event.name, event.data["reason"]) == ("resync", "too_old")


async def test_the_first_stream_of_a_process_makes_it_look_back(entries: FakeChangedEntries) -> None:
    clock = make_event().received_at
    last = position_of(int(clock.timestamp()) - 60, 5)
    feed = FakeFeed()
    hub = hub_over(feed, entries, now=lambda: clock)
    later = [Change(Position(last + number), f"loja|order|MLC|{number}", "changed") for number in (-3, 1, 2)]
    feed.follow = told_in_order(feed, later)  # type: ignore[method-assign]

    async with reading(hub, since=last) as told:
        seen = await codes(told, 2)
    await hub.close()

    assert seen == ["1", "2"]


def told_in_order(feed: FakeFeed, past: Iterable[Change]):
    async def follow(since: Position | None) -> AsyncIterator[Change | CaughtUp]:
        feed.followed.append(since)
        for one in past:
            yield one
        yield CaughtUp(Position(START << 1))
        await asyncio.Event().wait()

    return follow


async def test_changes_wait_while_the_entries_cannot_be_read(
    hub: StreamHub, feed: FakeFeed, entries: FakeChangedEntries
) -> None:
    async with reading(hub) as told:
        entries.failures += [StoreUnavailable("no primary"), StoreUnavailable("no primary")]
        feed.put(change(1))
        assert await codes(told, 1) == ["1"]


async def test_an_entry_that_was_made_not_matching_is_not_told(
    hub: StreamHub, feed: FakeFeed, entries: FakeChangedEntries
) -> None:
    fine: Document = entry_document([make_event(code="7", status="success", causes=[])])
    entries.documents[fine["_id"]] = fine
    async with reading(hub) as told:
        feed.put(change(1, 7, "made"), change(2, 7), change(3))
        assert await codes(told, 1) == ["3"]


async def test_more_than_a_process_may_read_silences_the_widest_streams_first(
    feed: FakeFeed, entries: FakeChangedEntries
) -> None:
    hub = hub_over(feed, entries, bounds=replace(BOUNDS, entries_per_second=50))
    narrow = Wish("loja", LogFilter(affiliate=("MGZ",)), "pt")
    single = entry_document([make_event(code="1", affiliate="MGZ")])
    entries.documents[single["_id"]] = single
    async with reading(hub) as wide, reading(hub, narrow) as told:
        feed.put(*(change(number) for number in range(1, 200)), Change(Position(START + 300), single["_id"], "made"))
        silenced = await asyncio.wait_for(anext(wide), 5)  # type: ignore[arg-type]
        seen = await codes(told, 1)
    await hub.close()

    assert (silenced.name, silenced.data["reason"]) == ("resync", "too_many")
    assert seen == ["1"]


async def test_a_process_that_cannot_keep_up_says_so_and_holds_no_more(
    hub: StreamHub, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "MOST_PENDING", 10)
    async with reading(hub) as told:
        feed.put(*(change(number) for number in range(1, 30)))
        event = await asyncio.wait_for(anext(told), 5)  # type: ignore[arg-type]

    assert (event.name, event.data["reason"]) == ("resync", "too_many")


async def test_a_feed_that_is_too_much_for_everybody_rests_and_starts_again(
    feed: FakeFeed, entries: FakeChangedEntries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.query.handlers.stream.feed.FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("services.query.handlers.stream.feed.LONGEST_PAUSE_SECONDS", 0.01)
    hub = hub_over(feed, entries, bounds=replace(BOUNDS, entries_per_second=50))
    async with reading(hub) as told:
        feed.start = Position(START + 1_000)
        feed.put(*(change(number) for number in range(1, 200)))
        flooded = await asyncio.wait_for(anext(told), 5)  # type: ignore[arg-type]
        await eventually_async(lambda: settled(feed, change(200)), bool)
        rested = await asyncio.wait_for(anext(told), 5)  # type: ignore[arg-type]
        seen = await codes(told, 1)
    await hub.close()

    assert [(event.name, event.data["reason"]) for event in (flooded, rested)] == [("resync", "too_many")] * 2
    assert seen == ["2001"]
    assert feed.followed == [None, None]


async def settled(feed: FakeFeed, one: Change) -> bool:
    """Put another change of a flood, until the feed was started again; then one that is told."""
    if len(feed.followed) == 1:
        feed.put(one)
        return False
    feed.put(change(2_001))
    return True


async def test_bounds_hold_and_a_stream_that_is_left_makes_room(feed: FakeFeed) -> None:
    hub = hub_over(feed, bounds=replace(BOUNDS, streams=2, streams_per_key=1))
    async with hub.joined(ERRORS, "k1", None):
        with pytest.raises(KeyFull):
            await anext(aiter_of(hub, "k1"))
        async with hub.joined(ERRORS, "k2", None):
            with pytest.raises(ProcessFull):
                await anext(aiter_of(hub, "k3"))
        assert len(hub.audience) == 1
    assert len(hub.audience) == 0
    assert hub.audience.channels() == []
    await hub.close()


async def aiter_of(hub: StreamHub, key: str) -> AsyncIterator[None]:
    async with hub.joined(ERRORS, key, None):
        yield


async def test_a_hub_that_closes_ends_its_streams_and_takes_no_more(hub: StreamHub) -> None:
    async with reading(hub) as told:
        await hub.close()
        last = [event async for event in told]
    with pytest.raises(ProcessFull):
        await anext(aiter_of(hub, "k1"))

    assert [(event.name, event.data["reason"]) for event in last] == [("closing", "stopping")]


async def test_nobody_waits_for_ever_for_a_feed_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, entries: FakeChangedEntries
) -> None:
    monkeypatch.setattr("services.query.handlers.stream.hub.START_SECONDS", 0.05)
    feed = FakeFeed()
    feed.follow = silent  # type: ignore[method-assign,assignment]
    hub = hub_over(feed, entries)
    with pytest.raises(StoreUnavailable):
        await anext(aiter_of(hub, "k1"))
    assert len(hub.audience) == 0
    await hub.close()


async def silent(_since: Position | None) -> AsyncIterator[Change]:
    await asyncio.Event().wait()
    yield change(0)


async def test_the_feed_rests_when_nobody_streams_and_starts_again(
    hub: StreamHub, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.query.handlers.stream.hub.LINGER_SECONDS", 0.01)
    async with reading(hub):
        pass
    await asyncio.wait_for(feed.left.wait(), 5)
    async with reading(hub) as told:  # at once, while the rest of the rest is still under way
        feed.put(change(1))
        assert await codes(told, 1) == ["1"]

    assert feed.followed == [None, None]


async def test_a_silent_stream_shows_signs_of_life_whose_id_moves_on(
    hub: StreamHub, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.query.handlers.stream.streaming.HEARTBEAT_SECONDS", 0.05)

    async def always() -> bool:
        return True

    async with hub.joined(ERRORS, "k1", None) as stream, aclosing(follow_stream(hub, stream, always)) as chunks:
        feed.put(CaughtUp(Position(START + 50)))
        seen = [parse_events((await anext(chunks)).decode())[0] for _ in range(3)]

    assert [event.comment for event in seen] == ["open", "alive", "alive"]
    assert seen[0].id == event_id(START, "loja")
    assert seen[-1].id == event_id(Position(START + 50), "loja")


class DeafFeed(FakeFeed):
    """Loses the first cancel, as PyMongo does with one that meets its answer."""

    async def follow(self, since: Position | None) -> AsyncGenerator[Change | CaughtUp, None]:
        yield CaughtUp(START)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        yield CaughtUp(START)
        await asyncio.Event().wait()


class SilentListener:
    is_overrun = False

    def begin(self, start: Position) -> None:
        pass

    def note(self, told: Change | CaughtUp) -> None:
        pass

    def lose(self, reason: str) -> None:
        pass


async def test_a_feed_that_loses_a_cancel_is_stopped_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.runtime.ending.CANCEL_AGAIN_SECONDS", 0.001)
    follower = FeedFollower(DeafFeed(), SilentListener())
    follower.start(None)
    await follower.wait_until_caught_up()
    async with asyncio.timeout(5):
        await follower.stop()

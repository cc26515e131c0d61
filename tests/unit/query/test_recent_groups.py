"""Root causes that take long to count are counted once for all who ask meanwhile, and told again for a while."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.query.handlers.grouping import Grouped
from services.query.handlers.reading import Total
from services.query.handlers.recent_groups import (
    AT_ONCE,
    CHEAP_SECONDS,
    LONGEST_SECONDS,
    MOST,
    MOST_WAITING,
    RecentGroups,
)
from shared.contracts.errors import LimitExceeded, StoreUnavailable
from shared.contracts.filters import LogFilter

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
DAYS = [NOW.replace(hour=0)]
ORDERS = LogFilter(kind=("order",))


class Slow:
    """Counts one more group at each look, and takes `takes` seconds for it. `gate` holds it up, `fails` lets it fail."""

    def __init__(self, takes: float = 0.0) -> None:
        self.takes = takes
        self.clock = 100.0
        self.looks = 0
        self.at_once = self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False
        self.recent = RecentGroups(
            self, now=lambda: NOW + timedelta(seconds=self.clock - 100), seconds=lambda: self.clock
        )

    async def list_groups(self, account: str, rows: LogFilter, *, limit: int, days: Sequence[datetime]) -> Grouped:
        self.looks += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        self.clock += self.takes
        if self.fails:
            raise StoreUnavailable("too long")
        return Grouped([], Total(self.looks, "exact"), is_complete=True)

    async def ask(self, account: str = "loja", rows: LogFilter = ORDERS) -> Grouped:
        return await self.recent.list_groups(account, rows, limit=20, days=DAYS)


@pytest.mark.parametrize(("takes", "told_for"), [(0.5, 10.0), (60.0, LONGEST_SECONDS)])
async def test_an_answer_is_told_again_for_a_share_of_what_it_took(takes: float, told_for: float) -> None:
    slow = Slow(takes)
    first = await slow.ask()
    slow.clock += told_for - 0.01
    assert await slow.ask() is first
    assert slow.looks == 1
    slow.clock += LONGEST_SECONDS - told_for + 0.01

    again = await slow.ask()

    assert (first.total.value, first.as_of) == (1, NOW)
    assert (again.total.value, again.as_of) == (2, NOW + timedelta(seconds=takes + LONGEST_SECONDS))


async def test_while_it_is_counted_anew_the_last_answer_is_told() -> None:
    slow = Slow(0.5)
    first = await slow.ask()
    slow.clock += 12
    slow.gate.clear()
    assert [await slow.ask() for _ in range(3)] == [first] * 3
    while slow.looks < 2:
        await asyncio.sleep(0)
    slow.gate.set()
    while (again := await slow.ask()) is first:
        await asyncio.sleep(0)

    assert (again.total.value, again.as_of, slow.looks) == (2, NOW + timedelta(seconds=12.5), 2)


async def test_an_answer_is_told_until_it_is_half_a_minute_old_though_the_next_one_does_not_come() -> None:
    slow = Slow(0.5)
    first = await slow.ask()
    slow.gate.clear()
    slow.clock += LONGEST_SECONDS - 0.01
    assert await slow.ask() is first
    slow.clock += 0.01
    waiting = asyncio.ensure_future(slow.ask())
    while slow.looks < 2:
        await asyncio.sleep(0)
    assert not waiting.done()
    slow.gate.set()

    assert (await waiting).total.value == 2


async def test_what_is_cheap_is_counted_at_every_look() -> None:
    slow = Slow(CHEAP_SECONDS / 2)

    assert [(await slow.ask()).total.value for _ in range(3)] == [1, 2, 3]


async def test_whoever_asks_meanwhile_waits_for_the_same_count_and_who_goes_away_ends_it_for_nobody() -> None:
    slow = Slow()
    slow.gate.clear()
    leaving, *staying = [asyncio.ensure_future(slow.ask()) for _ in range(5)]
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    slow.gate.set()

    assert [one.total.value for one in await asyncio.gather(*staying)] == [1] * 4
    assert slow.looks == 1


async def test_another_account_filter_or_limit_is_another_question() -> None:
    slow = Slow(1.0)
    asked = [slow.ask(), slow.ask("outra"), slow.ask(rows=replace(ORDERS, kind=("price",)))]
    told = [(await one).total.value for one in asked]
    more = await slow.recent.list_groups("loja", ORDERS, limit=100, days=DAYS)

    assert (told, more.total.value) == ([1, 2, 3], 4)


async def test_a_failure_is_told_to_all_who_wait_and_never_again() -> None:
    slow = Slow(1.0)
    slow.fails = True
    told = await asyncio.gather(slow.ask(), slow.ask(), return_exceptions=True)
    slow.fails = False

    assert [type(one) for one in told] == [StoreUnavailable] * 2
    assert (await slow.ask()).total.value == 2


async def test_few_are_counted_at_once_and_no_more_are_kept_than_there_is_room_for() -> None:
    slow = Slow(1.0)
    slow.gate.clear()
    asking = [asyncio.ensure_future(slow.ask(f"shop{n}")) for n in range(AT_ONCE + 3)]
    while slow.looks < AT_ONCE:
        await asyncio.sleep(0)
    slow.gate.set()
    await asyncio.gather(*asking)
    for n in range(MOST):
        await slow.ask(f"other{n}")
    looks = slow.looks
    await slow.ask(f"other{MOST - 1}")
    await slow.ask("shop0")

    assert slow.most_at_once == AT_ONCE
    assert slow.looks == looks + 1


async def test_who_asks_for_other_rows_each_time_is_refused_and_holds_nobody_else_up() -> None:
    slow = Slow(1.0)
    slow.gate.clear()
    asked = [replace(ORDERS, q=f"item {number}") for number in range(MOST_WAITING)]
    waiting = [asyncio.ensure_future(slow.ask(rows=rows)) for rows in asked]
    while slow.looks < AT_ONCE:
        await asyncio.sleep(0)
    with pytest.raises(LimitExceeded):
        await slow.ask(rows=replace(ORDERS, q="one more"))
    waiting += [asyncio.ensure_future(slow.ask(rows=asked[0])), asyncio.ensure_future(slow.ask("outra"))]
    for left in waiting[:MOST_WAITING]:
        left.cancel()  # the request was given up; the counting is still to come
    await asyncio.wait(waiting[:MOST_WAITING])
    with pytest.raises(LimitExceeded):
        await slow.ask(rows=replace(ORDERS, q="one more"))
    slow.gate.set()

    assert len(await asyncio.gather(*waiting[MOST_WAITING:])) == 2
    assert slow.looks == MOST_WAITING + 1
    assert (await slow.ask(rows=replace(ORDERS, q="one more"))).total.value == MOST_WAITING + 2

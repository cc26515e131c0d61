"""The shop from now on: new orders, prices and quantities that change, now and then an error, now and then one that is mended."""

import asyncio
import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from deploy.demo.bookmark import Bookmark
from deploy.demo.chance import dice, one_of
from deploy.demo.connectors import Happening, Item, event_of
from deploy.demo.faults import choose, choose_warning
from deploy.demo.history import BLOCK, happenings, nth
from deploy.demo.orders import make_order
from deploy.demo.publisher import EventPublisher
from deploy.demo.shop import SHARES
from shared.contracts.catalogue import CATALOGUE
from shared.contracts.events import Status
from shared.runtime.clock import Clock

NEWS: Final[dict[str, float]] = {"order": 34, "stock": 26, "price": 18, "tracking": 8, "product": 8, "mend": 6}
OUTCOMES: Final[dict[Status, float]] = {"success": 89, "error": 9, "warning": 2}

FIRST_LIVE_NUMBER: Final = 5 * 10**7
OPENED: Final = datetime(2026, 1, 1, tzinfo=UTC)
SHORTEST_PAUSE_SECONDS: Final = 0.05
LONGEST_LAG_SECONDS: Final = 5.0
"""After a longer silence (a sleeping laptop, a broker away) the stream goes on from now and does not catch up."""

SMALLEST_SHOP: Final = 400
TRIES_TO_MEND: Final = 40


class Stream:
    """What happens next. An order is first `processing` and settles some seconds later."""

    def __init__(self, history: Bookmark) -> None:
        self._anchor = history.anchor
        self._items = max(history.told, SMALLEST_SHOP)
        self._told = history.told
        self._unsettled: list[tuple[datetime, str, Item]] = []

    def next(self, at: datetime) -> Happening:
        """Return what happens at that instant: the same for the same instant, but for orders that have to settle first."""
        if self._unsettled and self._unsettled[0][0] <= at:
            _, _, item = heapq.heappop(self._unsettled)
            return self._settle(item, at, dice("settle", item.affiliate, item.code))
        thrown = dice("news", at)
        news = one_of(thrown, NEWS)
        if news == "order":
            return self._new_order(at, thrown)
        if news == "mend" and (mended := self._mend(at, thrown)):
            return mended
        return self._settle(self._known_item(news, thrown), at, thrown)

    def _new_order(self, at: datetime, thrown: Random) -> Happening:
        number = FIRST_LIVE_NUMBER + (at - OPENED) // timedelta(milliseconds=100)
        affiliate = one_of(thrown, SHARES)
        order = Item("order", affiliate, make_order(number, affiliate))
        heapq.heappush(self._unsettled, (at + timedelta(seconds=2 + 3 * thrown.random()), order.code, order))
        return Happening(order, "processing", at, f"live {at}")

    def _settle(self, item: Item, at: datetime, thrown: Random) -> Happening:
        outcome = one_of(thrown, OUTCOMES)
        if outcome == "error":
            return Happening(item, outcome, at, f"live {at}", (choose(item.kind, item.affiliate, thrown),))
        remark = choose_warning(item.kind, item.affiliate, thrown) if outcome == "warning" else None
        return Happening(item, "warning" if remark else "success", at, f"live {at}", (remark,) if remark else ())

    def _known_item(self, news: str, thrown: Random) -> Item:
        kind = news if news in BLOCK else "stock"
        places = [place for place, each in enumerate(BLOCK) if each == kind]
        return nth(thrown.randrange(self._items // len(BLOCK)) * len(BLOCK) + thrown.choice(places))

    def _mend(self, at: datetime, thrown: Random) -> Happening | None:
        for _ in range(TRIES_TO_MEND if self._told else 0):
            item = nth(thrown.randrange(self._told))
            last = happenings(item, self._anchor)[-1]
            if last.status == "error" and all(CATALOGUE[fault.code].retry != "never" for fault in last.faults):
                return Happening(item, "success", at, f"live {at}")
        return None


async def flow(account: str, stream: Stream, rate: float, *, publisher: EventPublisher, clock: Clock) -> None:
    """Publish `rate` events a second, for ever."""
    began, told = clock(), 0
    while rate > 0:
        await asyncio.sleep(max(1 / rate, SHORTEST_PAUSE_SECONDS))
        due = int((clock() - began).total_seconds() * rate)
        if due - told > LONGEST_LAG_SECONDS * rate + 1:
            began, told = clock(), 0
            continue
        instants = (began + timedelta(seconds=number / rate) for number in range(told + 1, due + 1))
        await publisher.publish([event_of(account, happening) for happening in _all(stream, instants)])
        told = due


def _all(stream: Stream, instants: Iterator[datetime]) -> Iterator[Happening]:
    return (stream.next(at) for at in instants)

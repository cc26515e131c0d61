"""The shop's last thirty days: which items there are, and what happened to each. Same anchor, same history."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta, timezone
from random import Random
from typing import Final

from deploy.demo.chance import dice, happens, one_of
from deploy.demo.connectors import Happening, Item
from deploy.demo.faults import NO_EAN, NO_GTIN, NO_WEIGHT, Fault, choose, choose_warning, outage_at
from deploy.demo.orders import make_order
from deploy.demo.shop import AFFILIATES, SHARES, Sku, catalogue
from shared.contracts.events import Status
from shared.contracts.names import Kind

DAYS: Final = 30
SAO_PAULO: Final = timezone(timedelta(hours=-3))
"""Brazil has had no daylight saving time since 2019."""

BY_HOUR: Final = (2, 1, 1, 1, 1, 2, 3, 5, 7, 9, 11, 12, 11, 11, 11, 11, 11, 10, 10, 11, 12, 11, 8, 4)
"""How busy each hour of the day is: quiet nights, a peak before noon and one after dinner."""

BLOCK: Final[tuple[Kind, ...]] = (
    *("order", "order", "order", "order", "order", "order"),
    *("tracking", "tracking", "tracking"),
    *("product", "product", "product"),
    *("price", "price", "price", "price"),
    *("stock", "stock", "stock", "stock"),
)
"""The mix of kinds: any stretch of the history this long has it."""

STRIDE: Final = 7919
"""A prime: walks over all pairs of SKU and affiliate without meeting one twice."""

BEYOND: Final[dict[Kind, int]] = {"product": 10**7, "price": 2 * 10**7, "stock": 3 * 10**7}
"""Where the numbers of further orders begin, apart from all others."""

NEEDS_EAN: Final = frozenset({"MSM", "MGZ", "NTS", "MLC", "CSB"})
OUTCOMES: Final[dict[Status, float]] = {"success": 86, "error": 10.4, "warning": 2.8, "processing": 0.8}


def items(count: int, *, start: int = 0) -> Iterator[Item]:
    """Return the items of the shop from the one numbered `start` up to `count`, each once."""
    return (nth(index) for index in range(start, count))


def nth(index: int) -> Item:
    """Return the item of that number among all kinds: the same however long the history is."""
    block, place = divmod(index, len(BLOCK))
    kind = BLOCK[place]
    # Only part of the orders is on its way: the first three of each block's six.
    each = BLOCK.count("order" if kind == "tracking" else kind)
    return item(kind, block * each + place - BLOCK.index(kind))


def item(kind: Kind, number: int) -> Item:
    """Return the item of that number within its kind."""
    if kind in {"order", "tracking"}:
        affiliate = one_of(dice("affiliate", number), SHARES)
        return Item(kind, affiliate, make_order(number, affiliate))
    skus = catalogue()
    pairs = len(skus) * len(AFFILIATES)
    if number >= pairs:  # everything is on offer everywhere: more history means more orders
        return item("order", BEYOND[kind] + number)
    pair = number * STRIDE % pairs
    return Item(kind, AFFILIATES[pair % len(AFFILIATES)].id, skus[pair // len(AFFILIATES)])


def happenings(of: Item, anchor: datetime) -> list[Happening]:
    """Return what happened to an item until `anchor`, oldest first."""
    thrown = dice("history", of.kind, of.affiliate, of.code)
    at = _moment(anchor, thrown)
    return [
        Happening(of, status, when, f"history {step}", faults)
        for step, (status, when, faults) in enumerate(_course(of, anchor, at, thrown))
    ]


_Step = tuple[Status, datetime, tuple[Fault, ...]]


def _course(of: Item, anchor: datetime, at: datetime, thrown: Random) -> list[_Step]:
    if outage := outage_at(of.affiliate, anchor - at):
        over = anchor - outage.ended + timedelta(hours=1 + 5 * thrown.random())
        course: list[_Step] = [("error", at, (outage.fault,))]
        recovered = happens(thrown, 0.5) and over < anchor
        return [*course, ("success", over, ())] if recovered else course
    if lacking := _lacks(of, thrown):
        return _failing(lacking, at, anchor, thrown)
    outcome = one_of(thrown, OUTCOMES)
    if outcome == "error":
        return _failing((choose(of.kind, of.affiliate, thrown),), at, anchor, thrown)
    if outcome == "warning" and (remark := choose_warning(of.kind, of.affiliate, thrown)):
        return [("warning", at, (remark,))]
    if outcome == "processing":
        return [("processing", anchor - timedelta(minutes=1 + 14 * thrown.random()), ())]
    return _succeeding(of, at, anchor, thrown)


def _lacks(of: Item, thrown: Random) -> tuple[Fault, ...]:
    """The product line without barcodes fails wherever they are required, some of it for its weight as well."""
    if of.kind != "product" or not isinstance(of.subject, Sku) or not of.subject.family.no_ean:
        return ()
    if of.affiliate not in NEEDS_EAN:
        return ()
    missing = NO_GTIN if of.affiliate == "MLC" else NO_EAN
    return (missing, NO_WEIGHT) if happens(thrown, 0.25) else (missing,)


def _failing(faults: tuple[Fault, ...], at: datetime, anchor: datetime, thrown: Random) -> list[_Step]:
    times = _before(at, anchor, thrown.choice((0, 0, 1, 2, 3)), timedelta(hours=9), thrown)
    return [("error", when, faults) for when in times]


def _succeeding(of: Item, at: datetime, anchor: datetime, thrown: Random) -> list[_Step]:
    if happens(thrown, 0.08):
        first = _before(at, anchor, thrown.choice((1, 1, 2)), timedelta(hours=20), thrown)
        fault = choose(of.kind, of.affiliate, thrown)
        return [*(("error", when, (fault,)) for when in first[:-1]), ("success", at, ())]
    changes = thrown.choice((0, 0, 1, 2)) if of.kind in {"price", "stock"} else 0
    return [("success", when, ()) for when in _before(at, anchor, changes, timedelta(days=4), thrown)]


def _before(at: datetime, anchor: datetime, earlier: int, apart: timedelta, thrown: Random) -> list[datetime]:
    """Return `at` and so many instants before it, within the history, oldest first."""
    times = [at]
    for _ in range(earlier):
        times.append(times[-1] - apart * (0.05 + thrown.random()))
    return sorted(when for when in times if when > anchor - timedelta(days=DAYS)) or [at]


def _moment(anchor: datetime, thrown: Random) -> datetime:
    """Return an instant of the last thirty days at an hour at which shops are busy; recent days a little more often."""
    day = int((DAYS - 1) * thrown.random() ** 1.3)
    hour = one_of(thrown, dict(enumerate(BY_HOUR)))
    local = anchor.astimezone(SAO_PAULO).date() - timedelta(days=day)
    at = datetime.combine(local, time(hour), SAO_PAULO) + timedelta(seconds=3600 * thrown.random())
    at = at.astimezone(anchor.tzinfo)
    return at if at < anchor - timedelta(minutes=1) else at - timedelta(days=1)

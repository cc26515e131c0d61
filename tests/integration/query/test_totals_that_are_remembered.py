"""A large total is told again for a second, never longer; a small one is counted at every look."""

from datetime import datetime, timedelta

from services.query.adapters.log.mongo_entry_totals import LARGE, OLDEST, MongoEntryTotals
from services.query.handlers.reading import COUNT_LIMIT, Total
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database
from tests.support.fakes.reprocessor import FakeClock
from tests.support.seed import seed_entries

ORDERS = LogFilter(kind=("order",))


class Slow(FakeClock):
    """A clock on which everything takes `each`: so much passes from one reading to the next."""

    def __init__(self, each: timedelta) -> None:
        super().__init__()
        self._each = each

    def __call__(self) -> datetime:
        self.at += self._each
        return super().__call__()


class Shop:
    """Entries of one account that come and go, and their total."""

    def __init__(self, database: Database, account: str, clock: FakeClock) -> None:
        self._entries, self._account, self._database = database[LOG_ENTRIES], account, database
        self._totals = MongoEntryTotals(database, time_limit_ms=10_000, now=clock)

    async def add(self, entries: int) -> None:
        there = await self._entries.count_documents({"account": self._account})
        codes = range(there, there + entries)
        await seed_entries(self._database, ({"account": self._account, "code": str(code)} for code in codes))

    async def total(self, rows: LogFilter = ORDERS) -> Total:
        return await self._totals.count_entries(self._account, rows, at_most=COUNT_LIMIT)


async def test_a_large_total_is_told_again_for_a_second_and_another_question_is_counted(
    database: Database, account: str
) -> None:
    shop = Shop(database, account, clock := FakeClock())
    await shop.add(LARGE)
    assert await shop.total() == Total(LARGE, "exact")
    await shop.add(1)

    clock.at += OLDEST - timedelta(milliseconds=1)
    assert await shop.total() == Total(LARGE, "exact")
    assert await shop.total(LogFilter.parse({"kind": "order", "status": ["success", "error"]})) == Total(
        LARGE + 1, "exact"
    )
    clock.at += timedelta(milliseconds=1)
    assert timedelta(seconds=1) == OLDEST
    assert await shop.total() == Total(LARGE + 1, "exact")


async def test_however_long_counting_took_an_exact_total_is_no_older_than_a_second(
    database: Database, account: str
) -> None:
    shop = Shop(database, account, Slow(timedelta(seconds=30)))
    await shop.add(LARGE)
    await shop.total()
    await shop.add(1)

    assert await shop.total() == Total(LARGE + 1, "exact")


async def test_a_small_total_is_counted_at_every_look(database: Database, account: str) -> None:
    shop = Shop(database, account, FakeClock())
    await shop.add(LARGE - 2)
    assert await shop.total() == Total(LARGE - 2, "exact")
    await shop.add(1)

    assert await shop.total() == Total(LARGE - 1, "exact")

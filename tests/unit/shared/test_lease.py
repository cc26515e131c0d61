import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from shared.contracts.errors import LeaseLost, StoreUnavailable
from shared.runtime.lease import under_lease

OFTEN = 0.01


class Work:
    """Work that lasts until it may end, and tells whether it still runs."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.runs = asyncio.Event(), asyncio.Event(), False

    async def do(self) -> str:
        self.runs = True
        self.begun.set()
        try:
            await self.may_end.wait()
        finally:
            self.runs = False
        return "the result"


@pytest.fixture
def work() -> Work:
    return Work()


async def test_the_lease_is_renewed_until_the_work_is_done_and_its_result_returned(work: Work) -> None:
    times = itertools.count(1)

    async def renew() -> None:
        if next(times) == 5:
            work.may_end.set()

    assert await under_lease(work.do(), renew, every=OFTEN) == "the result"


async def test_work_that_lasts_no_longer_asks_for_no_renewal(work: Work) -> None:
    work.may_end.set()

    async def renew() -> None:
        pytest.fail("it was not due")

    assert await under_lease(work.do(), renew, every=60) == "the result"


async def test_what_the_work_raises_is_raised() -> None:
    async def fail() -> None:
        raise StoreUnavailable("away")

    async def renew() -> None:
        return

    with pytest.raises(StoreUnavailable):
        await under_lease(fail(), renew, every=OFTEN)


async def test_who_lost_the_lease_has_stopped_when_he_is_told(work: Work) -> None:
    async def renew() -> None:
        assert work.runs
        raise LeaseLost

    with pytest.raises(LeaseLost):
        await under_lease(work.do(), renew, every=OFTEN)
    assert (work.begun.is_set(), work.runs) == (True, False)


async def test_a_renewal_that_meets_no_server_stops_nothing(work: Work) -> None:
    times = itertools.count(1)

    async def renew() -> None:
        if next(times) == 3:
            work.may_end.set()
        raise StoreUnavailable("away")

    assert await under_lease(work.do(), renew, every=OFTEN) == "the result"


async def renewed() -> None:
    """Renew at once."""


async def never_renewed() -> None:
    """Wait for an answer that does not come, and lose a cancel."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return


@pytest.mark.parametrize("renew", [renewed, never_renewed])
async def test_cancelled_it_ends_with_its_work(work: Work, renew: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.create_task(under_lease(work.do(), renew, every=OFTEN))
    await work.begun.wait()
    await asyncio.sleep(5 * OFTEN)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert not work.runs

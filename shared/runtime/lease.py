"""Work under a lease: it is renewed for as long as the work lasts, and the work is ended, wholly, once there is no reason for it.

await under_lease(work(), renew, every=lease_for.total_seconds() / RENEWALS)
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from shared.contracts.errors import Transient
from shared.runtime.ending import end_tasks, heed

T = TypeVar("T")

RENEWALS: Final = 3
"""Of a lease while it lasts, so that one that comes late or not at all loses nothing."""


async def under_lease(work: Coroutine[Any, Any, T], renew: Callable[[], Awaitable[object]], *, every: float) -> T:
    """Return what `work` returns, calling `renew` each `every` seconds until then. Raise what either raises; the work has then ended.

    `renew` raises to stop the work, LeaseLost for one. A Transient is no reason: whether the lease was lost is asked again.
    Work that ends the job or gives it back leaves that to its caller: the lease that it ends would be missed.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            with contextlib.suppress(Transient):
                await renew()
            heed()
        return task.result()
    finally:
        await end_tasks([task])

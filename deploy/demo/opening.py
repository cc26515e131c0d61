"""The opening of the shop: its history is published once, as fast as the broker takes it. A restart goes on where it stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from confluent_kafka import KafkaException

from deploy.demo.bookmark import Bookmark, Bookmarks
from deploy.demo.connectors import event_of
from deploy.demo.history import happenings, items
from deploy.demo.publisher import RETRY_SECONDS, EventPublisher
from shared.contracts.times import to_milliseconds
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)

FIRST_ITEMS = 40
"""The first batch is short: all five tabs have rows at once."""

BATCH_ITEMS = 500

T = TypeVar("T")


async def tell_history(
    account: str, count: int, *, publisher: EventPublisher, bookmarks: Bookmarks, clock: Clock
) -> Bookmark:
    """Publish the items of the history that were not told yet, and return its bookmark."""
    bookmark = await _patiently(bookmarks.read) or Bookmark(to_milliseconds(clock()), 0)
    # Written before anything is told: a crash in between must find the same anchor, or the history would have two.
    await _patiently(partial(bookmarks.write, bookmark))
    events = 0
    while bookmark.told < count:
        upto = min(count, bookmark.told + (BATCH_ITEMS if bookmark.told else FIRST_ITEMS))
        told = [
            event_of(account, happening)
            for item in items(upto, start=bookmark.told)
            for happening in happenings(item, bookmark.anchor)
        ]
        await publisher.publish(told)
        events += len(told)
        bookmark = replace(bookmark, told=upto)
        await _patiently(partial(bookmarks.write, bookmark))
    log.info("history.told", extra={"facts": {"items": bookmark.told, "new_events": events}})
    return bookmark


async def _patiently(ask: Callable[[], T]) -> T:
    """Return what `ask` answers, however long the broker takes to come up."""
    while True:
        try:
            return await asyncio.to_thread(ask)
        except KafkaException as error:
            log.warning("broker.awaited", extra={"facts": {"why": str(error)}})
            await asyncio.sleep(RETRY_SECONDS)

"""`python -m deploy.demo`: opens the shop, keeps it busy, answers its retries, and closes at SIGTERM within a second."""

import asyncio
import os
import signal
import sys
import threading

from deploy.demo.answering import RetryAnswers
from deploy.demo.bookmark import Bookmark, Bookmarks
from deploy.demo.opening import tell_history
from deploy.demo.publisher import EventPublisher
from deploy.demo.registration import register_marketplaces
from deploy.demo.retries import RetryDesk
from deploy.demo.settings import DemoSettings
from deploy.demo.stream import Stream, flow
from shared.contracts.errors import Defect
from shared.runtime.clock import now
from shared.runtime.logging import configure_logging, get_logger
from shared.runtime.settings import read_settings
from shared.runtime.start import EXIT_CONFIGURATION

log = get_logger(__name__)

LONGEST_STOP_SECONDS = 0.8
"""A broker that is away must not hold us: everything that we leave unsaid is said again under the same id, or not missed."""

RENEW_EVERY_SECONDS = 6 * 3600


async def run(settings: DemoSettings) -> None:
    """Run the shop until a signal asks to stop."""
    asking = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, asking)
    publisher = EventPublisher(settings.kafka_bootstrap)
    desk = RetryDesk(settings.account, answer_ms=settings.demo_answer_ms)
    answers = RetryAnswers(settings.kafka_bootstrap, desk, account=settings.account, publisher=publisher, clock=now)
    stopped = asyncio.create_task(asking.wait())
    parts = [stopped, *_parts(settings, publisher, answers)]
    done, running = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    for part in running:
        part.cancel()
    if stopped not in done:
        done.pop().result()
    await asyncio.gather(answers.close(), publisher.close())


def _parts(settings: DemoSettings, publisher: EventPublisher, answers: RetryAnswers) -> list["asyncio.Task[object]"]:
    return [
        asyncio.create_task(_keep_shop(settings, publisher)),
        asyncio.create_task(_register(settings)),
        asyncio.create_task(answers.run()),
    ]


async def _keep_shop(settings: DemoSettings, publisher: EventPublisher) -> None:
    bookmarks = Bookmarks(settings.kafka_bootstrap, settings.account)
    history = await tell_history(
        settings.account, settings.demo_history, publisher=publisher, bookmarks=bookmarks, clock=now
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(_renew(bookmarks, history))
        group.create_task(flow(settings.account, Stream(history), settings.demo_rate, publisher=publisher, clock=now))


async def _renew(bookmarks: Bookmarks, history: Bookmark) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_SECONDS)
        await asyncio.to_thread(bookmarks.write, history)


async def _register(settings: DemoSettings) -> None:
    if settings.api_url:
        await register_marketplaces(settings.api_url, settings.api_key.get_secret_value())
    await asyncio.Event().wait()


def _stop(asking: asyncio.Event) -> None:
    asking.set()
    leaving = threading.Timer(LONGEST_STOP_SECONDS, os._exit, [0])
    leaving.daemon = True
    leaving.start()


def main() -> int:
    """Run the demo; return the exit code."""
    try:
        settings = read_settings(DemoSettings)
    except Defect as error:
        print(f"ponte: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    configure_logging("demo", settings.log_level)
    asyncio.run(run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.support.slow_worker <group>`: a worker whose agent is still at its first command when it is asked to stop.

Both the agent and a loop lose the cancel that ends them, as PyMongo does with one that meets its answer.
"""

import asyncio
import contextlib
import sys

from shared.contracts.names import REPROCESS_TOPIC
from shared.contracts.records import Record
from shared.kafka.dead_letters import KafkaDeadLetters
from shared.kafka.producer import Publisher
from shared.runtime.logging import get_logger
from shared.runtime.settings import Settings, read_settings
from shared.runtime.worker import Worker

FOR_EVER = 10**6

log = get_logger(__name__)


async def work_until_cancelled(_: Record) -> None:
    log.info("agent.began")
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(FOR_EVER)
    log.info("agent.ended")


async def lose_a_cancel() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(FOR_EVER)
    await asyncio.sleep(FOR_EVER)


async def close_tools() -> None:
    log.info("tools.closed")


if __name__ == "__main__":
    settings = read_settings(Settings)
    worker = Worker("slow", settings, group=sys.argv[1])
    letters = KafkaDeadLetters(Publisher(settings.kafka_bootstrap, service="slow"))
    worker.take_commands(REPROCESS_TOPIC, work_until_cancelled, letters)
    worker.add_main("forgetful", lose_a_cancel)
    worker.on_close(close_tools)
    worker.run()

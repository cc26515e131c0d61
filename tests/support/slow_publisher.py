"""`python -m tests.support.slow_publisher <bootstrap> <topic>`: the real publisher, whose client keeps what it is given for a while.

Says `handed over` once the client has the message, and at the end what became of it.
"""

import asyncio
import sys
from typing import Final

from shared.kafka.producer import OutMessage, Publisher

KEPT_SECONDS: Final = 3
"""Before the client sends."""

TIMEOUT_SECONDS: Final = 4


async def publish(bootstrap: str, topic: str) -> None:
    publisher = Publisher(bootstrap, service="test", timeout_seconds=TIMEOUT_SECONDS)
    publisher._settings["linger.ms"] = KEPT_SECONDS * 1000
    publisher._producer = publisher._connect()
    await publisher.check()
    answers = iter([True, False])

    def may_send() -> bool:
        is_first = next(answers)
        if not is_first:
            print("handed over", flush=True)
        return is_first

    messages = [OutMessage(topic, b"k", b"late"), OutMessage(topic, b"k", b"never")]
    print((await publisher.publish_all(messages, may_send=may_send))[0].delivery, flush=True)
    await publisher.close()


if __name__ == "__main__":
    asyncio.run(publish(*sys.argv[1:]))

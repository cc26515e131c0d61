"""Events out, until the broker has them: their ids make a repeat harmless, so the demo never gives up and never asks."""

import asyncio
from collections.abc import Sequence

from shared.kafka.producer import OutMessage, Publisher
from shared.runtime.logging import get_logger

log = get_logger(__name__)

RETRY_SECONDS = 1.0
DELIVERY_TIMEOUT_SECONDS = 10.0


class EventPublisher:
    """The connectors' way to Kafka."""

    def __init__(self, bootstrap: str) -> None:
        self._publisher = Publisher(bootstrap, service="demo", timeout_seconds=DELIVERY_TIMEOUT_SECONDS)

    async def publish(self, messages: Sequence[OutMessage]) -> None:
        """Return when the broker has all of them."""
        waiting = list(messages)
        while waiting:
            results = await self._publisher.publish_all(waiting)
            failed = [
                (message, sent) for message, sent in zip(waiting, results, strict=True) if sent.delivery != "sent"
            ]
            waiting = [message for message, _ in failed]
            if failed:
                log.warning("events.delayed", extra={"facts": {"events": len(failed), "why": failed[0][1].detail}})
                await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        """Send what is still waiting."""
        await self._publisher.close()

"""How Faust reaches Kafka: aiokafka, which must not end a worker that starts while Kafka is away, nor keep one that stops then, nor look
for Kafka 36 times a second.

As it comes, a worker never ends then. aiokafka cancels a fetch that pauses after a failure, and takes that cancel for its own; Faust's
thread dies of it, with a trace on standard error, before it has said that it ended, for which the worker waits. A commit, and a goodbye
to a broker that is frozen, have no limit either. What is given up here is taken again by whoever reads on: it is not committed.

It reaches into Faust's and aiokafka's privates: the versions are pinned (decision 0001), and tests start and stop workers whose Kafka is
away.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers import aiokafka

from shared.kafka.reconnecting import RECONNECT_SECONDS

COMMIT_SECONDS: Final = 3.0
LEAVE_SECONDS: Final = 3.0
"""Beyond them a stopping worker gives up its last commit, and then its goodbye to the group."""

log = logging.getLogger(__name__)
faust_log = logging.getLogger("faust")
"""For what Faust says of its own steps: a class of ours would tell them as ours, one by one."""


Connect = Callable[..., Awaitable[Any]]


class PatientConnect:
    """What aiokafka connects by, `connect(node_id, group=…)`, which returns None when that failed; asked again too early, so does this.

    aiokafka has no such setting: its fetches and its coordinator try ten times a second each, and ask for the brokers after each try.
    """

    def __init__(self, connect: Connect, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._again_at: dict[Any, float] = {}

    async def __call__(self, node_id: Any, *, group: Any = ConnectionGroup.DEFAULT, **how: Any) -> Any:
        """Return the connection, or None."""
        if self._clock() < self._again_at.get((node_id, group), 0.0):
            return None
        connection = await self._connect(node_id, group=group, **how)
        if connection is None:
            self._again_at[node_id, group] = self._clock() + RECONNECT_SECONDS
        return connection


async def _begin(
    service: Any, begin: Callable[[], Awaitable[None]], drop_client: Callable[[], Awaitable[None]]
) -> None:
    """Return when `begin` has found Kafka, or `service` is to stop."""
    while not service.should_stop:
        try:
            await begin()
        except KafkaConnectionError as error:
            await drop_client()
            log.warning("kafka.awaited", extra={"facts": {"why": str(error)}})
            await service.sleep(RECONNECT_SECONDS)
        else:
            return


class _Producer(aiokafka.Producer):  # type: ignore[misc]  # Faust has no types
    logger = faust_log
    _producer: Any

    async def on_start(self) -> None:
        await _begin(self, super().on_start, self._drop_client)

    async def _drop_client(self) -> None:
        client, self._producer = self._producer, None
        self.beacon.discard(client)
        await client.stop()


class _ConsumerThread(aiokafka.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust has no types
    logger = faust_log
    _consumer: Any

    def _create_worker_consumer(self, transport: aiokafka.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        client = consumer._client  # noqa: SLF001
        client._get_conn = PatientConnect(client._get_conn)  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        await _begin(self, super().on_start, self._drop_client)

    async def _drop_client(self) -> None:
        client, self._consumer = self._consumer, None
        await client.stop()

    async def on_thread_stop(self) -> None:
        # A task of its own: the cancel that aiokafka lets through ends that task, and not this thread.
        leaving = asyncio.ensure_future(super().on_thread_stop())
        done, _ = await asyncio.wait({leaving}, timeout=LEAVE_SECONDS)
        if done and not leaving.cancelled() and leaving.exception() is None:
            return
        leaving.cancel()
        why = repr(leaving.exception()) if done and not leaving.cancelled() else "Kafka is away"
        log.warning("consumer.left_in_silence", extra={"facts": {"why": why}})
        if self._consumer is not None:
            await self._consumer._client.close()  # noqa: SLF001

    def on_crash(self, msg: str, *fmt: Any, **_: Any) -> None:
        # Faust prints it, between the lines of the log.
        log.critical("consumer.crashed", exc_info=sys.exception(), extra={"facts": {"what": msg.format(*fmt)}})


class _Consumer(aiokafka.Consumer):  # type: ignore[misc]  # Faust has no types
    logger = faust_log

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_stop(self) -> None:
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await super().on_stop()
        except TimeoutError:
            log.warning("commands.not_committed", extra={"facts": {"after_seconds": COMMIT_SECONDS}})


class FaustTransport(aiokafka.Transport):  # type: ignore[misc]  # Faust has no types
    """Faust's own, with clients that wait for Kafka and stop in time. `app.transport = FaustTransport(app.conf.broker_consumer, app)`."""

    Consumer = _Consumer
    Producer = _Producer

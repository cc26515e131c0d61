"""What stands on a topic, for tests that share it."""

import asyncio
from uuid import uuid4

from confluent_kafka import Consumer

from deploy.local.servers import Servers
from tests.support.eventually import DEADLINE_SECONDS, eventually


async def read_key(servers: Servers, topic: str, key: str) -> bytes:
    """Return the value of the first record of `topic` with that key."""
    return await asyncio.to_thread(_read_key, servers.kafka.bootstrap, topic, key.encode())


def _read_key(bootstrap: str, topic: str, key: bytes) -> bytes:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"test-{uuid4().hex}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])

    def next_value() -> bytes | None:
        messages = consumer.consume(500, timeout=0.2)
        return next((message.value() for message in messages if message.key() == key), None)

    try:
        return eventually(next_value, bool, within=DEADLINE_SECONDS) or b""
    finally:
        consumer.close()

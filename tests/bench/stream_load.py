"""What is published beside the streams: events of new keys, each stamped with the instant of its publishing."""

import json
import time
from typing import Any

import psutil
from confluent_kafka import Producer
from pymongo import MongoClient

from shared.contracts.names import LOG_ENTRIES, events_topic
from shared.contracts.times import format_instant
from shared.runtime.clock import now
from tests.bench.contender import DATABASE, Stage

TOPIC = events_topic("order")
BURST_SECONDS = 180
LOOK_SECONDS = 0.05
REST_SECONDS = 4.0
"""Before each burst: what the one before left behind, checkpoints and compilation, is not measured."""


def message(number: int, name: str, affiliates: int) -> tuple[bytes, bytes]:
    """Return value and key of an event of a new key, stamped with this instant of the machine's clock."""
    affiliate, code, at = f"A{number % affiliates:02d}", f"{name}-{number:08d}", format_instant(now())
    failed = number % 3 == 0
    data = {
        "account": "loja",
        "kind": "order",
        "affiliate": affiliate,
        "code": code,
        "status": "error" if failed else "success",
        "processed_at": at,
        "causes": [{"code": "ORD-SLA", "message": "No available sla to deliver this order"}] if failed else [],
        "aliases": {"sent": str(time.monotonic_ns())},
        "payload": {"lines": "x" * 200},
    }
    return json.dumps(data).encode(), f"loja|order|{affiliate}|{code}".encode()


class Bursts:
    """As many events as ingest can take, again and again."""

    def __init__(self, stage: Stage, events: int, affiliates: int) -> None:
        self._stage = stage
        self._events = events
        self._affiliates = affiliates

    def run(self, name: str) -> float:
        """Return the events a second from the first one published to the last one stored."""
        made = [message(number, name, self._affiliates) for number in range(self._events)]
        with MongoClient[dict[str, Any]](self._stage.mongo_uri) as client:
            log = client[DATABASE][LOG_ENTRIES]
            wanted = log.estimated_document_count() + self._events
            producer = _producer(self._stage)
            time.sleep(REST_SECONDS)
            started = time.monotonic()
            for value, key in made:
                producer.produce(TOPIC, value, key)
                producer.poll(0)
            producer.flush(60)
            while log.estimated_document_count() < wanted:
                if time.monotonic() > started + BURST_SECONDS:
                    raise RuntimeError(f"{wanted - log.estimated_document_count()} entries are missing")
                time.sleep(LOOK_SECONDS)
            return self._events / (time.monotonic() - started)


def publish_steadily(stage: Stage, rate: int, seconds: float, affiliates: int, query: psutil.Process) -> int:
    """Publish on schedule, and return the most memory seen meanwhile."""
    producer, most = _producer(stage), 0
    started = time.monotonic()
    for number in range(int(rate * seconds)):
        if (early := started + number / rate - time.monotonic()) > 0.001:
            time.sleep(early)
        producer.produce(TOPIC, *message(number, "s", affiliates))
        producer.poll(0)
        if number % max(1, rate // 4) == 0:
            most = max(most, query.memory_info().rss)
    producer.flush(60)
    return max(most, query.memory_info().rss)


def _producer(stage: Stage) -> Producer:
    return Producer({"bootstrap.servers": stage.bootstrap, "compression.type": "lz4", "linger.ms": 2})
